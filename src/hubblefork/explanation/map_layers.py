"""Looking into the layers of a network: which give maps, and which axes of these are which.

Not all arrays with four axes are maps: a transformer's attention is (N, heads, tokens, width), and
some networks of timm (Swin, MambaOut) have the channels last.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import inf

from torch import Tensor, nn

from hubblefork.core.errors import RequestError, nearest

# Called with a layer's name, its output, and that as maps, or None where it is something else.
See = Callable[[str, object, Tensor | None], Tensor | None]
Hook = Callable[[str, nn.Module, object], Tensor | None]


def as_maps(output: object, network: nn.Module) -> Tensor | None:
    """The output of a layer of the network as maps (N, C, side, side), or None.

    Images are square here, and so are maps: of four axes, the two equal ones beside each other
    are height and width. Where all three are equal, timm's `output_fmt` decides.

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


def named_layers(network: nn.Module, layers: Sequence[str]) -> dict[str, nn.Module]:
    """These layers by their names; RequestError for an unknown one."""
    modules = {name: module for name, module in network.named_modules() if name}
    for layer in layers:
        if layer not in modules:
            raise RequestError(f"the network has no layer {layer!r}; {nearest(layer, modules)}")
    return {layer: modules[layer] for layer in layers}


def leaves(network: nn.Module) -> dict[str, nn.Module]:
    """The layers that have no layers of their own, by name."""
    named = network.named_modules()
    return {name: module for name, module in named if name and not list(module.children())}


@contextmanager
def hooked(modules: Mapping[str, nn.Module], see: Hook) -> Iterator[None]:
    """Call `see` with name, module and output after every pass, inside a `with` block.

    What it returns, if anything, replaces the output.
    """
    handles = [
        module.register_forward_hook(
            lambda module, _inputs, output, name=name: see(name, module, output)
        )
        for name, module in modules.items()
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def watching(network: nn.Module, layers: Sequence[str], see: See) -> Iterator[None]:
    """Call `see` after every pass through one of the layers, inside a `with` block.

    What `see` returns, if anything, replaces the layer's output. A layer inside a block whose input
    is tokens, or maps smaller than the layer's own, as the products of attention are, has no maps.
    Raises RequestError for an unknown layer.
    """
    chosen = named_layers(network, layers)
    sides: dict[str, float] = {}  # of the maps that are each block's input; 0 for tokens

    def enter(block: str, inputs: tuple[object, ...]) -> None:
        if inputs and isinstance(inputs[0], Tensor):
            maps = as_maps(inputs[0], network)
            sides[block] = 0 if maps is None else maps.shape[-1]

    def leave(layer: str, _module: nn.Module, output: object) -> Tensor | None:
        block = layer
        while block and (block == layer or block not in sides):
            block = block.rpartition(".")[0]
        maps = as_maps(output, network)
        if maps is not None and maps.shape[-1] > sides.get(block, inf):
            maps = None
        return see(layer, output, maps)

    handles = [
        module.register_forward_pre_hook(lambda _, inputs, name=name: enter(name, inputs))
        for name, module in network.named_modules()
        if name and list(module.children())
    ]
    try:
        with hooked(chosen, leave):
            yield
    finally:
        for handle in handles:
            handle.remove()
