"""The rooms stand in one order, and only higher ones import lower ones."""

import subprocess
import sys
from pathlib import Path


def test_no_room_imports_a_higher_one():
    result = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parent.parent,
    )
    assert result.returncode == 0, result.stdout + result.stderr
