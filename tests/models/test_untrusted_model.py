"""A model file is not trusted: its metadata is checked before anything is allocated."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import nn

from hubblefork.core.errors import RequestError
from hubblefork.data.images.framing import Framing
from hubblefork.evaluation.calibration import Calibration
from hubblefork.evaluation.conformal import Reference
from hubblefork.evaluation.outliers import Outliers
from hubblefork.models.model_card import ModelCard
from hubblefork.models.model_file import load_model
from hubblefork.models.predictor import Predictor
from hubblefork.models.uncertainty import Uncertainty
from hubblefork.models.view import View
from hubblefork.networks.bounds import sketch
from hubblefork.networks.registry import create_network
from hubblefork.tasks.classes import Classes
from hubblefork.tasks.votes import Votes
from hubblefork.workflow.predict import predict
from tests.memory import memory_limited

CARD = ModelCard(
    network="compact-resnet",
    options={"width": 2, "blocks": [1]},
    head="softmax",
    input_shape=(3, 16, 16),
    task=Classes(("disc", "bar")),
    framing=Framing(size=16),
    colours=("in colour",),
    view=View(size=16, mean=(0.1, 0.2, 0.3), std=(1.0, 1.0, 1.0)),
    recipe="default",
    source="galaxies",
    versions={"hubblefork": "0.1.0"},
)
WEIGHTS = CARD.create_network().state_dict()


def written(path, changes=None, weights=None):
    """A model file; `changes` by dotted keys of its metadata, or the text of it."""
    content = CARD.to_json()
    if not isinstance(changes, str):
        for place, value in (changes or {}).items():
            *tables, key = place.split(".")
            table = content
            for each in tables:
                table[each] = dict(table[each])
                table = table[each]
            table[key] = value
        changes = json.dumps(content)
    save_file(WEIGHTS | (weights or {}), path, {"hubblefork": changes})
    return path


def refusal(path):
    with pytest.raises(RequestError) as error:
        Predictor.load(path)
    message = str(error.value)
    assert "\n" not in message
    assert len(message) <= 1000
    return message


def test_a_file_as_it_is_written_is_read(tmp_path):
    assert load_model(written(tmp_path / "m.safetensors"))[1] == CARD


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ("[" * 100_000, "metadata is damaged"),
        ('{"format": 5', "metadata is damaged"),
        ("3", "metadata is damaged"),
        ("{}", "its format is wrong"),
        ({"checkpoint": "a.pt"}, "its checkpoint is wrong: not known"),
        ({"network": "timm:hf-hub:someone/model"}, "its network is wrong"),
        ({"network": "timm:local-dir:/tmp"}, "its network is wrong"),
        ({"network": "../lenet5"}, "its network is wrong"),
        ({"network": "nothing"}, "no network is called 'nothing'"),
        ({"network": "x" * 100_000}, "its network is wrong"),
        ({"network": "timm:resnet18", "options": {"pretrained": True}}, "no option 'pretrained'"),
        ({"network": "timm:resnet18", "options": {"checkpoint_path": "a"}}, "'checkpoint_path'"),
        ({"network": "timm:resnet18", "options": {"pretrained_cfg": {"file": "a"}}}, "'pretrai"),
        ({"options": {"width": 2, "blocks": ["/etc/passwd"]}}, "no path or address"),
        ({"options": {"width": "hf-hub:a"}}, "no path or address"),
        ({"options": {"width": 10**30}}, "a number of at most 1,048,576"),
        ({"options": {"width": 2, "blocks": [1] * 2000}}, "at most 1,000 values"),
        ({"options": {"width": [[[[[[2]]]]]]}}, "lists within one another"),
        ({"options": {"width": 1_000_000, "blocks": [1]}}, "of another shape (stem."),
        ({"options": {"width": 2, "blocks": [1_000_000]}}, "layers, which no weights belong to"),
        ({"options": {"width": 2, "blocks": ["a"]}}, "does not take"),
        ({"options": {"width": 2, "blocks": [1] * 500}}, "cannot be made"),
        ({"options": {"width": True, "blocks": [0]}}, "needs width >= 1"),
        ({"task.names": ["a"]}, "expected two or more"),
        ({"task.names": ["a", "a"]}, "two classes are called 'a'"),
        ({"task.names": ["a", 3]}, "expected text"),
        ({"task.names": ["a", "b" * 100_000]}, "letters; expected at most 500"),
        ({"task.names": [str(each) for each in range(100_000)]}, "of another shape (head."),
        ({"task": {"kind": "votes", "tree": "/etc/hosts.toml"}}, "not a task"),
        ({"task": {"kind": "votes", "tree": {"questions": [{}] * 10_000}}}, "cannot be"),
        ({"task": {"kind": "unlabelled"}}, "head"),
        ({"task": {"kind": "votes", "tree": "galaxy-zoo-2"}}, "head"),
        ({"head": "../head"}, "no head is called"),
        ({"head": "tree"}, "the head 'tree'"),
        ({"head": "auto"}, "its head 'auto'"),
        ({"input_shape": [3, 32, 32]}, "its input is (3, 32, 32)"),
        ({"input_shape": [3, 16]}, "input_shape"),
        ({"input_shape": [3, -16, 16]}, "input_shape.1"),
        ({"view.size": 1_000_000}, "its view.size is wrong"),
        ({"view.size": 16.0}, "its view.size is wrong"),
        ({"view.angles": 1_000_000}, "its view.angles is wrong"),
        ({"view.mean": [0.1, 0.2]}, "other means"),
        ({"view.mean": [0.1, 0.2, float("nan")]}, "its view.mean.2 is wrong"),
        ({"view.std": [0.0, 1, 1]}, "its view.std.0 is wrong"),
        ({"view.std": [1, 1, float("inf")]}, "its view.std.2 is wrong"),
        ({"view.field_of_view": 0}, "its view.field_of_view is wrong"),
        ({"framing.crop": 10**9}, "crop"),
        ({"framing.size": 10**6}, "its framing.size is wrong"),
        ({"framing.size": None}, "its framing.size is wrong"),
        ({"framing.channels": 10**6}, "its framing.channels is wrong"),
        ({"framing.channels": 4}, "its images have 4 channels"),
        ({"framing.transforms": ["os.system"]}, "no transform is registered"),
        ({"framing.stretch": {"low": 1}}, "its framing.stretch.high is wrong: missing"),
        ({"colours": ["x"] * 100}, "its colours is wrong"),
    ],
)
def test_a_card_that_cannot_be_is_refused(tmp_path, changes, message):
    assert message in refusal(written(tmp_path / "m.safetensors", changes))


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"head.bias": torch.tensor([0.0, torch.nan])}, "hold NaN or infinite numbers: head.bias"),
        ({"head.bias": torch.tensor([0.0, torch.inf])}, "hold NaN or infinite numbers: head.bias"),
        ({"head.bias": torch.zeros(2, dtype=torch.float16)}, "torch.float16; expected torch.float"),
        ({"head.bias": torch.zeros(2, dtype=torch.int64)}, "torch.int64; expected torch.float32"),
        ({"head.bias": torch.zeros(3)}, "1 of another shape (head.bias)"),
        ({"other": torch.zeros(3)}, "1 unknown (other)"),
        ({"uncertainty.calibration.temperature": torch.tensor(torch.nan)}, "NaN"),
        ({"uncertainty.calibration.temperature": torch.tensor(0.0)}, "has only temperature"),
        ({"uncertainty.calibration.temperature": torch.ones(2)}, "of shape (2,)"),
        ({"uncertainty.other": torch.ones(2)}, "is not an array of a model file"),
    ],
)
def test_weights_that_cannot_be_are_refused(tmp_path, weights, message):
    assert message in refusal(written(tmp_path / "m.safetensors", weights=weights))


@pytest.mark.parametrize(
    "known",
    [
        Uncertainty(calibration=Calibration(temperature=-1.0)),
        Uncertainty(set_scores=Reference(np.array([2.0, 1.0]), 2)),
        Uncertainty(set_scores=Reference(np.array([1.0, 2.0]), 1)),
        Uncertainty(set_scores=Reference(np.empty(0), 0)),
        Uncertainty(outliers=Outliers(np.zeros(3), np.zeros((1, 3)), np.ones(1), 1.0)),
        Uncertainty(outliers=Outliers(np.zeros(2), np.zeros((1, 3)), np.ones(1), 1.0)),
        Uncertainty(outliers=Outliers(np.zeros(2), np.zeros((1, 2)), np.zeros(1), 1.0)),
    ],
)
def test_uncertainty_that_cannot_be_is_refused(tmp_path, known):
    arrays = {f"uncertainty.{name}": torch.tensor(each) for name, each in known.to_arrays().items()}
    assert "its uncertainty." in refusal(written(tmp_path / "m.safetensors", weights=arrays))


def test_uncertainty_of_classes_does_not_belong_to_votes():
    with pytest.raises(RequestError, match="it predicts votes"):
        Uncertainty(calibration=Calibration()).check_fits(Votes().exclusive, 2)


@pytest.mark.parametrize(
    "header",
    [
        '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},'
        '"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',  # two in one place
        '{"a":{"dtype":"F32","shape":[1000000000],"data_offsets":[0,4000000000]}}',
        '{"a":{"dtype":"F32","shape":[0,4000000000000000000,9],"data_offsets":[0,0]}}',
        '{"a":{"dtype":"F4","shape":[8],"data_offsets":[0,4]}}',
        '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},'
        '"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}',
        "[" * 100_000,
    ],
)
def test_a_header_that_lies_is_refused(tmp_path, header):
    content = header.encode()
    path = tmp_path / "m.safetensors"
    path.write_bytes(len(content).to_bytes(8, "little") + content + b"\0" * 8)
    assert str(path) in refusal(path)


def test_a_file_of_a_few_kilobytes_costs_a_few_megabytes(tmp_path):
    claims = [
        {"options": {"width": 1_000_000, "blocks": [1]}},
        {"options": {"width": 2, "blocks": [1_000_000]}},
        {"network": "mlp", "options": {}, "input_shape": [3, 2048, 2048], "view.size": 2048},
        {"network": "alexnet", "options": {}, "input_shape": [3, 2048, 2048], "view.size": 2048},
        {"network": "timm:vit_tiny_patch16_224", "options": {"depth": 100_000}},
        {"network": "timm:vit_tiny_patch16_224", "options": {"embed_dim": 1_000_000}},
        {"task.names": [f"class {each}" for each in range(100_000)]},
    ]
    paths = [written(tmp_path / f"{n}.safetensors", each) for n, each in enumerate(claims)]
    with memory_limited():
        for path in paths:
            refusal(path)


def test_layers_are_counted_wherever_a_network_is_made():
    with pytest.raises(RequestError, match="more than 1,050 layers"):
        sketch(lambda: nn.Sequential(*(nn.ReLU() for _ in range(2000))), tensors=1)
    with pytest.raises(RequestError, match="it computes tables"):
        sketch(TableOfGigabytes, tensors=1)
    assert len(nn.Sequential(*(nn.ReLU() for _ in range(2000)))) == 2000


class TableOfGigabytes(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("table", torch.empty(1 << 31), persistent=False)


@pytest.mark.parametrize("name", ["lenet5", "dieleman", "equivariant-resnet", "timm:resnet18"])
def test_a_sketch_has_the_weights_of_the_network(name):
    def create():
        return create_network(name, (3, 96, 96), 4)

    drawn, made = sketch(create, 200).state_dict(), create().state_dict()
    assert {key: value.shape for key, value in drawn.items()} == {
        key: value.shape for key, value in made.items()
    }


def test_an_answer_that_is_no_number_is_a_problem_in_the_table(tmp_path):
    # Finite weights, whose products are not: bright images overflow, black ones do not.
    weights = {"head.weight": torch.full((2, 2), 3e38), "stem.0.weight": WEIGHTS["stem.0.weight"]}
    weights["stem.0.weight"] = torch.full_like(weights["stem.0.weight"], 1e30)
    view = {"view.mean": [0.0] * 3, "framing.stretch": CARD.framing.to_json()["stretch"]}
    model = written(tmp_path / "m.safetensors", view, weights)
    images = tmp_path / "images"
    images.mkdir()
    for name, value in (("black", 0), ("white", 255)):
        Image.new("RGB", (16, 16), (value,) * 3).save(images / f"{name}.png")
    table = predict(model, images).set_index("id")
    black, white = (table.loc[str(images / f"{name}.png")] for name in ("black", "white"))
    assert black["problem"] == ""
    assert black[["disc", "bar"]].sum() == pytest.approx(1)
    assert "not a number" in white["problem"]
    assert white[["disc", "bar"]].isna().all()
    assert white["predicted"] == ""
    predict(model, images, out=tmp_path / "table.csv")
    assert pd.read_csv(tmp_path / "table.csv")["problem"].notna().sum() == 1
    alone = predict(model, np.full((1, 16, 16, 3), 255, np.uint8))
    assert "not a number" in alone["problem"][0]
