"""`hubblefork explain` as a user types it."""

import pytest

pytestmark = pytest.mark.usefixtures("without_reports")


def test_the_last_line_is_the_folder(hubblefork, trained, shapes, tmp_path):
    image = shapes / "bar" / "bar 3.png"
    status, out, _ = hubblefork("explain", trained, image, "--out", tmp_path / "why")
    assert status == 0
    assert out.splitlines()[-1] == str(tmp_path / "why")
    assert (tmp_path / "why" / "explanation.html").is_file()


def test_a_model_of_votes_explains_a_galaxy_but_finds_no_wrong_labels(hubblefork, tmp_path):
    sky = ["simulated:votes:60", "--recipe", "lenet5", "--size", "24", "--set", "epochs=1"]
    status, _, err = hubblefork("train", *sky, "--out", tmp_path / "run")
    assert status == 0, err
    out = tmp_path / "why"
    status, _, _ = hubblefork("explain", tmp_path / "run", "simulated:votes:1:seed5", "--out", out)
    assert status == 0
    assert (out / "explanation.html").is_file()
    status, _, err = hubblefork("explain", tmp_path / "run", "--folds", "3", "--out", out / "no")
    assert status == 2
    assert "--folds finds wrong labels of classes" in err.splitlines()[-1]
    assert not (out / "no").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--method", "gradcam"], "did you mean 'grad-cam'"),
        (["--layer", "layers.77"], "no layer 'layers.77'"),
        (["--layer", "layers.77", "--method", "occlusion"], "no layer 'layers.77'"),
        (["--folds", "1"], "expected 2 or more"),
        (["nowhere.png"], "nowhere.png"),
    ],
)
def test_a_mistake_is_one_line_and_nothing_is_written(
    hubblefork, trained, tmp_path, words, message
):
    status, out, err = hubblefork("explain", trained, *words, "--out", tmp_path / "why")
    assert status == 2
    assert message in err.splitlines()[-1]
    assert "Traceback" not in err
    assert out == ""
    assert not list(tmp_path.iterdir())
