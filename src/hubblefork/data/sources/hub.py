"""Download a data set from the Hugging Face hub: its Parquet files, each once, into its own cache.

`huggingface_hub` (the extra `hub`) does it: it resumes interrupted downloads and honours HF_HOME,
HF_TOKEN, HF_ENDPOINT and HF_HUB_OFFLINE. What has been downloaded is used without a network too.
"""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from hubblefork.core.errors import RequestError, first_few, first_line
from hubblefork.core.progress import display_mode, say
from hubblefork.data.sources.huggingface_layout import DataFile, chosen

# For the hub's first answer; downloads have timeouts of their own.
_TIMEOUT_SECONDS = 20.0


def download(
    repository: str, options: Mapping[str, str], name: str
) -> tuple[Path, list[DataFile], list[str]]:
    """Return the folder of the data set OWNER/NAME, the files of it that were asked for, and notes.

    options: `config` and `split`; other files are not downloaded.

    Raises RequestError where the package is not installed, there is no such data set, access is
    denied, it has no Parquet files, or it cannot be downloaded.
    """
    if repository.count("/") != 1 or not all(repository.split("/")):
        raise RequestError(
            f"{name}: expected hub:OWNER/NAME, as in hub:matthieulel/galaxy10_decals"
        )
    try:
        from huggingface_hub import constants, errors, snapshot_download, utils
    except ImportError:
        raise RequestError(
            f"{name}: the hub needs one more package: pip install 'hubblefork[hub]'"
        ) from None

    if display_mode() == "plain":
        utils.disable_progress_bars()
    try:
        listed, online = _listed(repository)
        parquet = sorted(each for each in listed if each.endswith(".parquet"))
        if not parquet:
            raise RequestError(
                f"{name} has no Parquet files; found {first_few(listed) or 'nothing'}; download "
                "it by hand and give the directory"
            )
        files, notes = chosen(map(DataFile.named, parquet), options, name)
        folder = snapshot_download(
            repository,
            repo_type="dataset",
            allow_patterns=[file.path for file in files],
            local_files_only=not online,
        )
    except errors.GatedRepoError as error:
        raise RequestError(
            f"{name} is restricted by its owner: ask for access on its page, then log in by "
            "`hf auth login`"
        ) from error
    except errors.RepositoryNotFoundError as error:
        raise RequestError(
            f"{name}: the hub has no data set {repository}, or it is private (`hf auth login`)"
        ) from error
    except errors.HFValidationError as error:
        raise RequestError(f"{name}: {first_line(error)}") from error
    except (OSError, errors.HTTPError) as error:
        raise RequestError(
            f"{name} cannot be downloaded: {first_line(error)}; try again (the download resumes), "
            "or give a directory of its Parquet files; what has been downloaded is in "
            f"{constants.HF_HUB_CACHE}"
        ) from error
    say(f"{name}: {len(files):,} Parquet files in {folder}")
    return Path(folder), files, notes


def _listed(repository: str) -> tuple[list[str], bool]:
    """Return the files of a repository, and whether the hub has just listed them.

    Where the hub cannot be reached, they are those of the last download.
    """
    from huggingface_hub import HfApi, errors, get_cached_repo_tree

    try:
        info = HfApi().dataset_info(repository, timeout=_TIMEOUT_SECONDS)
        return [each.rfilename for each in info.siblings or []], True
    except errors.RepositoryNotFoundError:  # the hub's own answer, also for a gated repository
        raise
    except (OSError, errors.HTTPError):
        with suppress(errors.CachedRepoTreeNotFoundError):
            tree = get_cached_repo_tree(repository, repo_type="dataset")
            return [each.path for each in tree], False
        raise
