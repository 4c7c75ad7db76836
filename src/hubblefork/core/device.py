"""Where a network is computed, in which numbers, and what is said where its memory is too small."""

import math
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from typing import Any, Literal, get_args

import torch
from torch.nn import functional as F

from hubblefork.core.errors import RequestError, nearest

Precision = Literal["fp32", "bf16"]
# The modes of torch.compile by their own names, and none.
CompileMode = Literal["off", "default", "reduce-overhead", "max-autotune"]

# Enough to fill a GPU with small images. A map of 96 channels at half the side takes 400 MB.
_PIXELS_AT_ONCE = 256 * 128**2

# Of the speed of float32: a network is more than its convolutions, and bf16 costs some digits.
_WORTHWHILE = 1.4

# How torch and numpy say that there is not enough memory, where they have no class of error for it.
_NO_MEMORY = ("allocate memory", "tried to allocate", "out of memory", "bad_alloc", "ALLOC_FAILED")


def choose_device(name: str = "auto", devices: int = 1) -> torch.device:
    """`auto` takes the GPU where there is one; `cpu` and `cuda` are taken at their word.

    devices: how many are needed. Several processes on processors have to be asked for by `cpu`.
    """
    if name not in ("auto", "cpu", "cuda"):
        raise RequestError(
            f"no device is called {name!r}; {nearest(name, ('auto', 'cpu', 'cuda'))}"
        )
    if name == "cuda" and not torch.cuda.is_available():
        raise RequestError("--device cuda: torch finds no CUDA GPU here; use --device cpu")
    if name == "cpu":
        return torch.device("cpu")
    there = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if devices > max(1, there):
        raise RequestError(
            f"--devices {devices}: torch finds {there} CUDA GPUs here; --device cpu trains in "
            "several processes without any"
        )
    return torch.device("cuda" if there else "cpu")


def choose_precision(name: str, device: torch.device) -> Precision:
    """`auto` takes bf16 where the device multiplies matrices in it faster than in float32."""
    if name not in ("auto", "fp32", "bf16"):
        raise RequestError(
            f"no precision is called {name!r}; {nearest(name, ('auto', 'fp32', 'bf16'))}"
        )
    if name == "auto":
        return "bf16" if _has_fast_bf16(device) else "fp32"
    return name  # type: ignore[return-value]


def _has_fast_bf16(device: torch.device) -> bool:
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    # Older versions of torch cannot tell; float32 is right everywhere.
    capabilities: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    if capabilities.get("amx_bf16", False):
        return True
    return bool(capabilities.get("avx512_bf16", False)) and _bf16_gains() > _WORTHWHILE


@cache
def _bf16_gains() -> float:
    """How many times as fast as in float32 a convolution and its gradients are in bf16 here.

    Among processors with AVX-512's bf16 some are twice as fast in it and some no faster, which
    their capabilities do not tell.
    """
    trials = [
        [
            torch.ones(shape, dtype=kind, requires_grad=True)
            for shape in ((16, 64, 16, 16), (64, 64, 3, 3))
        ]
        for kind in (torch.float32, torch.bfloat16)
    ]
    least = [math.inf, math.inf]
    # In turn, and the fastest of many short ones: other work on the machine disturbs some of them.
    for _ in range(25):
        for place, (maps, filters) in enumerate(trials):
            begin = time.perf_counter()
            F.conv2d(maps, filters, padding=1).sum().backward()
            least[place] = min(least[place], time.perf_counter() - begin)
    return least[0] / least[1]


def choose_compile(name: str, device: torch.device, processes: int) -> CompileMode:
    """How torch.compile is to treat the network, once it has been seen to work here."""
    if name not in get_args(CompileMode):
        raise RequestError(
            f"torch.compile has no mode {name!r}; {nearest(name, get_args(CompileMode))}"
        )
    if name == "off":
        return "off"
    if processes > 1:
        raise RequestError(f"--compile {name} goes with one process, not with {processes}")
    try:
        torch.compile(lambda value: value + 1)(torch.zeros(8, device=device))
    except Exception as error:  # whatever a compiler may lack
        reason = str(error).strip().splitlines()[0]
        raise RequestError(f"--compile {name}: torch cannot compile here ({reason})") from error
    return name  # type: ignore[return-value]


def images_at_once(side: int) -> int:
    """How many images of side x side go through a network together, where nothing is learnt.

    >>> images_at_once(64), images_at_once(224), images_at_once(5000)
    (256, 83, 1)
    """
    return max(1, min(256, _PIXELS_AT_ONCE // side**2))


def telling_of_batches(images: int, side: int) -> AbstractContextManager[None]:
    """`telling_of_memory` of training on batches of so many images of side x side pixels."""
    return telling_of_memory(
        f"to train on batches of {images:,} images of {side}x{side}",
        f"--set batch_size={max(1, images // 2)}, or a smaller view.size",
    )


@contextmanager
def telling_of_memory(purpose: str, remedy: str) -> Iterator[None]:
    """Say in one line what to lower where the memory is too small for what the block does.

    >>> with telling_of_memory("to train on so much", "--set batch_size=8"):
    ...     torch.empty(1 << 60)
    Traceback (most recent call last):
    hubblefork.core.errors.RequestError: there is not enough memory to train on so much: --set ...
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        known = isinstance(error, MemoryError | torch.OutOfMemoryError)
        if not known and not any(words in str(error) for words in _NO_MEMORY):
            raise
        raise RequestError(f"there is not enough memory {purpose}: {remedy}") from error
