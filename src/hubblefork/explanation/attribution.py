"""Where in an image a network finds its answer.

predictor = Predictor.load("runs/...")
saliency(predictor, image).save("why.png")

Grad-CAM (Selvaraju et al. 2017) weighs the maps of a late layer by how much they matter for the
answer: a calm, coarse image. Integrated gradients (Sundararajan et al. 2017) add up how the
answer changes from a blurred image to this one: fine and noisy, for any network. Occlusion
(Zeiler and Fergus 2014) blurs one place after another: slow and plain. The last two are captum's;
its Grad-CAM does not know networks whose channels are last.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from captum.attr import IntegratedGradients, Occlusion
from matplotlib.figure import Figure
from torch import Tensor, nn
from torch.nn import functional as F

from hubblefork.core.errors import RequestError, nearest
from hubblefork.explanation.inputs import (
    answers,
    as_bytes,
    blurred,
    network_inputs,
)
from hubblefork.explanation.map_layers import as_maps, watching
from hubblefork.explanation.overlay import draw_overlays
from hubblefork.explanation.tiles import save_sheet
from hubblefork.models.predictor import Predictor
from hubblefork.report.run_data import displayable

# The least pixels of the side of a layer's maps: Grad-CAM can be no finer than these. Seven are
# what the last layer of the usual networks has for images of 224.
_LEAST = 7

# Steps of the integral: with more, maps of these networks change by less than a hundredth.
_STEPS = 32

# Of the side: an occluding square, and how far it is moved.
_WINDOW, _STRIDE = 1 / 6, 1 / 12

METHODS = ("grad-cam", "integrated-gradients", "occlusion")


@dataclass(frozen=True, eq=False)
class Saliency:
    """Where in one image the evidence for one answer is.

    method, layer: how it was found; layer is that of Grad-CAM, or empty.
    target: name of the class, or of the answer to the volunteers' question.
    map: (H, W) float32 from 0 to 1, 1 where it matters most; all 0 where nothing speaks for it.
    seen: (H, W) or (H, W, 3) uint8, the image as the network saw it.
    """

    method: str
    layer: str
    target: str
    map: np.ndarray
    seen: np.ndarray

    def figure(self) -> Figure:
        """The image, and the map over it."""
        return draw_overlays([(self.seen, self.map, f"{self.target}: {self.method}")])

    def save(self, path: str | Path) -> None:
        """Write the figure as a PNG file."""
        save_sheet(self.figure(), path)


def saliency(
    predictor: Predictor,
    image: np.ndarray,
    method: str = "grad-cam",
    target: str | None = None,
    layer: str | None = None,
) -> Saliency:
    """Find where in an image the evidence for an answer is.

    Where predictions are averaged over several views of an image, so is the map.

    Parameters
    ----------
    predictor
        A trained network.
    image
        (H, W, C) uint8, framed as `predictor.framing` says.
    method
        `grad-cam`, `integrated-gradients` or `occlusion`.
    target
        The class, or the column of votes, that is asked for; by default the most probable class,
        or the commonest answer to the volunteers' first question.
    layer
        Of Grad-CAM, as `network.named_modules()` has it; by default the last whose maps have
        seven pixels or more a side.

    Raises RequestError for an unknown method, class or layer, and where a network has no maps.

    >>> predictor = Predictor.load(run.path)  # run = hubblefork.train(galaxies, "lenet5")
    >>> found = saliency(predictor, np.zeros((24, 24, 3), np.uint8), target="disc")
    >>> found.target, found.layer, found.map.shape
    ('disc', 'layers.2', (24, 24))
    """
    if method not in METHODS:
        raise RequestError(f"no method is called {method!r}; {nearest(method, METHODS)}")
    if layer is not None and method != "grad-cam":
        raise RequestError(f"a layer goes with grad-cam, not with {method}")
    inputs = network_inputs(predictor, image[None])
    number = _target(predictor, inputs, target)
    name = (layer or saliency_layer(predictor)) if method == "grad-cam" else ""
    view = predictor.card.view
    views = torch.cat(view.views(inputs)).contiguous()
    evidence = _attribute(predictor.network, views, number, method, name)
    mean = view.undo_views(evidence).mean(dim=0).relu()
    if mean.max() > 0:
        mean = mean / mean.max()
    return Saliency(
        method,
        name,
        predictor.names[number],
        mean.float().cpu().numpy(),
        displayable(as_bytes(predictor, inputs)[0]),
    )


def saliency_layer(predictor: Predictor) -> str:
    """The last layer whose maps have seven pixels or more a side.

    Raises RequestError where there is none, and for a network that turns its maps into tokens, as
    vision transformers do: what comes after them is no map, and what came before is not late.
    """
    network, shape = predictor.network, predictor.card.input_shape
    found = ""

    def see(layer: str, _output: object, maps: Tensor | None) -> None:
        nonlocal found
        # One map for each image: networks that take many views of it have more.
        if maps is not None and len(maps) == 1 and maps.shape[-1] >= _LEAST:
            found = layer

    leaves = [name for name, each in network.named_modules() if name and not list(each.children())]
    # timm's networks tell where their features end; ours have no tokens.
    to_features = getattr(network, "forward_features", None)
    with watching(network, leaves, see), torch.inference_mode():
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
        # What predictions give.
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
    if method == "integrated-gradients":
        integrated = IntegratedGradients(network)
        # One view at a time: each is already a batch of the integral's steps.
        parts = [
            integrated.attribute(each[None], plain[None], target=target, n_steps=_STEPS)
            for each, plain in zip(views, blurred(views), strict=True)
        ]
        return torch.cat(parts).abs().sum(dim=1).detach()
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
    """The maps of a layer, each weighed by its mean gradient, and added up: (V, h, w)."""
    given: list[Tensor] = []

    def see(_layer: str, output: object, maps: Tensor | None) -> Tensor:
        if maps is None or len(maps) != len(views):
            raise RequestError(f"layer {layer!r} gives no map for each image: choose another")
        given.append(output)
        return output.clone()  # the next layer may work in place

    with watching(network, [layer], see), torch.enable_grad():
        raw = network(views.requires_grad_())
    (gradient,) = torch.autograd.grad(raw[:, target].sum(), given[-1])
    maps, gradient = as_maps(given[-1].detach(), network), as_maps(gradient, network)
    return (gradient.mean(dim=(2, 3), keepdim=True) * maps).sum(dim=1)
