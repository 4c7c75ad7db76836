"""Networks that a file asks for: options that cannot reach outside, and no more layers than it has.

A model file comes from anywhere. Its options are plain values, none of them a path or an address,
and a network made of them is tried on torch's meta device, where tensors take no memory.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn.modules import module
from torch.overrides import TorchFunctionMode

from hubblefork.core.errors import RequestError

# The widest layer of timm has about 12,000 channels, and its deepest network 200 blocks.
_LARGEST_NUMBER = 1 << 20
# Names of activations, norms and poolings have up to 30 letters.
_MOST_LETTERS = 100
_MOST_VALUES = 1000
_DEEPEST = 4

# A layer of timm's networks has at most a dozen modules without weights around it.
_MODULES_PER_TENSOR = 50
_MODULES_OF_ANY = 1000
# Tables that a network computes for itself, such as the grid of a rotated image.
_MOST_COMPUTED_BYTES = 256 << 20


def check_options(name: str, options: Mapping[str, Any]) -> None:
    """RequestError unless a network's options are plain values: a number, a word, or a few of them.

    >>> check_options("mlp", {"width": 6, "blocks": [1, 2]})
    >>> check_options("mlp", {"weights": "/etc/passwd"})
    Traceback (most recent call last):
    hubblefork.core.errors.RequestError: network 'mlp': option 'weights' is '/etc/passwd'; ...
    """
    for key, value in options.items():
        if not isinstance(key, str) or not key.isidentifier() or len(key) > _MOST_LETTERS:
            raise RequestError(f"network {name!r}: {key!r} cannot be the name of an option")
        if problem := _problem(value):
            raise RequestError(f"network {name!r}: option {key!r} is {_shown(value)}; {problem}")


def _shown(value: Any) -> str:
    return repr(value) if isinstance(value, str | int | float) else f"a {type(value).__name__}"


def _problem(value: Any) -> str:
    """What is wrong with a value; empty where nothing is."""
    level, number = [value], 0
    for _ in range(_DEEPEST):
        inner = []
        for each in level:
            match each:
                case dict():
                    inner += [*each, *each.values()]
                case list() | tuple():
                    inner += each
                case str() if len(each) > _MOST_LETTERS or set(each) & set("/\\:"):
                    return "expected a word, and no path or address"
                case int() | float() if not (math.isfinite(each) and abs(each) <= _LARGEST_NUMBER):
                    return f"expected a number of at most {_LARGEST_NUMBER:,}"
                case str() | int() | float() | None:
                    continue
                case _:
                    return "expected a number, a word, true or false, or a list of these"
        number += len(inner)
        if number > _MOST_VALUES:
            return f"expected at most {_MOST_VALUES:,} values"
        level = inner
    return f"expected at most {_DEEPEST - 1} lists within one another" if level else ""


def sketch(create: Callable[[], nn.Module], tensors: int) -> nn.Module:
    """Make a network without memory for its weights, with as many layers as `tensors` can be of.

    create: makes the network. A registered one that cannot be made on the meta device is made as it
    is. Raises RequestError where it has more layers, or computes large tables for itself.

    >>> sketch(lambda: nn.Linear(1 << 30, 1 << 20), tensors=2).weight.device
    device(type='meta')
    """
    with _counted(_MODULES_OF_ANY + _MODULES_PER_TENSOR * tensors):
        try:
            with torch.device("meta"), _Unfilled():
                network = create()
        except (NotImplementedError, RuntimeError) as error:
            if "meta tensor" not in str(error):
                raise RequestError(f"it cannot be made: {error}") from error
            network = create()
    kept = network.state_dict().keys()
    computed = [value.nbytes for key, value in network.named_buffers() if key not in kept]
    if sum(computed) > _MOST_COMPUTED_BYTES:
        raise RequestError(f"it computes tables of {sum(computed) >> 20:,} MB")
    return network


class _Unfilled(TorchFunctionMode):
    """Leaves out normal random numbers, which tensors without memory do not hold.

    For them torch would import its compiler, which takes longer than most predictions.
    """

    def __torch_function__(
        self, function: Any, types: Any, arguments: Any = (), named: Any = None
    ) -> Any:
        named = named or {}
        if getattr(function, "__name__", "").endswith("normal_"):  # of tensors and of `nn.init`
            return arguments[0] if arguments else named["tensor"]
        return function(*arguments, **named)


@contextmanager
def _counted(most: int) -> Iterator[None]:
    """Stop the making of a network of more than this many modules and parameters."""
    number = 0

    def count(*_: Any) -> None:
        nonlocal number
        number += 1
        if number > most:
            raise RequestError(f"it has more than {most:,} layers, which no weights belong to")

    handles = [
        module.register_module_module_registration_hook(count),
        module.register_module_parameter_registration_hook(count),
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
