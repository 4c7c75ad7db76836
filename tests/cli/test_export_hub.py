"""A model goes to the hub with its card, and comes back as it was."""

import json
import re

import pytest
import timm
import torch
from huggingface_hub import ModelCard as HubCard

from hubblefork.data.images.framing import Framing
from hubblefork.models.model_card import ModelCard
from hubblefork.models.model_file import save_model
from hubblefork.models.predictor import Predictor
from hubblefork.models.view import View
from hubblefork.networks.registry import create_network
from hubblefork.tasks.classes import Classes
from tests.hub_server import TOKEN, serving_hub

pytestmark = pytest.mark.usefixtures("without_reports")


@pytest.fixture(scope="module")
def hub():
    with serving_hub() as hub:
        yield hub


@pytest.fixture
def folder(hub, tmp_path, monkeypatch):
    """The folder of a user of this hub, who is logged in as owner."""
    hub.known_to(monkeypatch, tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    return tmp_path


@pytest.fixture(scope="module")
def backbone(tmp_path_factory):
    """A model file with a backbone of timm, for grey images."""
    torch.manual_seed(0)
    card = ModelCard(
        network="timm:test_resnet", options={}, head="softmax", input_shape=(1, 32, 32),
        task=Classes(("bar", "disc")), framing=Framing(size=32, channels=1),
        colours=("without colour",), view=View(32, (0.25,), (0.5,)), recipe="transfer",
        source="hub:owner/sky:split=train", versions={},
    )  # fmt: skip
    path = tmp_path_factory.mktemp("backbone") / "model.safetensors"
    save_model(path, card.create_network(), card)
    return path


def held(hub, name):
    """The files of a repository by path."""
    repository = hub.repositories[f"models/{name}"]
    return repository.commits[repository.refs["main"]]


def export(hubblefork, model, *words):
    return hubblefork("export", model, "--format", "hub", *words)


def test_a_run_goes_to_the_hub_and_predicts_the_same_to_the_byte(
    hubblefork, hub, folder, trained, shapes
):
    status, out, err = export(hubblefork, trained, "--to", "owner/sky", "--licence", "Apache-2.0")
    assert status == 0, err
    commit = hub.repositories["models/owner/sky"].refs["main"]
    assert out == f"hf:owner/sky@{commit}\n"
    for name, model in {"hub": "hf:owner/sky", "run": trained}.items():
        assert hubblefork("predict", model, shapes / "disc", "--out", f"{name}.csv")[0] == 0
    assert (folder / "hub.csv").read_bytes() == (folder / "run.csv").read_bytes()
    files = held(hub, "owner/sky")
    assert files.keys() - {".gitattributes"} == {
        "README.md", "metrics.json", "model.safetensors", "recipe.toml"
    }  # fmt: skip
    for name in ("metrics.json", "model.safetensors", "recipe.toml"):
        assert files[name] == (trained / name).read_bytes()


def test_the_card_has_what_the_hub_reads_and_figures_with_intervals(hubblefork, folder, trained):
    words = ("--to", "owner/sky", "--licence", "mit", "--folder", "sky")
    assert export(hubblefork, trained, *words)[:2] == (0, "sky\n")
    card = HubCard((folder / "sky" / "README.md").read_text())
    metrics = json.loads((trained / "metrics.json").read_text())
    found = card.data.to_dict()
    assert (found["library_name"], found["license"]) == ("hubblefork", "mit")
    assert found["pipeline_tag"] == "image-classification"
    assert found["tags"] == ["hubblefork", "image-classification"]
    result = card.data.eval_results[0]
    assert (result.metric_type, result.dataset_name) == ("accuracy", "shapes")
    assert result.metric_value == metrics["accuracy"]
    assert result.metric_args == {"interval_95": metrics["intervals"]["accuracy"]}
    low, high = metrics["intervals"]["accuracy"]
    row = next(line for line in card.text.splitlines() if line.startswith("| Accuracy"))
    assert f"{100 * low:.1f} to {100 * high:.1f}" in row
    assert "predicts classes: bar, disc." in card.text
    assert "hubblefork predict hf:owner/sky images/" in card.text
    # Paths of this machine are nobody's business.
    assert str(folder.parent) not in card.content
    assert "/source/shapes" not in card.content


def test_a_backbone_is_there_in_the_form_of_timm_too(hubblefork, hub, folder, backbone, trained):
    assert export(hubblefork, backbone, "--to", "owner/backbone")[0] == 0
    predictor = Predictor.load("hf:owner/backbone", "cpu")
    images = torch.rand(2, 1, 32, 32)
    expected = predictor.network(images)
    found = timm.create_model("hf-hub:owner/backbone", pretrained=True, cache_dir=folder / "hub")
    assert torch.equal(found.eval()(images), expected)
    assert found.pretrained_cfg["mean"] == [0.25]
    assert "license" not in found.pretrained_cfg, "that of others"
    assert found.pretrained_cfg["label_names"] == ["bar", "disc"]
    again = create_network("timm:hf-hub:owner/backbone", (1, 32, 32), 2).eval()
    torch.testing.assert_close(again(images), expected)
    assert export(hubblefork, backbone, "--to", "owner/b", "--folder", "b")[0] == 0
    here = timm.create_model("local-dir:b/timm", pretrained=True).eval()
    assert torch.equal(here(images), expected)
    card = HubCard((folder / "b" / "README.md").read_text())
    assert card.data.datasets == ["owner/sky"]
    assert card.data.eval_results is None
    # Another network in its place leaves nothing of it.
    assert export(hubblefork, trained, "--to", "owner/backbone")[0] == 0
    assert not {"config.json", "timm/config.json"} & held(hub, "owner/backbone").keys()


def test_a_private_model_is_seen_by_its_owner_alone(hubblefork, hub, folder, trained, shapes):
    assert export(hubblefork, trained, "--to", "owner/secret", "--private")[0] == 0
    assert hub.repositories["models/owner/secret"].private
    assert hubblefork("predict", "hf:owner/secret", shapes / "bar")[0] == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "--format hub needs --to OWNER/NAME"),
        (("--to", "sky"), "sky: expected OWNER/NAME"),
        (("--to", "owner/a@v1"), "owner/a@v1: expected OWNER/NAME"),
        (("--to", "owner/a", "--out", "a.onnx"), "--out does not go with --format hub"),
        (("--to", "owner/a", "--folder", "taken"), "taken exists already: give another --folder"),
        (("--to", "other/a"), "don't have the rights to create a model under other"),
        (
            ("--to", "owner/a", "--licence", "beer"),
            'refuses the card: {"errors": [{"message": "\\"license\\" must be',
        ),
        (("--to", "owner/foreign"), "has files already that are not a model of hubblefork"),
        (("--to", "owner/public", "--private"), "hf:owner/public is public already"),
    ],
)
def test_what_cannot_be_exported_is_one_line(hubblefork, hub, folder, trained, words, said):
    (folder / "taken").mkdir()
    hub.put("models/owner/foreign", {"pytorch_model.bin": b"weights"})
    hub.put("models/owner/public", {"README.md": b"---\nlibrary_name: hubblefork\n---\n"})
    before = {name: len(each.commits) for name, each in hub.repositories.items()}
    status, out, err = export(hubblefork, trained, *words)
    assert (status, out, len(re.findall("(?m)^hubblefork: ", err))) == (2, "", 1), err
    assert said in err
    assert not list((folder / "taken").iterdir())
    after = {name: len(each.commits) for name, each in hub.repositories.items()}
    assert after == before


@pytest.mark.parametrize(
    ("token", "down", "said"),
    [
        (None, False, "the hub does not know who you are; log in by `hf auth login`"),
        ("hf_wrong", False, "cannot be uploaded: Invalid username or password"),
        (TOKEN, True, "cannot be uploaded: "),
    ],
)
def test_who_may_not_write_is_told_so(
    hubblefork, hub, folder, trained, monkeypatch, token, down, said
):
    monkeypatch.setattr(hub, "down", down)
    monkeypatch.delenv("HF_TOKEN") if token is None else monkeypatch.setenv("HF_TOKEN", token)
    status, _, err = export(hubblefork, trained, "--to", "owner/new")
    assert (status, len(re.findall("(?m)^hubblefork: ", err))) == (2, 1), err
    assert said in err
    assert "models/owner/new" not in hub.repositories
