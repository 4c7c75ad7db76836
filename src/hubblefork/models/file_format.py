"""What is known of a model file before its arrays are read, and so without torch."""

from importlib.metadata import version
from pathlib import Path

from safetensors import SafetensorError, safe_open

from hubblefork.core.regular_files import not_a_file

# Its name in the folder of a run.
MODEL_FILE = "model.safetensors"
# Of its metadata, the key of the card.
CARD_KEY = "hubblefork"


def current_versions() -> dict[str, str]:
    """The versions of what made a model."""
    return {name: version(name) for name in ("hubblefork", "torch", "numpy")}


def is_model_file(path: Path) -> bool:
    """Whether a file was written by `save_model`."""
    if not_a_file(path):
        return False
    try:
        with safe_open(path, framework="np") as file:
            return CARD_KEY in (file.metadata() or {})
    except (SafetensorError, OSError):
        return False
