"""Checkpoints of a training, which are checked as a whole before anything is made of them."""

from pathlib import Path
from typing import Any
from zipfile import ZipFile

import torch

from hubblefork.core.errors import first_line
from hubblefork.networks.weights import refuse_compressed

# What Lightning restores a training from, and our own history.
_PARTS = {"epoch", "global_step", "state_dict", "optimizer_states", "callbacks", "loops", "history"}


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint on the CPU; ValueError, or RequestError, where a byte of it has changed."""
    refuse_compressed(path)
    try:
        with ZipFile(path) as archive:
            broken = archive.testzip()  # torch itself does not look at the checksums
        checkpoint = None if broken else torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # of any kind: it follows from whatever bytes are in the file
        raise ValueError(first_line(error)) from error
    if broken:
        raise ValueError(f"{broken} in it has another checksum")
    if not isinstance(checkpoint, dict) or not checkpoint.keys() >= _PARTS:
        raise ValueError("it is not a checkpoint of a training")
    return checkpoint
