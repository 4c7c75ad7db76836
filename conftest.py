"""Fixtures of all tests and of the examples in docstrings."""

import os
import re
import shutil
from contextlib import contextmanager
from pathlib import Path

# Processes beside each other (pytest -n) already keep all cores busy: more threads would only wait.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

# Sixty galaxies are simulated here before a new process has imported what it needs. Tests of
# workers say how many they want.
os.environ.setdefault("LOKY_MAX_CPU_COUNT", "1")

import hypothesis
import numpy as np
import pytest
from PIL import Image

from hubblefork.core.registry import Registry

# How long an example takes says something of the machine, not of what is tested.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")

_ROOT = Path(__file__).parent


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Real galaxies and insects that are not part of the project."""
    folder = Path(os.environ.get("HUBBLEFORK_TEST_DATA") or _ROOT.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip("no real images here: HUBBLEFORK_TEST_DATA names no folder")
    return folder


@pytest.fixture(scope="session", autouse=True)
def _coarse_figures():
    """Figures have few dots: to draw a report finely takes longer than a small training."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("hubblefork.report.figures.CHART_DPI", 45)
        patch.setattr("hubblefork.report.figures.SHEET_DPI", 45)
        yield


@pytest.fixture
def fine_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures as users see them, for tests of their size."""
    from hubblefork.report import style

    monkeypatch.setattr("hubblefork.report.figures.CHART_DPI", style.CHART_DPI)
    monkeypatch.setattr("hubblefork.report.figures.SHEET_DPI", style.SHEET_DPI)


@pytest.fixture(scope="session")
def empty_reports():
    """The context in which runs and evaluations have an empty report: to draw one takes seconds."""

    @contextmanager
    def empty():
        with pytest.MonkeyPatch.context() as patch:
            _leave_reports_empty(patch)
            yield patch

    return empty


@pytest.fixture(scope="module")
def without_reports(empty_reports):
    """Runs and evaluations of this module have an empty report, for tests that look at none."""
    with empty_reports() as patch:
        yield patch


@pytest.fixture
def with_reports(without_reports: pytest.MonkeyPatch):
    """But those of this test have a whole one."""
    without_reports.undo()
    yield
    _leave_reports_empty(without_reports)


def _leave_reports_empty(patch: pytest.MonkeyPatch) -> None:
    module = "hubblefork.workflow.evaluation_outputs"
    for name in ("draw_panels", "draw_charts", "save_figures"):
        patch.setattr(f"{module}.{name}", lambda *given: ())
    page = "<title>A report</title>"
    patch.setattr(f"{module}.write_report", lambda run, path, charts: path.write_text(page))


@pytest.fixture(scope="session")
def browser():
    """Chromium, which opens the pages of all tests: to start it takes seconds."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    names = ("chromium", "chromium-browser", "google-chrome")
    path = next(filter(None, map(shutil.which, names)), None)
    if path is None:
        pytest.skip("no browser here: apt-get install -y chromium")
    quiet = [
        "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync",
    ]  # fmt: skip
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=path, args=quiet)
        yield browser
        browser.close()


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory):
    """Packed datasets of tests are kept apart from the user's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HUBBLEFORK_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(autouse=True)
def _examples(
    request: pytest.FixtureRequest,
    doctest_namespace: dict,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What the examples in docstrings find there.

    `folder`, to write to; `galaxies`, images of two classes; `run`, what `train` gave for them,
    with its report. Those of their own trainings are empty.
    """
    if isinstance(request.node, pytest.DoctestItem):
        doctest_namespace["folder"] = tmp_path
        # A metric that an example registers is not measured in other tests.
        monkeypatch.setattr("hubblefork.evaluation.registered._registry", Registry("metric"))
        monkeypatch.setattr("hubblefork.evaluation.registered._metrics", {})
        doctest_namespace["galaxies"] = request.getfixturevalue("shapes")
        if any(re.search(r"\brun[.,)]", each.source) for each in request.node.dtest.examples):
            doctest_namespace["run"] = request.getfixturevalue("example_run")
        _leave_reports_empty(monkeypatch)


@pytest.fixture(scope="session")
def example_run(shapes: Path, tmp_path_factory: pytest.TempPathFactory):
    """The run of all examples: LeNet-5 after an epoch on images of 24x24. To be read only."""
    from hubblefork.workflow.train import train  # no test of the smaller rooms waits for torch

    settings = {"epochs": 1, "data.size": 24}
    return train(shapes, "lenet5", settings=settings, out=tmp_path_factory.mktemp("runs") / "run")


@pytest.fixture(scope="session")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of two classes that a small network tells apart: 40 discs, 40 bars, 32x32."""
    folder = tmp_path_factory.mktemp("source") / "shapes"
    random = np.random.default_rng(0)
    down, across = np.mgrid[:32, :32] - 15.5
    for number in range(40):
        size = random.uniform(5, 9)
        for name, inside in {
            "disc": np.hypot(down, across) < size,
            "bar": (abs(down) < 2) & (abs(across) < 2 * size),
        }.items():
            pixels = random.normal(40, 12, (32, 32, 3)) + 150 * inside[..., None]
            path = folder / name / f"{name} {number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(path)
    return folder
