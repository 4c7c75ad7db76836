"""Floating-point precision and compilation of a training, by name.

They are chosen in `core/device.py`; a run is read without it, and so without torch.
"""

from typing import Literal

Precision = Literal["fp32", "bf16"]
# The modes of torch.compile, and off.
CompileMode = Literal["off", "default", "reduce-overhead", "max-autotune"]
