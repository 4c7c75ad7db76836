"""Shipped models are read by name wherever a model is."""

import json
import re
import shutil
from dataclasses import replace

import pytest
import tomli_w

from hubblefork.core.file_cache import file_sha256
from hubblefork.models import shipped
from hubblefork.models.model_file import load_model, save_model
from hubblefork.models.predictor import Predictor
from hubblefork.networks.registry import create_network

pytestmark = pytest.mark.usefixtures("without_reports")

FIGURE = {"title": "Accuracy", "value": 0.9, "interval": [0.8, 0.95], "on": "shapes", "images": 16}


@pytest.fixture
def galaxy_five(trained, tmp_path, monkeypatch):
    """The model file of a run, as a shipped model; an empty current folder."""
    folder, here = tmp_path / "pretrained", tmp_path / "here"
    folder.mkdir()
    here.mkdir()
    model = shutil.copy(trained / "model.safetensors", folder / "galaxy-five.safetensors")
    words = ("images", "learnt_from", "how", "licence", "script")
    card = {"about": "two shapes", **dict.fromkeys(words, "said"), "figures": [FIGURE],
            "limits": ["no galaxies"], "attribution": ["nobody"],
            "sha256": file_sha256(model)}  # fmt: skip
    (folder / "galaxy-five.toml").write_text(tomli_w.dumps(card))
    monkeypatch.setattr(shipped, "FOLDER", folder)
    monkeypatch.chdir(here)
    return model


def test_its_answers_are_those_of_its_file(hubblefork, galaxy_five, shapes, tmp_path):
    for name, model in {"name": "galaxy-five", "file": galaxy_five}.items():
        assert hubblefork("predict", model, shapes / "disc", "--out", f"{name}.csv")[0] == 0
    here = tmp_path / "here"
    assert (here / "name.csv").read_bytes() == (here / "file.csv").read_bytes()


def test_without_out_it_prints_the_answer_with_its_typicality(hubblefork, galaxy_five, shapes):
    image = shapes / "disc" / "disc 3.png"
    status, out, err = hubblefork("predict", "galaxy-five", image)
    assert (status, err) == (0, f"predicting {image} by galaxy-five\n")
    assert "typicality" in out
    assert "3.png" in out


def test_it_is_evaluated_and_explained_in_the_current_folder(hubblefork, galaxy_five, shapes):
    status, out, err = hubblefork("evaluate", "galaxy-five", shapes)
    assert (status, out.splitlines()[-1]) == (0, "evaluation-shapes"), err
    status, _, err = hubblefork("evaluate", "galaxy-five")
    assert (status, "galaxy-five is a model file and has no test set" in err) == (2, True)


def test_a_training_begins_with_its_weights(hubblefork, galaxy_five, shapes, tmp_path):
    words = ("--recipe", "lenet5", "--size", "24", "--set", "epochs=1", "--out", "run", "--set")
    status, _, err = hubblefork("train", shapes, *words, "weights=galaxy-fiv")
    assert (status, "hubblefork list models" in err) == (2, True)
    status, _, err = hubblefork("train", shapes, *words, "weights=galaxy-five")
    assert status == 0, err
    provenance = json.loads((tmp_path / "here" / "run" / "provenance.json").read_text())
    assert provenance["weights"] == "galaxy-five"


def test_a_probe_is_fitted_on_its_features(hubblefork, galaxy_five, shapes, tmp_path):
    words = ("--size", "24", "--set", "normalise=train", "--set", "network.name=lenet5")
    weights = ("--set", "weights=galaxy-five")
    status, _, err = hubblefork(
        "train", shapes, "--recipe", "probe", *words, *weights, "--out", "run"
    )
    assert status == 0, err
    frozen, own = (Predictor.load(each).network for each in ("galaxy-five", "run"))
    changed = [
        key for key, value in own.state_dict().items() if not value.equal(frozen.state_dict()[key])
    ]
    assert len(changed) == 2  # weight and bias of the last layer


def test_few_is_fitted_on_the_features_of_the_encoder(hubblefork, galaxy_five, shapes, tmp_path):
    words = ("train", shapes, "--recipe", "few", "--size", "20", "--set", "view.size=16")
    status, _, err = hubblefork(*words, "--out", "run")
    assert (status, len(re.findall("(?m)^hubblefork: ", err))) == (2, 1)
    assert "'galaxy-encoder': no run or model file is there, and no model of this name comes" in err
    options = {"width": 4, "blocks": [1, 1, 1, 1]}
    encoder = create_network("equivariant-resnet", (3, 16, 16), 2, options)
    card = replace(load_model(galaxy_five)[1], network="equivariant-resnet", options=options,
                   input_shape=(3, 16, 16))  # fmt: skip
    save_model(galaxy_five.with_name("galaxy-encoder.safetensors"), encoder, card, {})
    shutil.copy(galaxy_five.with_suffix(".toml"), galaxy_five.with_name("galaxy-encoder.toml"))
    status, _, err = hubblefork(*words, "--out", "run")
    assert (status, err.count("galaxy-encoder has learnt from: said")) == (0, 1), err
    network = Predictor.load("run").network
    assert network.stages[0][0].body[0].weight.equal(encoder.stages[0][0].body[0].weight)
    assert not network.head.weight.equal(encoder.head.weight)


def test_a_path_of_its_name_comes_first_and_is_told(hubblefork, galaxy_five, trained, shapes):
    image = shapes / "disc" / "disc 3.png"
    shutil.copytree(trained, "galaxy-five")
    status, _, err = hubblefork("predict", "galaxy-five", image, "--out", "a.csv")
    told = "using galaxy-five of the current folder, not the shipped model of this name"
    assert (status, err.count(told)) == (0, 1), err
    assert told not in hubblefork("predict", "./galaxy-five/model.safetensors", image)[2]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("galaxy-fife", "no shipped model of this name; did you mean 'galaxy-five'?"),
        ("spirals", "no shipped model of this name; known: 'galaxy-five'"),
        ("runs/galaxy-five", "no run folder or model file at runs/galaxy-five"),
    ],
)
def test_another_name_is_one_line_with_the_nearest(hubblefork, galaxy_five, shapes, name, said):
    status, out, err = hubblefork("predict", name, shapes)
    assert (status, out, len(re.findall("(?m)^hubblefork: ", err))) == (2, "", 1)
    assert said in err


def test_the_list_has_a_line_and_the_size_of_each(hubblefork, galaxy_five):
    size = galaxy_five.stat().st_size / 1e6
    assert hubblefork("list", "models")[:2] == (0, f"galaxy-five  two shapes ({size:.1f} MB)\n")


def test_without_any_the_list_says_how_they_are_made(hubblefork, galaxy_five):
    galaxy_five.unlink()
    assert "scripts/make_galaxy_five.py" in hubblefork("list", "models")[1]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"limits": []}, "limits: "),
        ({"figures": [FIGURE | {"value": 0.99}]}, "0.99 is not within 0.8 to 0.95"),
        ({"colour": "red"}, "colour: "),
        (None, "cannot be read: "),
    ],
)
def test_an_incomplete_card_is_told(hubblefork, galaxy_five, change, said):
    path = galaxy_five.with_suffix(".toml")
    if change is None:
        path.unlink()
    else:
        card = shipped.read_card("galaxy-five").model_dump(mode="json", exclude_none=True)
        path.write_text(tomli_w.dumps(card | change))
    status, out, err = hubblefork("list", "models")
    assert (status, out, len(re.findall("(?m)^hubblefork: ", err))) == (2, "", 1)
    assert said in err
