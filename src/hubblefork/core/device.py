"""Compute device, precision and compilation, and a clear error where memory is too small."""

import math
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from typing import Any, get_args

import torch
from torch.nn import functional as F

from hubblefork.core.errors import RequestError, nearest
from hubblefork.core.precision import CompileMode, Precision

# Enough to keep a GPU busy with small images; 96 feature maps at half the side take 400 MB.
_PIXELS_AT_ONCE = 256 * 128**2

# How much faster than float32 bf16 has to be: only convolutions gain, and precision is lost.
_WORTHWHILE_SPEEDUP = 1.4

# Messages of torch and numpy where they have no exception of its own for too little memory.
_OUT_OF_MEMORY = (
    "allocate memory",
    "tried to allocate",
    "out of memory",
    "bad_alloc",
    "ALLOC_FAILED",
)


def choose_device(name: str = "auto", devices: int = 1) -> torch.device:
    """The compute device by name; `auto` is the GPU if there is one, else the CPU.

    devices: how many are needed. Several processes without GPUs need an explicit `cpu`.
    """
    if name not in ("auto", "cpu", "cuda"):
        raise RequestError(f"unknown device {name!r}; {nearest(name, ('auto', 'cpu', 'cuda'))}")
    if name == "cuda" and not torch.cuda.is_available():
        raise RequestError("--device cuda: torch finds no CUDA GPU here; use --device cpu")
    if name == "cpu":
        return torch.device("cpu")
    available = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if devices > max(1, available):
        raise RequestError(
            f"--devices {devices}: torch finds {available} CUDA GPUs here; --device cpu "
            "trains in several processes without GPUs"
        )
    return torch.device("cuda" if available else "cpu")


def choose_precision(name: str, device: torch.device) -> Precision:
    """The precision by name; `auto` is bf16 if the device is faster in it, else fp32."""
    if name not in ("auto", "fp32", "bf16"):
        raise RequestError(f"unknown precision {name!r}; {nearest(name, ('auto', 'fp32', 'bf16'))}")
    if name == "auto":
        return "bf16" if _has_fast_bf16(device) else "fp32"
    return name  # type: ignore[return-value]  # checked above


def _has_fast_bf16(device: torch.device) -> bool:
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    # Older versions of torch do not report them; float32 works everywhere.
    capabilities: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    if capabilities.get("amx_bf16", False):
        return True
    return bool(capabilities.get("avx512_bf16", False)) and _bf16_speedup() > _WORTHWHILE_SPEEDUP


@cache
def _bf16_speedup() -> float:
    """Measure the speed of a convolution and its gradients in bf16, relative to float32.

    Some processors with AVX-512's bf16 are twice as fast in it and some are no faster, which
    their capabilities do not tell.
    """
    trials = [
        [
            torch.ones(shape, dtype=kind, requires_grad=True)
            for shape in ((16, 64, 16, 16), (64, 64, 3, 3))
        ]
        for kind in (torch.float32, torch.bfloat16)
    ]
    fastest = [math.inf, math.inf]
    # Alternating, and the fastest of many short trials: other work on the machine slows some.
    for _ in range(25):
        for i, (maps, filters) in enumerate(trials):
            begin = time.perf_counter()
            F.conv2d(maps, filters, padding=1).sum().backward()
            fastest[i] = min(fastest[i], time.perf_counter() - begin)
    return fastest[0] / fastest[1]


def choose_compile(name: str, device: torch.device, processes: int) -> CompileMode:
    """The mode of torch.compile by name, checked to work on this device."""
    if name not in get_args(CompileMode):
        raise RequestError(
            f"torch.compile has no mode {name!r}; {nearest(name, get_args(CompileMode))}"
        )
    if name == "off":
        return "off"
    if processes > 1:
        raise RequestError(f"--compile {name} needs one process, not {processes}")
    try:
        torch.compile(lambda value: value + 1)(torch.zeros(8, device=device))
    except Exception as error:  # a compiler can fail in many ways
        reason = str(error).strip().splitlines()[0]
        raise RequestError(f"--compile {name}: torch cannot compile here ({reason})") from error
    return name  # type: ignore[return-value]  # checked above


def images_at_once(side: int) -> int:
    """Batch size for images of side x side pixels when no gradients are computed.

    >>> images_at_once(64), images_at_once(224), images_at_once(5000)
    (256, 83, 1)
    """
    return max(1, min(256, _PIXELS_AT_ONCE // side**2))


@contextmanager
def threads_of_each(number: int) -> Iterator[None]:
    """In the block, torch computes with this many threads in each thread that is then started."""
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def explain_out_of_memory_in_training(images: int, side: int) -> AbstractContextManager[None]:
    """`explain_out_of_memory` for training on batches of `images` of side x side pixels."""
    return explain_out_of_memory(
        f"to train on batches of {images:,} images of {side}x{side}",
        f"--set batch_size={max(1, images // 2)}, or a smaller view.size",
    )


@contextmanager
def explain_out_of_memory(purpose: str, remedy: str) -> Iterator[None]:
    """Replace an out-of-memory error in the block by a RequestError that says what to reduce.

    >>> with explain_out_of_memory("to train on this batch", "--set batch_size=8"):
    ...     torch.empty(1 << 60)
    Traceback (most recent call last):
    hubblefork.core.errors.RequestError: there is not enough memory to train on this batch: ...
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        known = isinstance(error, MemoryError | torch.OutOfMemoryError)
        if not known and not any(words in str(error) for words in _OUT_OF_MEMORY):
            raise
        raise RequestError(f"there is not enough memory {purpose}: {remedy}") from error
