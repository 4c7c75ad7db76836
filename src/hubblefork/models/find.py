"""Where a model is: the file that a text stands for wherever a MODEL is read.

a run, or its folder        its model.safetensors
a model file                itself
a shipped name              one that comes with hubblefork (`models/shipped.py`)
hf:OWNER/NAME[@REVISION]    that of a repository of the Hugging Face hub, downloaded once

A path that is there comes before a shipped name.
"""

import os
from pathlib import Path
from typing import TypeVar

from hubblefork.core.arguments import as_path
from hubblefork.core.errors import RequestError, nearest
from hubblefork.core.hub import hub_folder, split_revision
from hubblefork.core.progress import say
from hubblefork.models.file_format import MODEL_FILE, is_model_file
from hubblefork.models.shipped import shipped_file, shipped_names

HUB = "hf:"

Model = TypeVar("Model")


def is_on_hub(model: object) -> bool:
    """Whether a model is named by its repository on the hub.

    >>> is_on_hub("hf:owner/name"), is_on_hub("runs/name")
    (True, False)
    """
    return isinstance(model, str | os.PathLike) and os.fspath(model).startswith(HUB)


def find_model(run: object) -> Path:
    """The model file of a run, a run folder, a shipped name, a repository of the hub, or itself.

    Raises RequestError where there is none, or where it cannot be had.
    """
    path = as_path(run, "run", "a run, a run folder or a model file")
    if is_on_hub(run):
        return _of_the_hub(str(path))
    if (shipped := shipped_file(path)) is not None:
        return shipped
    if not path.exists():
        raise RequestError(f"no run folder or model file at {path}{_no_name(path)}")
    if not path.is_dir():
        return path  # loading it reports what is not a regular file
    if not (path / MODEL_FILE).is_file():
        raise RequestError(
            f"{path} has no {MODEL_FILE}: it is not a run, or its training has not "
            f"ended; continue it with --resume"
        )
    return path / MODEL_FILE


def pinned(run: Model) -> Model | str:
    """A model of the hub with the commit that it has now as its revision; any other unchanged.

    The commit says for good which file was used, and the hub is not asked for it again. A path
    that has the name of a shipped model is used, and told.
    """
    if not is_on_hub(run):
        if _is_shadowed(run):
            say(f"using {run} of the current folder, not the shipped model of this name")
        return run
    repository, _ = split_revision(str(run), HUB)
    return f"{HUB}{repository}@{find_model(run).parent.name}"


def beside(run: object) -> Path:
    """The folder for what is made of a model: the run's own, that of the file, or for the hub `.`.

    >>> beside("models/sky.safetensors"), beside("hf:owner/name")
    (PosixPath('models'), PosixPath('.'))
    """
    path = as_path(run, "run", "a run, a run folder or a model file")
    if is_on_hub(run):
        return Path()
    return path if path.is_dir() else path.parent


def _is_shadowed(model: object) -> bool:
    """Whether a model has a shipped name which is that of a path too."""
    name = os.fspath(model) if isinstance(model, str | os.PathLike) else None
    return name in shipped_names() and shipped_file(name) is None


def _no_name(path: Path) -> str:
    """The end of an error about what may be a name: the nearest shipped models."""
    if len(path.parts) > 1 or not shipped_names():
        return ""
    return f", and no shipped model of this name; {nearest(path, shipped_names())}"


def _of_the_hub(text: str) -> Path:
    repository, revision = split_revision(text, HUB)
    instead = "try again, or give a model file on this machine"
    path = hub_folder(text, repository, revision, [MODEL_FILE], instead) / MODEL_FILE
    if not path.is_file():
        raise RequestError(f"{text} holds no model of hubblefork: it has no {MODEL_FILE}")
    if not is_model_file(path):
        raise RequestError(
            f"{text} holds no model of hubblefork: its {MODEL_FILE} is damaged, or another "
            f"program's; weights in timm's form are --set weights=hf-hub:{repository}"
        )
    return path
