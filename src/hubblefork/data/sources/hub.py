"""Download a data set from the Hugging Face hub: its Parquet files, each once, into its own cache.

What has been downloaded is used without a network too: see `core/hub.py`.
"""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from hubblefork.core.errors import RequestError, first_few
from hubblefork.core.hub import asking_hub, split_revision
from hubblefork.core.progress import say
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
    repository, revision = split_revision(repository, "hub:")
    if revision:
        raise RequestError(f"{name}: expected hub:OWNER/NAME, without a revision")
    instead = "try again (the download resumes), or give a directory of its Parquet files"
    with asking_hub(name, instead):
        from huggingface_hub import snapshot_download

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
