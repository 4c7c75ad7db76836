"""Attribution: the pixels of an image on which an answer is based.

predictor = Predictor.load("runs/...")
found = attribution(predictor, image)
draw_attribution(found).savefig("why.png")  # of hubblefork.report.explain_figures

Grad-CAM (Selvaraju et al. 2017) weights the maps of a late layer by their gradients: its maps are
smooth and coarse. Integrated gradients (Sundararajan et al. 2017) sum the gradients from a blurred
image to this one: maps are fine and noisy, and can be computed for any network. Occlusion (Zeiler
and Fergus 2014) blurs one square after another: slow and simple. The last two are captum's; its
Grad-CAM does not support networks whose channels are last.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hubblefork.core.errors import RequestError, nearest
from hubblefork.explanation.inputs import answers, as_images, blurred, network_inputs
from hubblefork.explanation.map_layers import as_maps, leaves, watching
from hubblefork.explanation.saving import save_array
from hubblefork.models.predictor import Predictor

# The smallest side of a layer's maps, in pixels: Grad-CAM can be no finer than these. Seven is what
# the last layer of the usual networks has for images of 224.
_LEAST = 7

# Steps of the integral: with more, maps of these networks change by less than 0.01.
_STEPS = 32

# Side of the occluding square, and its step, as fractions of the image's side.
_WINDOW, _STRIDE = 1 / 6, 1 / 12

METHODS = ("grad-cam", "integrated-gradients", "occlusion")


@dataclass(frozen=True, eq=False)
class Attribution:
    """The evidence for one answer in one image.

    method, layer: of the attribution; layer is that of Grad-CAM, or empty.
    target: name of the class, or column of the votes.
    map: (H, W) float32 from 0 to 1, 1 where the evidence is strongest; all 0 where there is none.
    seen: (H, W, C) uint8, the image after preprocessing.
    """

    method: str
    layer: str
    target: str
    map: np.ndarray
    seen: np.ndarray

    @property
    def empty(self) -> bool:
        """Whether no evidence was found."""
        return not self.map.any()

    def save(self, path: str | Path) -> None:
        """Write the map as an NPY file."""
        save_array(self.map, path)


def attribution(
    predictor: Predictor,
    image: np.ndarray,
    method: str = "grad-cam",
    target: str | None = None,
    layer: str | None = None,
) -> Attribution:
    """Map the evidence for an answer in an image.

    The map is averaged over the views of test-time augmentation, as predictions are.

    Parameters
    ----------
    predictor
        A trained network.
    image
        (H, W, C) uint8, framed as `predictor.framing` says.
    method
        `grad-cam`, `integrated-gradients` or `occlusion`.
    target
        The class, or the column of votes; by default the most probable class, or the most common
        answer to the first question.
    layer
        Layer of Grad-CAM, a name in `network.named_modules()`; by default the last one whose maps
        have a side of seven pixels or more.

    Raises RequestError for an unknown method, class or layer, and where a network has no maps.

    >>> predictor = Predictor.load(run.path)  # run = hubblefork.train(galaxies, "lenet5")
    >>> black = np.zeros((24, 24, 3), np.uint8)
    >>> found = attribution(predictor, black, target="disc")
    >>> found.target, found.layer, found.map.shape
    ('disc', 'layers.2', (24, 24))
    """
    if method not in METHODS:
        raise RequestError(f"no method is called {method!r}; {nearest(method, METHODS)}")
    if layer is not None and method != "grad-cam":
        raise RequestError(f"a layer goes with grad-cam, not with {method}")
    inputs = network_inputs(predictor, image[None])
    number = _target(predictor, inputs, target)
    name = (layer or attribution_layer(predictor)) if method == "grad-cam" else ""
    view = predictor.card.view
    views = torch.cat(list(view.views(inputs))).contiguous()
    evidence = _attribute(predictor.network, views, number, method, name)
    mean = view.undo_views(evidence).mean(dim=0).relu()
    if mean.max() > 0:
        mean = mean / mean.max()
    return Attribution(
        method,
        name,
        predictor.names[number],
        mean.float().cpu().numpy(),
        as_images(predictor, inputs)[0],
    )


def attribution_layer(predictor: Predictor) -> str:
    """The last layer whose maps have a side of seven pixels or more.

    Raises RequestError if there is none, and for a network that converts maps to tokens, as vision
    transformers do: it has no late layer with maps.
    """
    network, shape = predictor.network, predictor.card.input_shape
    found = ""

    def see(layer: str, _output: object, maps: Tensor | None) -> None:
        nonlocal found
        # One map for each image: networks that take many views of it have more.
        if maps is not None and len(maps) == 1 and maps.shape[-1] >= _LEAST:
            found = layer

    # timm's networks have a method for their features; ours have no tokens.
    to_features = getattr(network, "forward_features", None)
    with watching(network, list(leaves(network)), see), torch.inference_mode():
        features = (to_features or network)(torch.zeros(1, *shape, device=predictor.device))
    if to_features and as_maps(features, network) is None:
        found = ""
    if not found:
        raise RequestError(
            f"{predictor.card.network} has no late layer with maps of {_LEAST}x{_LEAST} pixels for "
            f"grad-cam at {shape[2]}x{shape[1]}: use integrated-gradients or occlusion"
        )
    return found


def _target(predictor: Predictor, inputs: Tensor, name: str | None) -> int:
    if name is None:
        return int(predictor.task.leading(answers(predictor, inputs))[0])
    if name not in predictor.names:
        raise RequestError(f"the model has no class {name!r}; {nearest(name, predictor.names)}")
    return predictor.names.index(name)


def _attribute(network: nn.Module, views: Tensor, target: int, method: str, layer: str) -> Tensor:
    """The evidence (V, H, W) in each of the views (V, C, H, W) of an image."""
    size = views.shape[-1]
    if method == "grad-cam":
        found = _grad_cam(network, views, target, layer)
        return F.interpolate(found[:, None], (size, size), mode="bilinear").squeeze(1)
    from captum.attr import IntegratedGradients, Occlusion  # seconds, and reports need none

    if method == "integrated-gradients":
        integrated = IntegratedGradients(network)
        # One view at a time: each is already a batch of the integral's steps.
        maps = [
            integrated.attribute(each[None], plain[None], target=target, n_steps=_STEPS)
            for each, plain in zip(views, blurred(views), strict=True)
        ]
        return torch.cat(maps).abs().sum(dim=1).detach()
    window, stride = max(1, round(size * _WINDOW)), max(1, round(size * _STRIDE))
    with torch.inference_mode():
        return (
            Occlusion(network)
            .attribute(
                views,
                (views.shape[1], window, window),
                strides=(views.shape[1], stride, stride),
                baselines=blurred(views),
                target=target,
            )
            .mean(dim=1)
        )


def _grad_cam(network: nn.Module, views: Tensor, target: int, layer: str) -> Tensor:
    """The maps of a layer, each weighted by its mean gradient, and added up: (V, h, w)."""
    given: list[Tensor] = []

    def see(_layer: str, output: object, maps: Tensor | None) -> Tensor:
        if maps is None or not isinstance(output, Tensor) or len(maps) != len(views):
            raise RequestError(f"layer {layer!r} gives no map for each image: choose another")
        given.append(output)
        return output.clone()  # the next layer may work in place

    with watching(network, [layer], see), torch.enable_grad():
        raw = network(views.requires_grad_())
    (gradient,) = torch.autograd.grad(raw[:, target].sum(), given[-1])
    maps, slopes = as_maps(given[-1].detach(), network), as_maps(gradient, network)
    assert maps is not None  # `see` takes nothing else
    assert slopes is not None
    return (slopes.mean(dim=(2, 3), keepdim=True) * maps).sum(dim=1)
