"""Which files make up a Hugging Face data set, and the configuration and split each belongs to.

A repository has its Parquet files as data/train-00000-of-00002.parquet, or with a folder for each
configuration (tiny/test-00000-of-00001.parquet) or each split (train/0000.parquet). What
`save_to_disk` of the `datasets` library wrote lists its files in state.json and dataset_dict.json.
"""

import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from hubblefork.core.errors import RequestError, nearest
from hubblefork.core.parsing import parse_json
from hubblefork.core.regular_files import not_a_file
from hubblefork.data.subsets import SUBSET_WORDS, subset_of

DEFAULT = "default"
# train-00000-of-00005; older names have a hash at the end.
_SHARD = re.compile(r"(.+)-(\d{5})-of-(\d{5})(-[0-9a-f]+)?")


@dataclass(frozen=True)
class DataFile:
    """One file: its path relative to the data set, its configuration and its split, if named."""

    path: str
    config: str = DEFAULT
    split: str | None = None

    @classmethod
    def named(cls, path: str) -> "DataFile":
        """Find out the configuration and split of a file from its path within a repository.

        >>> DataFile.named("data/train-00000-of-00005.parquet").split
        'train'
        >>> DataFile.named("tiny/partial-test/0000.parquet")
        DataFile(path='tiny/partial-test/0000.parquet', config='tiny', split='test')
        """
        *folders, _ = PurePosixPath(path).parts
        stem = PurePosixPath(path).stem
        shard = _SHARD.fullmatch(stem)
        if shard and shard[1] != "data":
            split = shard[1]
        else:
            split = next(filter(None, map(_split_word, [stem, *reversed(folders)])), None)
        configs = [each for each in folders if each != "data" and not _split_word(each)]
        return cls(path, configs[0] if configs else DEFAULT, split)


def _split_word(text: str) -> str | None:
    words = re.split(r"[^a-z]+", text.lower())
    return next((word for word in words if word in SUBSET_WORDS), subset_of(text))


def files_below(path: Path) -> list[DataFile]:
    """Return the files of the data set in a directory; none where there is no data set.

    Raises RequestError where a data set saved to disk is incomplete.
    """
    if (path / "dataset_dict.json").is_file():
        splits = map(str, _read_json(path / "dataset_dict.json").get("splits") or [])
        return [
            DataFile(f"{split}/{file}", split=split)
            for split in splits
            for file in _saved_files(path / split)
        ]
    if (path / "state.json").is_file():
        return [DataFile(file) for file in _saved_files(path)]
    for pattern in ("*.parquet", "*/*.parquet", "*/*/*.parquet"):
        # Spark writes folders that are called so, with files in them.
        found = [each.relative_to(path).as_posix() for each in path.glob(pattern)
                 if not each.is_dir()]  # fmt: skip
        visible = sorted(each for each in found if "/." not in f"/{each}")
        for each in visible:
            if reason := not_a_file(path / each):
                raise RequestError(f"{path / each}: {reason}; remove it")
        if visible:
            return [DataFile.named(each) for each in visible]
    return []


def _saved_files(folder: Path) -> list[str]:
    listed = _read_json(folder / "state.json").get("_data_files") or []
    names = [str(each.get("filename")) for each in listed if isinstance(each, dict)]
    missing = [name for name in names if not os.path.isfile(folder / name)]
    if missing:
        raise RequestError(
            f"{folder} is incomplete: {missing[0]}, which its state.json names, is not there"
        )
    return names


def _read_json(path: Path) -> dict:
    try:
        content = parse_json(path.read_bytes())
    except (OSError, ValueError) as error:
        raise RequestError(f"{path} cannot be read: {error}") from error
    if not isinstance(content, dict):
        raise RequestError(f"{path} is not what the datasets library writes")
    return content


def chosen(
    files: Iterable[DataFile], options: Mapping[str, str], name: str
) -> tuple[list[DataFile], list[str]]:
    """Return the files of one configuration, and of one split if asked for, and notes.

    options: `config` and `split`, as the user gave them. Without `config` the default one is
        read: configurations repeat each other's images.

    Raises RequestError where a name is unknown or ambiguous, or a file is missing.
    """
    files, notes = list(files), []
    configs = sorted({file.config for file in files})
    config = options.get("config", DEFAULT if len(configs) > 1 else configs[0])
    if config not in configs:
        problem = f"configurations: {', '.join(configs)}"
        if "config" in options:
            problem = f"no configuration is called {config!r}; {nearest(config, configs)}"
        raise RequestError(f"{name}: {problem}; choose one by :config=NAME")
    if len(configs) > 1 and "config" not in options:
        others = ", ".join(each for each in configs if each != config)
        notes.append(f"Only the default configuration is read; others by :config=NAME: {others}.")
    files = [file for file in files if file.config == config]

    splits = sorted({file.split or "" for file in files})
    split = options.get("split")
    if split is not None:
        files = [file for file in files if file.split == split]
        if not files:
            raise RequestError(f"{name}: no split is called {split!r}; {nearest(split, splits)}")
    elif len(splits) > 1 and not all(each in SUBSET_WORDS for each in splits):
        listed = ", ".join(each or "(none)" for each in splits)
        raise RequestError(
            f"{name} has the splits {listed}, which are not train, validation and test; choose "
            "one by :split=NAME"
        )
    # A numbered file may be missing, as after a broken download.
    paths = [PurePosixPath(file.path) for file in files]
    shards = Counter((str(path.parent / shard[1]), int(shard[3]))
                     for path in paths if (shard := _SHARD.fullmatch(path.stem)))  # fmt: skip
    for (which, expected), found in shards.items():
        if found != expected:
            raise RequestError(
                f"{name} is incomplete: {found} of {expected} files of {which} are there"
            )
    return files, notes
