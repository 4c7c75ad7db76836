"""A model as a repository of the Hugging Face hub: its files in a folder, and their upload.

model.safetensors       the model file, from which hf:OWNER/NAME predicts
README.md               its card
recipe.toml             how it was trained, and
metrics.json            how well it does, where it comes with its run
config.json, timm/      where the network is one of timm: its weights as timm reads them
"""

import copy
import json
import shutil
from pathlib import Path
from typing import Any

import torch

from hubblefork.core.errors import RequestError, first_line
from hubblefork.core.hub import asking_hub
from hubblefork.exporting.card import is_of_timm, model_card
from hubblefork.models.file_format import MODEL_FILE
from hubblefork.models.find import HUB
from hubblefork.models.predictor import Predictor
from hubblefork.runs.run import Run

_OF_A_RUN = ("recipe.toml", "metrics.json")
_TIMM = "timm"
_CONFIG = "config.json"
# What an earlier upload may have left that this one does not replace.
_FORMER = [*_OF_A_RUN, _CONFIG, f"{_TIMM}/*"]
# What timm tells of the weights that it publishes itself.
_OF_OTHER_WEIGHTS = ("tag", "license", "origin_url", "paper_ids")
_LIBRARY = "hubblefork"


def write_repository(
    folder: Path,
    predictor: Predictor,
    file: Path,
    run: Run | None,
    repository: str,
    licence: str | None,
) -> None:
    """Write the files of a repository OWNER/NAME into an empty folder.

    file: of the model of the predictor; run: its run, where it is known.
    """
    shutil.copyfile(file, folder / MODEL_FILE)
    text = model_card(predictor, run, repository, licence)
    (folder / "README.md").write_text(text, encoding="utf-8")
    if run is not None:
        for name in _OF_A_RUN:
            shutil.copyfile(run.path / name, folder / name)
    if is_of_timm(predictor):
        _write_timm(folder, predictor)


def _write_timm(folder: Path, predictor: Predictor) -> None:
    """Write the network as timm does, and a config.json by which timm finds that on the hub."""
    from timm.models import save_for_hf

    card = predictor.card
    view: dict[str, Any] = {"mean": card.view.mean, "std": card.view.std}
    view |= {"input_size": card.input_shape, "crop_pct": card.view.field_of_view}
    network = copy.deepcopy(predictor.network).cpu().to(memory_format=torch.contiguous_format)
    save_for_hf(
        network,
        str(folder / _TIMM),
        model_config={"label_names": list(card.task.names), "pretrained_cfg": view},
        model_args={**card.options, "in_chans": card.input_shape[0]},
        safe_serialization=True,
    )
    config = json.loads((folder / _TIMM / _CONFIG).read_text(encoding="utf-8"))
    for name in _OF_OTHER_WEIGHTS:
        config["pretrained_cfg"].pop(name, None)
    (folder / _TIMM / _CONFIG).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    config["pretrained_cfg"]["hf_hub_filename"] = f"{_TIMM}/{MODEL_FILE}"
    (folder / _CONFIG).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


def upload(folder: Path, repository: str, private: bool) -> str:
    """Upload a folder to a repository, which is made where there is none; returns `hf:...@COMMIT`.

    Raises RequestError where the user may not, where the repository has another library's model,
    or is public and `private` is asked for, and where the hub cannot be reached.
    """
    name = f"{HUB}{repository}"
    with asking_hub(name, "try again, or write the files by --folder DIR", "uploaded"):
        from huggingface_hub import HfApi, RepoCard, get_token

        if get_token() is None:
            raise RequestError(
                f"{name} cannot be uploaded: the hub does not know who you are; log in by "
                "`hf auth login`, or set HF_TOKEN to a token that may write"
            )
        try:  # before anything is made there
            RepoCard.load(folder / "README.md").validate("model")
        except ValueError as error:
            raise RequestError(f"{name}: the hub refuses the card: {first_line(error)}") from error
        hub = HfApi()
        hub.create_repo(repository, private=private, exist_ok=True)
        there = hub.model_info(repository)
        if private and not there.private:
            raise RequestError(f"{name} is public already: make it private first, on its page")
        held = {each.rfilename for each in there.siblings or []} - {".gitattributes"}
        if held and there.library_name != _LIBRARY:
            raise RequestError(
                f"{name} has files already that are not a model of hubblefork: give another --to"
            )
        commit = hub.upload_folder(
            repo_id=repository,
            folder_path=folder,
            commit_message="Export by hubblefork",
            delete_patterns=_FORMER,
        )
        return f"{name}@{commit.oid}"
