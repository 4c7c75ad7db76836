"""Fixtures of all tests and of the examples in docstrings."""

import os
from pathlib import Path

# Processes beside each other (pytest -n) already keep all cores busy: more threads would only wait.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

import hypothesis
import numpy as np
import pytest
from PIL import Image

# How long an example takes says something of the machine, not of what is tested.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")

_ROOT = Path(__file__).parent


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Real galaxies and insects that are not part of the project."""
    folder = Path(os.environ.get("HUBBLEFORK_TEST_DATA", _ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip("no real images here: HUBBLEFORK_TEST_DATA names no folder")
    return folder


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory):
    """Packed datasets of tests are kept apart from the user's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HUBBLEFORK_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(autouse=True)
def _examples(doctest_namespace: dict, tmp_path: Path, shapes: Path) -> None:
    """Examples in docstrings write to `folder`, and read images of two classes in `galaxies`."""
    doctest_namespace["folder"] = tmp_path
    doctest_namespace["galaxies"] = shapes


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
