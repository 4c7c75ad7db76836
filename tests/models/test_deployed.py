"""The deployed module: any number of images, to calibrated answers and features."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from hubblefork.evaluation.calibration import Calibration
from hubblefork.models.deployed import Calibrate, DeployedModel
from hubblefork.models.view import View
from hubblefork.networks.features import feature_layer
from hubblefork.networks.heads import create_head
from hubblefork.networks.registry import create_network
from hubblefork.tasks.classes import Classes
from hubblefork.tasks.votes import Votes

CLASSES = Classes(("a", "b", "c"))
UNIT = {"mean": (0.4, 0.5, 0.6), "std": (0.2, 0.3, 0.4)}


def model_of(name="compact-resnet", size=24, task=CLASSES, calibration=None, **view):
    torch.manual_seed(0)
    small = name in ("compact-resnet", "equivariant-resnet")
    options = {"width": 4, "blocks": [1, 1]} if small else {}
    network = create_network(name, (3, size, size), task.outputs, options)
    for layer in network.modules():
        if hasattr(layer, "running_mean"):
            nn.init.ones_(layer.weight)  # so that the blocks do something
            layer.running_mean.normal_(std=0.1)
    head = create_head(task.default_head, task)
    return DeployedModel(network, head, View(size, **UNIT, **view), calibration)


def images_of(number, side):
    random = torch.Generator().manual_seed(1)
    return torch.randint(0, 256, (number, side, side, 3), dtype=torch.uint8, generator=random)


@pytest.fixture(scope="module")
def models():
    augmented = {"symmetries": True, "angles": 2}
    return [
        model_of(calibration=Calibration(0.7, 1.2), **augmented),
        model_of("equivariant-resnet", size=17, angles=3),
        model_of("lenet5", task=Votes(), field_of_view=0.8),
    ]


@given(
    which=st.integers(0, 2), number=st.integers(1, 9), side=st.integers(24, 41),
    prepared=st.booleans(),
)  # fmt: skip
@settings(max_examples=30)
@torch.inference_mode()
def test_an_image_has_the_same_answer_in_any_batch(models, which, number, side, prepared):
    model = models[which].prepared() if prepared else models[which]
    images = images_of(number, side)
    answers, features = model(images)
    assert len(answers) == len(features) == number
    assert answers.dtype == features.dtype == torch.float32
    for place in {0, number - 1}:
        single = model(images[place : place + 1])
        torch.testing.assert_close(single.answers[0], answers[place], atol=1e-6, rtol=1e-5)
        torch.testing.assert_close(single.features[0], features[place], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(
    "name",
    ["mlp", "lenet5", "compact-resnet", "dieleman", "equivariant-resnet", "timm:test_resnet"],
)
@torch.inference_mode()
def test_no_images_have_no_answers(name):
    model = model_of(name, size=96 if name == "dieleman" else 36, symmetries=True, angles=2)
    for each in (model, model.prepared()):
        answers, features = each(images_of(0, 40))
        assert answers.shape == (0, 3)
        assert features.shape[0] == 0


@torch.inference_mode()
def test_answers_are_the_calibrated_mean_over_views_of_what_the_network_says():
    calibration = Calibration(0.6, 1.3)
    model = model_of(calibration=calibration, symmetries=True, angles=2)
    images = images_of(5, 24)
    inputs = model.preprocess(images)
    assert torch.equal(inputs, model.view.fixed(images))
    views = list(model.view.views(inputs))
    mean = torch.stack([torch.softmax(model.network(each), dim=1) for each in views]).mean(dim=0)
    expected = calibration.applied(mean.numpy())
    answers, features = model.answer(inputs)
    np.testing.assert_allclose(answers, expected, atol=1e-6)
    torch.testing.assert_close(model(images).answers, answers)
    torch.testing.assert_close(model(images).features, features.mean(dim=1))
    # The features are what the last layer is given, view by view.
    raw = feature_layer(model.network)(features[:, 3])
    torch.testing.assert_close(raw, model.network(views[3]), atol=1e-5, rtol=1e-4)


@given(st.integers(0, 10_000), st.integers(2, 12), st.floats(0.05, 20), st.floats(0.25, 4))
def test_tensors_are_calibrated_as_arrays_are(seed, classes, temperature, exponent):
    calibration = Calibration(temperature, exponent)
    random = np.random.default_rng(seed)
    given = random.dirichlet(np.full(classes, 0.3), 20).astype(np.float32)
    given[0] = np.eye(classes)[0]  # certain
    given[1] = 1 / classes  # undecided
    found = Calibrate(calibration)(torch.from_numpy(given)).numpy()
    np.testing.assert_allclose(found, calibration.applied(given), atol=1e-6, rtol=2e-5)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-6)


@torch.inference_mode()
def test_made_ready_for_prediction_it_gives_the_same():
    for name in ("compact-resnet", "equivariant-resnet", "lenet5"):
        model = model_of(name, calibration=Calibration(0.8, 1.1), symmetries=True)
        images = images_of(7, 31)
        plain, prepared = model(images), model.prepared()(images)
        torch.testing.assert_close(prepared.answers, plain.answers, atol=1e-5, rtol=0)
        torch.testing.assert_close(prepared.features, plain.features, atol=1e-5, rtol=1e-4)
        assert name != "lenet5" or torch.equal(prepared.answers, plain.answers)


@pytest.mark.parametrize("task", [CLASSES, Votes()])
def test_answers_have_gradients_with_respect_to_the_input(task):
    model = model_of(task=task, symmetries=True)
    with torch.inference_mode():
        model.prepared()(images_of(2, 24))
    inputs = model.preprocess(images_of(2, 24)).requires_grad_()
    model.answer(inputs).answers[:, 1].sum().backward()
    assert (inputs.grad.abs().amax(dim=(1, 2, 3)) > 0).all()


def test_it_is_exported_with_any_number_of_images():
    options = {"calibration": Calibration(0.8, 1.1), "symmetries": True, "angles": 2}
    model = model_of("equivariant-resnet", size=32, **options).prepared().requires_grad_(False)
    number = torch.export.Dim("number", min=1, max=4096)
    with torch.no_grad():
        program = torch.export.export(
            model, (images_of(3, 40),), dynamic_shapes={"images": {0: number}}, strict=False
        ).module()
        for count in (1, 2, 5, 9):
            images = images_of(count, 40)
            answers, features = program(images)
            torch.testing.assert_close(answers, model(images).answers, atol=1e-6, rtol=1e-5)
            torch.testing.assert_close(features, model(images).features, atol=1e-5, rtol=1e-4)
