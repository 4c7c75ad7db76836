"""The Hugging Face hub: files of a repository on this machine, and each refusal in one line.

`huggingface_hub` (the extra `hub`) does the work: it resumes interrupted downloads, keeps them in a
cache of its own, and honours HF_HOME, HF_TOKEN, HF_ENDPOINT and HF_HUB_OFFLINE.
"""

import logging
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from hubblefork.core.errors import RequestError, first_line
from hubblefork.core.file_cache import file_sha256
from hubblefork.core.progress import display_mode, say


def split_revision(text: str, prefix: str = "") -> tuple[str, str | None]:
    """The repository OWNER/NAME of a text, and its revision, if it has one.

    >>> split_revision("hf:owner/name@v1", "hf:"), split_revision("hf:owner/name", "hf:")
    (('owner/name', 'v1'), ('owner/name', None))
    >>> split_revision("hf:name", "hf:")
    Traceback (most recent call last):
    hubblefork.core.errors.RequestError: hf:name: expected hf:OWNER/NAME or hf:OWNER/NAME@REVISION
    """
    repository, at, revision = text.removeprefix(prefix).partition("@")
    owner, slash, name = repository.partition("/")
    if not (owner and slash and name) or "/" in name or bool(at) != bool(revision):
        raise RequestError(f"{text}: expected {prefix}OWNER/NAME or {prefix}OWNER/NAME@REVISION")
    return repository, revision or None


@contextmanager
def asking_hub(name: str, instead: str, what: str = "downloaded") -> Iterator[None]:
    """RequestError in one line for whatever the hub answers to the block, but files.

    name: of the repository as the user gave it. instead: what to do where it cannot be had.
    what: is done with it.
    """
    try:
        from huggingface_hub import errors, is_offline_mode, utils
    except ImportError:
        raise RequestError(
            f"{name}: the hub needs one more package: pip install 'hubblefork[hub]'"
        ) from None
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)  # or it tells of each try
    if display_mode() == "plain":
        utils.disable_progress_bars()
    try:
        yield
    except errors.GatedRepoError as error:
        raise RequestError(
            f"{name} is restricted by its owner: ask for access on its page, then log in by "
            "`hf auth login`"
        ) from error
    except errors.RevisionNotFoundError as error:
        raise RequestError(f"{name}: the hub has no such revision of it") from error
    except errors.RepositoryNotFoundError as error:
        raise RequestError(
            f"{name}: the hub has no such repository, or it is private (`hf auth login`)"
        ) from error
    except errors.HFValidationError as error:
        raise RequestError(f"{name}: {first_line(error)}") from error
    except errors.LocalEntryNotFoundError as error:
        why = "HF_HUB_OFFLINE is set" if is_offline_mode() else "the hub cannot be reached"
        raise RequestError(
            f"{name} cannot be {what}: it is not on this machine yet, and {why}; {instead}"
        ) from error
    except (OSError, errors.HTTPError) as error:
        told = getattr(error, "server_message", None) or first_line(error)
        raise RequestError(f"{name} cannot be {what}: {told}; {instead}") from error


def hub_folder(
    name: str, repository: str, revision: str | None, files: Sequence[str], instead: str
) -> Path:
    """The folder of a repository of models with these files, as far as it has them.

    The folder is called after the commit. Files are downloaded once; where the hub cannot be
    reached, those of the last download are taken. `name` and `instead` as of `asking_hub`.
    """
    with asking_hub(name, instead):
        from huggingface_hub import snapshot_download

        def downloaded() -> Path:
            found = snapshot_download(repository, revision=revision, allow_patterns=list(files))
            return Path(found)

        folder = downloaded()
        damaged = [path for path in map(folder.joinpath, files) if not _is_intact(path)]
        if damaged:
            say(f"{name}: the copy on this machine is damaged, and is downloaded again")
            for path in damaged:
                path.resolve().unlink()
            folder = downloaded()
        return folder


def _is_intact(path: Path) -> bool:
    """Whether a file in the hub's cache has its content, if it is there.

    What a link leads to is called by the SHA-256 of its content where the file is a large one.
    """
    digest = path.resolve().name
    known = re.fullmatch("[0-9a-f]{64}", digest) and path.is_file()
    return not known or file_sha256(path) == digest
