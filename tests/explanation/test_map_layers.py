"""Grad-CAM and activation maps of transformers: right, or refused, never something else."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from captum.attr import LayerGradCam
from torch import nn

from hubblefork.core.errors import RequestError
from hubblefork.explanation.activations import activation_maps
from hubblefork.explanation.attribution import attribution, attribution_layer
from hubblefork.explanation.inputs import network_inputs
from hubblefork.explanation.map_layers import as_maps, watching
from hubblefork.explanation.single_image import choose_method
from hubblefork.models.deployed import DeployedModel
from hubblefork.models.view import View
from hubblefork.networks.registry import create_network
from hubblefork.tasks.classes import Classes

SWIN = {"embed_dim": 24, "depths": [1, 1, 1, 1], "num_heads": [1, 1, 2, 2], "window_size": 4}


def predictor(name, side, **options):
    """What maps need of a predictor, with a network that has learnt nothing."""
    torch.manual_seed(0)
    network = create_network(name, (3, side, side), 2, options).eval()
    view = View(size=side, mean=(0.0,) * 3, std=(1.0,) * 3)
    card = SimpleNamespace(view=view, input_shape=(3, side, side), network=name)
    module = DeployedModel(network, nn.Softmax(dim=1), view)
    return SimpleNamespace(
        network=network, card=card, device=torch.device("cpu"), names=("a", "b"),
        task=Classes(("a", "b")), module=module, prepared=module,
    )  # fmt: skip


def image(side):
    return np.random.default_rng(0).integers(0, 255, (side, side, 3), np.uint8)


def test_a_vision_transformer_has_no_layer_for_grad_cam():
    found = predictor("timm:test_vit", 64)
    with pytest.raises(RequestError, match="use integrated-gradients or occlusion"):
        attribution_layer(found)
    assert choose_method(found) == "integrated-gradients"


@pytest.mark.parametrize("layer", ["blocks.1.attn.q_norm", "blocks.1.attn", "blocks.1"])
@pytest.mark.parametrize("class_token", [True, False])
def test_tokens_and_attention_are_refused_by_name(layer, class_token):
    # Without a class token there are 64 tokens here, and with heads of 64 the queries are square.
    pool = "token" if class_token else "avg"
    options = {"class_token": class_token, "global_pool": pool, "embed_dim": 64, "num_heads": 1}
    found = predictor("timm:test_vit", 128, **options)
    with pytest.raises(RequestError, match="gives no maps, but numbers of shape"):
        activation_maps(found, image(128), [layer])
    with pytest.raises(RequestError, match="gives no map for each image"):
        attribution(found, image(128), layer=layer)


def test_the_patches_of_a_vision_transformer_are_maps():
    (maps,) = activation_maps(predictor("timm:test_vit", 64), image(64), ["patch_embed.proj"])
    assert maps.maps.shape == (64, 4, 4)


@pytest.mark.parametrize(
    ("name", "side", "options"),
    [
        ("timm:test_mambaout", 128, {}),
        ("timm:swin_tiny_patch4_window7_224", 128, SWIN),
        ("timm:test_maxvit", 128, {"img_size": 128}),
        ("timm:test_coatnet", 64, {"img_size": 64}),
        ("timm:test_convnext", 64, {}),
    ],
)
def test_maps_lie_where_the_image_has_them_whichever_axis_is_last(name, side, options):
    found = predictor(name, side, **options)
    layer = attribution_layer(found)
    (plain,) = activation_maps(found, np.zeros((side, side, 3), np.uint8), [layer])
    channels, height, width = plain.maps.shape
    assert 7 <= height == width < channels
    assert attribution(found, image(side)).map.shape == (side, side)


def test_what_changes_below_changes_below_in_a_network_whose_channels_are_last():
    found = predictor("timm:test_mambaout", 128)
    below = np.zeros((128, 128, 3), np.uint8)
    below[96:] = image(128)[96:]
    layer = attribution_layer(found)
    (plain,), (other,) = (
        activation_maps(found, each, [layer]) for each in (np.zeros_like(below), below)
    )
    rows = np.abs(other.maps - plain.maps).mean(axis=(0, 2))
    assert rows[-2:].mean() > 3 * rows[:2].mean()


def test_grad_cam_is_captums_where_channels_are_first(bars, cue):
    shown, _ = cue(np.random.default_rng(0), upright=True)
    ours = attribution(bars, shown, target="upright")
    inputs = network_inputs(bars, shown[None])
    layer = bars.network.get_submodule(ours.layer)
    theirs = LayerGradCam(bars.network, layer).attribute(inputs, bars.names.index("upright"))
    theirs = nn.functional.interpolate(theirs.detach(), (40, 40), mode="bilinear")[0, 0].relu()
    np.testing.assert_allclose(ours.map, theirs / theirs.max(), atol=1e-4)


def test_no_hook_stays():
    found = predictor("timm:test_mambaout", 128)
    with pytest.raises(RequestError):
        attribution(found, image(128), layer="head.fc")
    attribution(found, image(128))
    modules = found.network.modules()
    assert not any(each._forward_hooks or each._forward_pre_hooks for each in modules)


def test_where_all_axes_are_equal_the_networks_own_word_counts():
    answer = torch.arange(27).reshape(1, 3, 3, 3)
    plain, last = nn.Identity(), nn.Identity()
    last.output_fmt = "NHWC"
    assert (as_maps(answer, plain)[0, 1] == answer[0, 1]).all()
    assert (as_maps(answer, last)[0, 1] == answer[0, :, :, 1]).all()


def test_an_unknown_layer_is_one_line():
    with (
        pytest.raises(RequestError, match="no layer 'stem'; known: '0'"),
        watching(nn.Sequential(nn.Identity()), ["stem"], lambda *_: None),
    ):
        pass
