"""Which method of attribution explains single images of a model: the one that measured best for it.

The explanation of a test set measures the methods on validation images, and stores the result with
the digest of the model; `MethodChoice.stored` finds it again.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from hubblefork.core.progress import say

# The figures of the explanation of a test set.
FIGURES = "explanation.json"


@dataclass(frozen=True)
class MethodChoice:
    """A method, or None for that of `explain_image`, and a sentence that says why."""

    method: str | None
    why: str

    @classmethod
    def stored(cls, folder: Path, sha256: str) -> "MethodChoice":
        """The choice by what `explain RUN` stored in `folder` for the model with this digest.

        >>> MethodChoice.stored(folder / "explanation", "5eed").method is None
        True
        """
        try:
            figures = json.loads((folder / FIGURES).read_text(encoding="utf-8"))
            # A layer of the user's choice says little about Grad-CAM with its own layer.
            known = figures.get("model_sha256") == sha256 and figures["layer"] is None
            method = figures.get("most_faithful")
        except FileNotFoundError:
            known = False
        except (OSError, ValueError, KeyError, AttributeError):
            say(f"{folder / FIGURES} cannot be read: maps are by the default method")
            known = False
        if not known:
            return cls(None, "Maps are by the default method: explain RUN without images measures "
                             "which one is the most faithful for this model.")  # fmt: skip
        if method is None:
            return cls(None, "Maps are by the default method: of those measured for this model, "
                             "none was clearly better than random order.")  # fmt: skip
        return cls(method, f"Maps are by {method}, the most faithful of the methods that were "
                           "measured for this model.")  # fmt: skip
