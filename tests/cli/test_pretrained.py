"""Pretrained backbones on the command line: mistakes are one line, and nothing is written."""

import pytest
import timm
from safetensors.torch import save_file
from timm.models import save_for_hf

pytestmark = pytest.mark.usefixtures("without_reports")

SMALL = ["--recipe", "transfer", "--size", "32", "--set", "network.name=timm:test_resnet"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--set", "weights=gone.pth"], "no weights at 'gone.pth': the file is not there"),
        (["--set", "weights=junk.pth"], "junk.pth holds no weights that can be read"),
        (
            ["--set", "weights=other.safetensors"],
            "tensors of 'other.safetensors' do not fit the 90",
        ),
        (["--set", "weights=."], "has no config.json"),
        (["--set", "weights=efficientnet-lite0"], "not of test_resnet"),
        (["--set", "weights=none", "--set", "network.name=timm:resnet1"], "mean 'resnet18'"),
        (["--set", "weights=none", "--set", "network.name=lenet5"], "needs a backbone of timm"),
        (["--set", "weights=none", "--set", "freeze_epochs=-1"], "expected at least 0, not -1"),
        (["--set", "weights=none", "--set", "layer_decay=0"], "expected more than 0, not 0"),
        (["--set", "weights=none", "--set", "method=prob"], "'gradient' or 'probe', not 'prob'"),
        (["--set", "weights=none", "--set", "wieghts=hub"], "did you mean 'weights'"),
    ],
)
def test_a_wrong_backbone_is_one_line_and_nothing_is_written(
    hubblefork, shapes, tmp_path, monkeypatch, words, message
):
    (tmp_path / "junk.pth").write_bytes(b"junk")
    other = timm.create_model("test_convnext").state_dict()
    save_file(other, tmp_path / "other.safetensors")
    before = sorted(tmp_path.iterdir())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HUBBLEFORK_CACHE", str(tmp_path / "cache"))
    status, out, err = hubblefork("train", shapes, *SMALL, *words, "--out", "run")
    assert status == 2
    assert message in err.splitlines()[-1]
    assert "Traceback" not in err
    assert out == ""
    assert sorted(tmp_path.iterdir()) == before, "not even images were read"


def test_a_model_needs_nothing_of_the_repository_that_it_began_with(
    hubblefork, shapes, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    save_for_hf(timm.create_model("test_resnet", num_classes=5), "encoder", safe_serialization=True)
    begin = [
        "--size",
        "32",
        "--set",
        "network.name=timm:local-dir:encoder",
        "--set",
        "weights=none",
    ]
    words = ["--set", "epochs=1", "--out", "run"]
    assert hubblefork("train", shapes, "--recipe", "transfer", *begin, *words)[0] == 0
    assert 'name = "timm:test_resnet"' in (tmp_path / "run" / "recipe.toml").read_text()
    for file in (tmp_path / "encoder").iterdir():
        file.unlink()
    status, _, err = hubblefork("predict", "run", shapes / "disc", "--out", "discs.csv")
    assert status == 0, err
