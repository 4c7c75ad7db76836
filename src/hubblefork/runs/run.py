"""A run: the folder that holds all of one training, each file of it written whole or not at all."""

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from html import escape
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd
import tomli_w
from pandas.api.types import is_numeric_dtype

from hubblefork.core.arguments import as_path
from hubblefork.core.errors import RequestError, first_few, first_line
from hubblefork.core.files import appearing, replacing
from hubblefork.core.names import stem
from hubblefork.core.outputs import check_folder
from hubblefork.core.parsing import parse_json
from hubblefork.core.path_options import split_options
from hubblefork.core.tables.csv import read_csv, with_numbers
from hubblefork.core.temporary import locking
from hubblefork.data.splits import Split
from hubblefork.evaluation.metrics_format import METRICS
from hubblefork.models.file_format import MODEL_FILE
from hubblefork.recipes.recipe import Recipe, load_recipe
from hubblefork.runs.provenance import Provenance
from hubblefork.tasks.predictions import Predictions
from hubblefork.tasks.registry import task_from_json
from hubblefork.tasks.task import Task

_RECIPE, _PROVENANCE, _SPLIT = "recipe.toml", "provenance.json", "split.csv"
_PREDICTIONS, _METRICS, _REPORT = "predictions.csv", "metrics.json", "report.html"
_CHECKPOINTS = "checkpoints"
LEARNT_FILE = "learnt.parquet"
_LABELS = "labels.parquet"

# Endings of catalogues, which are no part of a short name.
_CATALOGUES = (".csv", ".tsv", ".parquet", ".fits", ".fit", ".fits.gz", ".vot", ".ecsv")

Content = TypeVar("Content")


@dataclass(frozen=True)
class Run:
    """A run folder. Every attribute reads its file each time; nothing is kept in memory.

    `path` holds `recipe.toml`, `provenance.json`, `split.csv`, `learnt.parquet`, `history.csv`,
    `model.safetensors`, `predictions.csv`, `metrics.json`, `figures/`, `report.html`,
    `checkpoints/`, and `labels.parquet` where labels replaced those of the source. Reading one that
    is missing or damaged raises a RequestError.

    >>> run = Run.open(run.path)  # run = hubblefork.train(galaxies, "lenet5")
    >>> run.recipe.network.name, len(run.history), len(run.predictions)
    ('lenet5', 1, 16)
    """

    path: Path

    def __fspath__(self) -> str:
        """A run can be given wherever its folder can."""
        return os.fspath(self.path)

    def __str__(self) -> str:
        return str(self.path)

    def _repr_html_(self) -> str:
        """Its metrics on the test set as a table, for notebooks."""
        title = f"<p>Run <code>{escape(str(self.path))}</code>, recipe {escape(self.recipe.name)}"
        if not (self.path / "metrics.json").is_file():
            return f"{title}: its training has not ended</p>"
        metrics = self.metrics
        rows = [
            f"<tr><th>{each.title}</th><td>{each.written(metrics[each.name])}</td>"
            f"<td>{each.between(metrics['intervals'][each.name])}</td></tr>"
            for each in self.task.metrics
            if each.name in metrics
        ]
        head = "<tr><th></th><th>test set</th><th>95 % interval</th></tr>"
        return f"{title}, {metrics['n']:,} test images</p><table>{head}{''.join(rows)}</table>"

    @classmethod
    def create(
        cls,
        path: Path,
        recipe: Recipe,
        provenance: Provenance,
        split: Split,
        learnt: pd.DataFrame | None = None,
        labels: pd.DataFrame | None = None,
    ) -> "Run":
        """Make a new run folder with its recipe, provenance and split, whole or not at all.

        learnt: what it will have learnt from, as `runs.learnt.learnt_images` gives it.
        labels: those that replace the source's, as `data.relabelled` takes them.

        Raises RequestError where `path` exists already, or where it cannot be written.
        """
        refuse_existing(path)
        try:
            with appearing(path) as temporary:
                split.save(temporary / _SPLIT)
                cls(temporary).save_recipe(recipe)
                with replacing(temporary / _PROVENANCE) as file:
                    json.dump(provenance.to_json(), file, indent=2, ensure_ascii=False)
                if learnt is not None:
                    learnt.to_parquet(temporary / LEARNT_FILE, index=False, compression="zstd")
                if labels is not None:
                    labels.to_parquet(temporary / _LABELS, index=False, compression="zstd")
        except OSError as error:
            raise RequestError(f"cannot make the run folder {path}: {error.strerror}") from error
        return cls(path)

    @classmethod
    def open(cls, path: "str | os.PathLike[str]") -> "Run":
        """Open the folder of an earlier run; RequestError where there is none."""
        path = as_path(path, "run", "a run or a run folder")
        if not path.is_dir():
            raise RequestError(f"no run folder at {path}")
        if not (path / _RECIPE).is_file():
            raise RequestError(f"{path} is not a run folder: it has no {_RECIPE}")
        return cls(path)

    @property
    def model(self) -> Path:
        return self.path / MODEL_FILE

    @property
    def checkpoints(self) -> Path:
        return self.path / _CHECKPOINTS

    @property
    def split(self) -> Split:
        """Which image is in the training, validation and test set."""
        return self._parsed(_SPLIT, Split.load)

    @property
    def report(self) -> Path:
        return self.path / _REPORT

    @property
    def recipe(self) -> Recipe:
        """The recipe as resolved; the same file can be given to `--recipe` again."""
        return self._parsed(_RECIPE, load_recipe)

    @property
    def provenance(self) -> Provenance:
        """The data, the machine and the versions that the run was trained with."""
        return self._parsed(_PROVENANCE, _read_provenance)

    @property
    def labels(self) -> pd.DataFrame:
        """The labels that replaced those of the source, as `data.relabelled` takes them."""
        return self._parsed(_LABELS, pd.read_parquet)

    @property
    def task(self) -> Task:
        """What the labels mean: class names, or votes."""
        return self.provenance.task

    @property
    def history(self) -> pd.DataFrame:
        """One row per epoch, with the columns of `history_columns`."""
        return self._parsed("history.csv", _read_history)

    @property
    def predictions(self) -> Predictions:
        """What the model says of the test set, with its labels; `.table()` is a DataFrame."""
        task = task_from_json(self.metrics["task"])
        return self._parsed(_PREDICTIONS, lambda path: Predictions.read(path, task))

    @property
    def metrics(self) -> dict[str, Any]:
        return self._parsed(_METRICS, _read_metrics)

    def checkpoint(self, name: str) -> dict[str, Any]:
        """The state of the training after its `last` or its `best` epoch, on the CPU."""
        from hubblefork.runs.checkpoint import read_checkpoint  # with torch: for nothing else

        return self._parsed(f"{_CHECKPOINTS}/{name}.ckpt", read_checkpoint)

    @property
    def finished(self) -> bool:
        """Whether everything was written: the report is the last file of a run."""
        return self.report.is_file()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other commands from training it while the block runs, or until this process ends.

        Raises RequestError where another one does.
        """
        # A file that is not replaced while it is trained.
        with locking(self.path / _PROVENANCE) as ours:
            if ours is False:
                raise RequestError(
                    f"{self.path} is being trained by another command: wait until that has ended, "
                    "or give another --out"
                )
            yield

    def sweep(self) -> None:
        """Remove the temporary files of whatever was being written when a run was killed."""
        for folder in (self.path, self.checkpoints, self.path / "figures"):
            for leftover in folder.glob(".*.*"):
                leftover.unlink(missing_ok=True)

    def save_recipe(self, recipe: Recipe) -> None:
        with replacing(self.path / _RECIPE, binary=True) as file:
            tomli_w.dump(recipe.to_toml(), file)

    def save_history(self, rows: Sequence[Mapping[str, float]]) -> None:
        """Write the history: one row per epoch, each with all of `history_columns`."""
        with replacing(self.path / "history.csv") as file:
            pd.DataFrame(rows).to_csv(file, index=False, lineterminator="\n")

    def _parsed(self, name: str, read: Callable[[Path], Content]) -> Content:
        path = self.path / name
        if not path.is_file() and not (self.finished and self.model.is_file()):
            raise RequestError(f"{self.path} has no {name}: its training has not ended; --resume")
        if not path.is_file():
            raise RequestError(f"{self.path} has lost its {name}; {self._way_on(name)}")
        try:
            return read(path)
        except (RequestError, OSError, ValueError, LookupError, TypeError) as error:
            what = first_line(error).removeprefix(str(path)).lstrip(": ")
            raise RequestError(
                f"{path} is damaged and cannot be read ({what}); {self._way_on(name)}"
            ) from error

    def _way_on(self, name: str) -> str:
        """What to do where a file is damaged or lost."""
        if not any((self.path / each).is_file() for each in (_RECIPE, _PROVENANCE)):
            return "evaluate again"
        if name in (_PREDICTIONS, _METRICS):
            return f"remove {self.report}, and train --resume writes it again"
        if name.startswith(_CHECKPOINTS):
            return f"remove {self.checkpoints}, and train --resume starts from the first epoch"
        return "restore it from a copy, or start again with another --out"


def _read_history(path: Path) -> pd.DataFrame:
    table = with_numbers(read_csv(path, ","))
    wrong = [
        name
        for name in ("epoch", "loss", "val_loss", "lr", "seconds")
        if name not in table or not is_numeric_dtype(table[name])
    ]
    if wrong or table.empty:
        raise ValueError(f"no numbers in {first_few(wrong) or 'it'}")
    return table


def _read_metrics(path: Path) -> dict[str, Any]:
    metrics = parse_json(path.read_bytes())
    METRICS.validate_python(metrics)
    return metrics


def _read_provenance(path: Path) -> Provenance:
    return Provenance.from_json(parse_json(path.read_bytes()))


def history_columns(metric: str) -> tuple[str, ...]:
    """The columns of `history.csv` for a task whose training metric is `metric`.

    The validation columns are empty where there is no validation set; `lr` is the learning rate
    and `seconds` the duration of the epoch.

    >>> history_columns("rmse")
    ('epoch', 'loss', 'rmse', 'val_loss', 'val_rmse', 'lr', 'seconds')
    """
    return ("epoch", "loss", metric, "val_loss", f"val_{metric}", "lr", "seconds")


def refuse_existing(path: Path) -> None:
    """RequestError if the folder of a new run exists already, or cannot be made."""
    check_folder(path, "give another --out, or --resume to continue that run")


def default_run_path(recipe_name: str, source_name: str) -> Path:
    """`runs/<YYYY-MM-DD>/<recipe>-<dataset>-<HHMMSS>` below the current folder."""
    now = datetime.now()
    name = f"{recipe_name}-{short_name(source_name)}-{now:%H%M%S}"
    return Path("runs") / f"{now:%Y-%m-%d}" / name


def short_name(source_name: str) -> str:
    """A source's name without its path, as part of a folder's name or of a title.

    >>> short_name("data/gz2 five/catalog.csv"), short_name("simulated:500"), short_name("a/b/")
    ('gz2-five', 'simulated-500', 'b')
    >>> short_name("sky.fits:label=morph"), short_name("survey/catalog.fits.gz")
    ('sky', 'survey')
    >>> short_name("galaxy10-decals:/data/file.h5")
    'galaxy10-decals'
    """
    if source_name.startswith("galaxy10-"):
        return source_name.partition(":")[0]  # tells more than the name of the file
    path = Path(split_options(source_name)[0])
    name = path.resolve().name
    if path.name.lower().endswith(_CATALOGUES):
        # Most catalogues are called catalog.csv: the folder's name tells more.
        name = stem(path.name)
        if name.lower() in ("catalog", "catalogue"):
            name = path.resolve().parent.name
    return "-".join("".join(c if c.isalnum() else " " for c in name).split()) or "images"


def output_name(source_name: str) -> str:
    """What outputs are named after: as `short_name`, but a file, not its folder.

    >>> (folder / "north.csv").touch()
    >>> output_name(f"{folder}/north.csv:labels=kind"), output_name("simulated:500")
    ('north', 'simulated-500')
    """
    path = Path(split_options(source_name)[0]).expanduser()
    return short_name(stem(path.name) if path.is_file() else source_name)
