"""A model of the hub is read wherever a model is: by its commit, once, and without the hub then."""

import json
import re
import sys

import pandas as pd
import pyarrow.parquet as pq
import pytest
from safetensors.numpy import save

from hubblefork.core.errors import RequestError
from hubblefork.models.find import find_model
from hubblefork.recipes.recipe import load_recipe
from tests.hub_server import serving_hub

pytestmark = pytest.mark.usefixtures("without_reports")


@pytest.fixture(scope="module")
def hub(trained):
    """owner/net has the model of a run."""
    model = (trained / "model.safetensors").read_bytes()
    with serving_hub() as hub:
        hub.put("models/owner/net", {"model.safetensors": model})
        hub.put("models/owner/gated", {"model.safetensors": model}, gated=True)
        hub.put("models/owner/private", {"model.safetensors": model}, private=True)
        hub.put("models/owner/empty", {"README.md": b"# Nothing"})
        hub.put("models/owner/other", {"model.safetensors": save({})})
        hub.put("models/owner/junk", {"model.safetensors": b"junk"})
        yield hub


@pytest.fixture(scope="module")
def folder(hub, tmp_path_factory):
    """The folder of a user of this hub."""
    folder = tmp_path_factory.mktemp("user")
    with pytest.MonkeyPatch.context() as patch:
        hub.known_to(patch, folder)
        patch.chdir(folder)
        yield folder


@pytest.fixture
def commit(hub):
    return hub.repositories["models/owner/net"].refs["main"]


@pytest.fixture
def few(shapes, tmp_path):
    """Some of the images, with one folder of each class."""
    for name in ("bar", "disc"):
        (tmp_path / "few" / name).mkdir(parents=True)
        for path in sorted((shapes / name).glob("*1*.png")):
            (tmp_path / "few" / name / path.name).symlink_to(path)
    return tmp_path / "few"


def test_it_predicts_to_the_byte_what_the_file_does_and_the_commit_is_noted(
    hubblefork, hub, commit, trained, few, folder
):
    for name, model in {"hub": "hf:owner/net", "file": trained / "model.safetensors"}.items():
        status, out, err = hubblefork("predict", model, few, "--out", f"{name}.csv")
        assert (status, out) == (0, f"{name}.csv\n"), err
    assert (folder / "hub.csv").read_bytes() == (folder / "file.csv").read_bytes()
    assert len(pd.read_csv(folder / "hub.csv")) > 10
    assert hubblefork("predict", "hf:owner/net", few, "--out", "hub.parquet")[0] == 0
    noted = pq.read_schema(folder / "hub.parquet").metadata
    assert f"hf:owner/net@{commit}".encode() in b" ".join(noted.values())
    fetched = [each for each in hub.asked if each.startswith(f"GET /owner/net/resolve/{commit}")]
    assert len(fetched) == 1


def test_it_is_evaluated_explained_and_planned_with_beside_where_one_is(
    hubblefork, commit, few, folder
):
    assert hubblefork("evaluate", "hf:owner/net", few)[1].endswith("evaluation-few\n")
    assert (folder / "evaluation-few" / "metrics.json").is_file()
    image = next((few / "disc").iterdir())
    status, out, err = hubblefork("explain", "hf:owner/net", image, "--method", "grad-cam")
    assert status == 0, err
    assert (folder / out.strip() / "explanation.html").is_file()
    assert hubblefork("survey", "plan", "hf:owner/net", few, "--out", "survey")[0] == 0
    plan = json.loads((folder / "survey" / "plan.json").read_text())
    assert plan["model"] == f"hf:owner/net@{commit}"
    for verb in ("evaluate", "explain"):
        status, _, err = hubblefork(verb, "hf:owner/net")
        assert (status, "is a model file and has no test set" in err) == (2, True)


def test_a_training_begins_with_its_weights_and_its_provenance_names_the_commit(
    hubblefork, commit, shapes, folder
):
    words = ("--recipe", "lenet5", "--size", "24", "--set", "epochs=1", "--out", "run")
    status, _, err = hubblefork("train", shapes, *words, "--set", "weights=hf:owner/net")
    assert status == 0, err
    assert "not known whether hf:owner/net" in err
    pinned = f"hf:owner/net@{commit}"
    assert json.loads((folder / "run" / "provenance.json").read_text())["weights"] == pinned
    assert load_recipe(folder / "run" / "recipe.toml").network.weights == pinned


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("hf:owner/none", "the hub has no such repository, or it is private (`hf auth login`)"),
        ("hf:owner/private", "the hub has no such repository, or it is private"),
        ("hf:owner/net@v9", "the hub has no such revision"),
        ("hf:owner/gated", "is restricted by its owner: ask for access on its page"),
        ("hf:owner/empty", "holds no model of hubblefork: it has no model.safetensors"),
        ("hf:owner/other", "or another program's; weights in timm's form are --set weights=hf-hub"),
        ("hf:owner/junk", "holds no model of hubblefork: its model.safetensors is damaged"),
        ("hf:net", "expected hf:OWNER/NAME or hf:OWNER/NAME@REVISION"),
        ("hf:owner/net@", "expected hf:OWNER/NAME or hf:OWNER/NAME@REVISION"),
        ("hf:owner/--", "hf:owner/--: "),
    ],
)
def test_what_cannot_be_had_is_one_line(hubblefork, folder, few, model, said):
    status, out, err = hubblefork("predict", model, few)
    assert (status, out, len(re.findall("(?m)^hubblefork: ", err))) == (2, "", 1), err
    assert said in err
    assert model in err


def test_a_revision_stays_what_it_was(hubblefork, hub, commit, few, folder):
    hub.repositories["models/owner/net"].refs["v1"] = commit
    hub.put("models/owner/net", {"model.safetensors": b"junk"})
    try:
        for revision in ("v1", commit):
            model = f"hf:owner/net@{revision}"
            assert hubblefork("predict", model, few, "--out", "old.csv")[0] == 0
        assert hubblefork("predict", "hf:owner/net", few)[0] == 2
    finally:
        hub.repositories["models/owner/net"].refs["main"] = commit


def test_a_damaged_copy_is_downloaded_again(hubblefork, commit, few, folder):
    assert hubblefork("predict", "hf:owner/net", few)[0] == 0
    place = "hub/models--owner--net/snapshots"
    copy = (folder / place / commit / "model.safetensors").resolve()
    content = copy.read_bytes()
    copy.write_bytes(content[:-1] + b"x")
    status, _, err = hubblefork("predict", "hf:owner/net", few)
    assert status == 0
    assert "hf:owner/net: the copy on this machine is damaged, and is downloaded again" in err
    assert copy.read_bytes() == content


def test_without_the_hub_what_was_downloaded_is_used(hubblefork, hub, few, folder, monkeypatch):
    from huggingface_hub import constants

    assert hubblefork("predict", "hf:owner/net", few, "--out", "first.csv")[0] == 0
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)  # as the variable does at the import
    asked = len(hub.asked)
    assert hubblefork("predict", "hf:owner/net", few, "--out", "again.csv")[0] == 0
    status, _, err = hubblefork("predict", "hf:owner/none", few)
    assert (status, len(re.findall("(?m)^hubblefork: ", err))) == (2, 1)
    assert "it is not on this machine yet, and HF_HUB_OFFLINE is set; try again, or give" in err
    assert len(hub.asked) == asked
    assert (folder / "again.csv").read_bytes() == (folder / "first.csv").read_bytes()


def test_without_the_package_it_is_told_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(RequestError, match=r"hf:owner/net: .*pip install 'hubblefork\[hub\]'"):
        find_model("hf:owner/net")
