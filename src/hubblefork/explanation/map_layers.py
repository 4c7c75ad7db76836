"""Which layers of a network answer with maps of the image, and which axes of these are which.

Four axes alone make no map. A transformer's attention has them too, as (N, heads, tokens, width),
and some networks of timm (Swin, MambaOut) have the channels last.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from math import inf

from torch import Tensor, nn

from hubblefork.core.errors import RequestError, nearest

# Is told a layer's name, what it gave, and that as maps, or None where it is something else.
See = Callable[[str, object, Tensor | None], Tensor | None]


def as_maps(output: object, network: nn.Module) -> Tensor | None:
    """What a layer of the network gives, as maps (N, C, side, side), or None.

    Images are square here, and so are maps: of four axes, the two equal ones beside each other
    are height and width. Where all three are equal, timm tells which are (`output_fmt`).

    >>> import torch
    >>> as_maps(torch.zeros(1, 7, 7, 32), nn.Identity()).shape
    torch.Size([1, 32, 7, 7])
    >>> as_maps(torch.zeros(1, 2, 101, 32), nn.Identity()) is None
    True
    """
    if not isinstance(output, Tensor) or output.ndim != 4:
        return None
    _, first, second, third = output.shape
    channels_last = getattr(network, "output_fmt", None) == "NHWC"
    if second == third and not (first == second and channels_last):
        return output
    return output.permute(0, 3, 1, 2) if first == second else None


@contextmanager
def watching(network: nn.Module, layers: Sequence[str], see: See) -> Iterator[None]:
    """Call `see` whenever one of the layers has answered, as long as the block runs.

    What `see` returns, if anything, takes the place of the layer's answer. A layer within a block
    that is given tokens, or smaller maps than it gives itself, as the products of attention are,
    has no maps. Raises RequestError for a layer that the network has not.
    """
    modules = {name: module for name, module in network.named_modules() if name}
    for layer in layers:
        if layer not in modules:
            raise RequestError(f"the network has no layer {layer!r}; {nearest(layer, modules)}")
    sides: dict[str, float] = {}  # of the maps that each block was given; of tokens, 0

    def enter(block: str, inputs: tuple[object, ...]) -> None:
        if inputs and isinstance(inputs[0], Tensor):
            maps = as_maps(inputs[0], network)
            sides[block] = 0 if maps is None else maps.shape[-1]

    def leave(layer: str, output: object) -> Tensor | None:
        block = layer
        while block and (block == layer or block not in sides):
            block = block.rpartition(".")[0]
        maps = as_maps(output, network)
        if maps is not None and maps.shape[-1] > sides.get(block, inf):
            maps = None
        return see(layer, output, maps)

    handles = [
        module.register_forward_pre_hook(lambda _, inputs, name=name: enter(name, inputs))
        for name, module in modules.items()
        if list(module.children())
    ]
    handles += [
        modules[layer].register_forward_hook(
            lambda _module, _inputs, output, name=layer: leave(name, output)
        )
        for layer in layers
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
