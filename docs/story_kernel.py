"""An IPython extension for the executed pages in stories/: `!hubblefork ...` runs in the kernel.

What it prints is what it prints in a terminal. A process of its own for each command would spend
most of its time importing PyTorch.
"""

import io
import shlex
import sys
import warnings
from contextlib import redirect_stderr, redirect_stdout
from functools import partial
from typing import Any
from unittest.mock import patch


def load_ipython_extension(shell: Any) -> None:
    """Called by `%load_ext story_kernel`. Figures have few dots, as drawing them takes long."""
    from hubblefork.report import figures

    figures.CHART_DPI = figures.SHEET_DPI = 90
    warnings.filterwarnings("ignore", "IProgress not found")  # widgets are not needed here
    shell.system = partial(_run, shell)


def _run(shell: Any, command: str) -> None:
    """Run a command line of hubblefork; RuntimeError with what it printed if it fails."""
    from hubblefork.cli import main

    words = shlex.split(shell.var_expand(command))  # {name} is a variable of the notebook
    assert words[0] == "hubblefork", f"only hubblefork is run here: {command}"
    printed = io.StringIO()
    plain = patch("hubblefork.core.progress.display_mode", lambda: "plain")
    logged = patch("hubblefork.training.epoch_log.display_mode", lambda: "plain")
    screen = patch("rich.console._is_jupyter", lambda: False)
    given = patch.object(sys, "argv", words)
    with redirect_stdout(printed), redirect_stderr(printed), plain, logged, screen, given:
        status = _status(main)
    if status:
        raise RuntimeError(f"exit status {status}: {printed.getvalue()}")
    print(printed.getvalue().rstrip())


def _status(main: Any) -> Any:
    try:
        main()
    except SystemExit as ended:
        return ended.code
    return 0
