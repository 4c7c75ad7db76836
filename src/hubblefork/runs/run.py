"""A run: the folder that holds all of one training, each file of it written whole or not at all."""

import json
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import tomli_w

from hubblefork.core.errors import RequestError
from hubblefork.core.files import appearing, replacing
from hubblefork.data.splits import Split
from hubblefork.models.model_file import MODEL_FILE
from hubblefork.tasks.predictions import Predictions
from hubblefork.tasks.registry import task_from_json

# The columns of history.csv; the validation columns are empty where there is no validation set.
HISTORY_COLUMNS = ("epoch", "loss", "accuracy", "val_loss", "val_accuracy", "lr", "seconds")
# Votes have no accuracy: those two columns are empty, and these two follow.
VOTES_COLUMNS = ("rmse", "val_rmse")


@dataclass(frozen=True)
class Run:
    """A run folder. Every attribute reads its file anew; nothing is kept in memory.

    `path` holds `recipe.toml`, `split.csv`, `history.csv`, `model.safetensors`,
    `predictions.csv`, `metrics.json`, `figures/`, `report.html` and `checkpoints/`.

    >>> run = Run.open(run.path)  # run = hubblefork.train(galaxies, "lenet5")
    >>> run.recipe["network"]["name"], len(run.history), len(run.predictions)
    ('lenet5', 1, 16)
    """

    path: Path

    @classmethod
    def create(cls, path: Path, recipe: dict[str, Any], split: Split) -> "Run":
        """Make a new run folder with its recipe and split in it, whole or not at all.

        Raises RequestError where there is one already, or where it cannot be written.
        """
        refuse_existing(path)
        try:
            with appearing(path) as temporary:
                split.save(temporary / "split.csv")
                with replacing(temporary / "recipe.toml", binary=True) as file:
                    tomli_w.dump(recipe, file)
        except OSError as error:
            raise RequestError(f"cannot make the run folder {path}: {error.strerror}") from error
        return cls(path)

    @classmethod
    def open(cls, path: Path | str) -> "Run":
        """Open the folder of an earlier run; RequestError where there is none."""
        path = Path(path)
        if not path.is_dir():
            raise RequestError(f"no run folder at {path}")
        if not (path / "recipe.toml").is_file():
            raise RequestError(f"{path} is not a run folder: it has no recipe.toml")
        return cls(path)

    @property
    def model(self) -> Path:
        return self.path / MODEL_FILE

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def split(self) -> Path:
        return self.path / "split.csv"

    @property
    def report(self) -> Path:
        return self.path / "report.html"

    @property
    def recipe(self) -> dict[str, Any]:
        """The recipe as resolved; its table `run` says what it was used on."""
        try:
            return tomllib.loads((self.path / "recipe.toml").read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise RequestError(f"cannot read {self.path / 'recipe.toml'}: {error}") from error

    @property
    def history(self) -> pd.DataFrame:
        return pd.read_csv(self._existing("history.csv"))

    @property
    def predictions(self) -> Predictions:
        """What the model says of the test set, with its labels; `.table()` is a DataFrame."""
        path = self._existing("predictions.csv")
        return Predictions.read(path, task_from_json(self.metrics["task"]))

    @property
    def metrics(self) -> dict[str, Any]:
        return json.loads(self._existing("metrics.json").read_text(encoding="utf-8"))

    @property
    def finished(self) -> bool:
        """Whether everything was written: the report is the last file of a run."""
        return self.report.is_file()

    def sweep(self) -> None:
        """Remove the temporary files of whatever was being written when a run was killed."""
        for folder in (self.path, self.checkpoints, self.path / "figures"):
            for leftover in folder.glob(".*.*"):
                leftover.unlink(missing_ok=True)

    def save_history(self, rows: Sequence[dict[str, float]]) -> None:
        of_votes = any("rmse" in row for row in rows)
        columns = [*HISTORY_COLUMNS, *(VOTES_COLUMNS if of_votes else ())]
        with replacing(self.path / "history.csv") as file:
            pd.DataFrame(rows, columns=columns).to_csv(file, index=False)

    def _existing(self, name: str) -> Path:
        path = self.path / name
        if not path.is_file():
            raise RequestError(f"{self.path} has no {name}: its training has not ended; --resume")
        return path


def refuse_existing(path: Path) -> None:
    """RequestError if there is something where a run is to be made."""
    if path.exists():
        raise RequestError(
            f"{path} exists already: give another --out, or --resume to go on with that run"
        )


def default_run_path(recipe_name: str, source_name: str) -> Path:
    """`runs/<YYYY-MM-DD>/<recipe>-<dataset>-<HHMMSS>` below the current folder."""
    now = datetime.now()
    name = f"{recipe_name}-{short_name(source_name)}-{now:%H%M%S}"
    return Path("runs") / f"{now:%Y-%m-%d}" / name


def short_name(source_name: str) -> str:
    """A source's name without the way to it, as part of a folder's name or of a title.

    >>> short_name("data/gz2 five/catalog.csv"), short_name("simulated:500"), short_name("a/b/")
    ('gz2-five', 'simulated-500', 'b')
    >>> short_name("galaxy10-decals:/data/file.h5")
    'galaxy10-decals'
    """
    if source_name.startswith("galaxy10-"):
        return source_name.partition(":")[0]  # which of the two it is says more than the file
    path = Path(source_name)
    # A catalogue is mostly called catalog.csv: its folder says more.
    name = (
        path.resolve().parent.name if path.suffix in (".csv", ".parquet") else path.resolve().name
    )
    return "-".join("".join(c if c.isalnum() else " " for c in name).split()) or "images"
