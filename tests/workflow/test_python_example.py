"""The example in docs/explain.md runs as it is written."""

import re
from pathlib import Path

import pytest
from PIL import Image

pytestmark = pytest.mark.usefixtures("without_reports")

PAGE = Path(__file__).parents[2] / "docs" / "explain.md"


def test_the_example_of_the_page_runs_and_saves_what_it_names(fine_figures, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    exec(compile(code, str(PAGE), "exec"), {})
    named = re.findall(r'"([a-z]+\.png)"', code)
    assert len(named) >= 14
    for name in named:
        with Image.open(tmp_path / name) as image:
            assert min(image.size) > 100, name
