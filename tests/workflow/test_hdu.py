"""A model remembers which image of FITS files it was trained on, and reads that of others."""

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from hubblefork.models.model_file import load_model
from hubblefork.workflow.evaluate import evaluate
from hubblefork.workflow.predict import predict
from hubblefork.workflow.train import train

pytestmark = pytest.mark.usefixtures("without_reports")


@pytest.fixture
def sky(tmp_path: Path) -> Path:
    """Two classes of which SCI and ERR are different noise, in either order."""
    random = np.random.default_rng(0)
    for label in ("disc", "round"):
        (tmp_path / "sky" / label).mkdir(parents=True)
        for number in range(12):
            hdus = [fits.ImageHDU(random.normal(0, 1, (16, 16)), name=n) for n in ("SCI", "ERR")]
            path = tmp_path / "sky" / label / f"{number}.fits"
            fits.HDUList([fits.PrimaryHDU(), *hdus[:: (-1) ** number]]).writeto(path)
    return tmp_path / "sky"


def alone(path: Path, name: str) -> Path:
    """A file with one image of another, without its name."""
    copy = path.parent.parent.parent / f"{path.stem}-{name}.fits"
    fits.PrimaryHDU(fits.getdata(path, name)).writeto(copy)
    return copy


def test_predict_and_evaluate_read_what_the_model_was_trained_on(sky, tmp_path, capsys):
    settings = {"epochs": 1, "split.test": 0.2}
    given = {"size": 16, "device": "cpu", "settings": settings, "out": tmp_path / "run"}
    run = train(f"{sky}:hdu=ERR", "mlp", **given)
    assert load_model(run.model)[1].framing.hdu == "ERR"
    files = [sky / "disc" / "0.fits", sky / "round" / "1.fits"]
    capsys.readouterr()
    table = predict(run, files)
    assert "ERR is read, not SCI" in capsys.readouterr().err
    expected = predict(run, [f"{alone(path, 'ERR')}:hdu=PRIMARY" for path in files])
    np.testing.assert_array_equal(table[["disc", "round"]], expected[["disc", "round"]])

    other = predict(run, f"{files[0]}:hdu=SCI")
    assert "SCI is read of FITS files; the model learnt from ERR" in capsys.readouterr().err
    assert other["id"][0] == str(files[0])
    expected = predict(run, f"{alone(files[0], 'SCI')}:hdu=PRIMARY")
    assert other["disc"][0] == expected["disc"][0] != table["disc"][0]
    (problem,) = predict(run, alone(files[1], "SCI"))["problem"]
    assert problem == "no image ERR among HDU 0 PRIMARY (16x16)"

    capsys.readouterr()
    evaluation = evaluate(run, sky, out=tmp_path / "evaluation")
    assert evaluation.metrics["dataset"] == run.provenance.dataset
    assert "ERR is read, not SCI" in capsys.readouterr().err
