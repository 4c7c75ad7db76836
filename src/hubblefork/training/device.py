"""Where a network is computed, and in which numbers."""

from typing import Literal

import torch

from hubblefork.errors import RequestError, nearest

Precision = Literal["fp32", "bf16"]


def choose_device(name: str = "auto") -> torch.device:
    """`auto` takes the GPU where there is one; `cpu` and `cuda` are taken at their word."""
    if name not in ("auto", "cpu", "cuda"):
        raise RequestError(
            f"no device is called {name!r}; {nearest(name, ('auto', 'cpu', 'cuda'))}"
        )
    if name == "cuda" and not torch.cuda.is_available():
        raise RequestError("--device cuda: torch finds no CUDA GPU here; use --device cpu")
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)


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
        return torch.cuda.is_bf16_supported(including_emulation=False)
    # Only processors with matrix units (AMX) gain: AVX-512's bf16 alone was measured no faster
    # than float32 on the compact residual network.
    capabilities = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(capabilities.get("amx_bf16", False))
