"""Train the published systems on a source, and compare each with its published result.

    python benchmarks/published_systems.py SYSTEM... --on SOURCE [--as NAME] [--set KEY=VALUE]
        [--table docs/published_systems_table] [--runs DIR]

trains each SYSTEM on SOURCE and writes its row to the table, as CSV and as Markdown; an earlier
row of the same system and data is replaced. NAME is the name of the data in the table. The last
column is the command for the data of the publication.
"""

import argparse
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
from markdown_table import as_markdown

from hubblefork import Run, train
from hubblefork.core.files import replacing
from hubblefork.recipes.recipe import load_recipe


@dataclass(frozen=True)
class System:
    """A row of the table: a recipe with settings, and the number of its publication."""

    number: str
    recipe: str
    settings: Mapping[str, str] = field(default_factory=dict)
    source: str = "kaggle:DIR"

    @property
    def command(self) -> str:
        """The command for the data of the publication."""
        words = [f"--set {key}={value}" for key, value in self.settings.items()]
        return " ".join([f"hubblefork train {self.source} --recipe {self.recipe}", *words])


SYSTEMS = {
    "mlp": System("1", "mlp", source="galaxy10-sdss"),
    "lenet5": System("1", "lenet5", source="galaxy10-sdss"),
    "simple-cnn": System("2", "simple-cnn", source="galaxy10-sdss"),
    "galaxy-zoo-vgg16": System("3", "galaxy-zoo-vgg16"),
    "galaxy-zoo-vgg16-tree": System(
        "3, with the tree", "galaxy-zoo-vgg16", {"network.head": "tree"}
    ),
    "alexnet": System("4", "alexnet", source="galaxy10-sdss"),
    "linnaeus": System("5", "linnaeus", source="PHOTOGRAPHS"),
    "dieleman": System("Kaggle's winner", "dieleman"),
    # For comparison with the two of publication 3, on the same votes.
    "default": System("ours", "default"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("systems", nargs="+", choices=list(SYSTEMS), metavar="SYSTEM")
    parser.add_argument("--on", required=True, metavar="SOURCE", dest="source")
    parser.add_argument("--as", metavar="NAME", dest="name", help="name of the data in the table")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="settings")
    parser.add_argument("--table", type=Path, default=Path("docs/published_systems_table"))
    parser.add_argument("--runs", type=Path, default=Path("runs/published_systems"))
    asked = parser.parse_args()

    settings = dict(setting.split("=", 1) for setting in asked.settings)
    for system in asked.systems:
        row = SYSTEMS[system]
        name = asked.name or asked.source
        out = asked.runs / f"{system} on {name}"
        run = train(
            asked.source,
            row.recipe,
            out=out,
            settings={**row.settings, **settings},
            resume=out.exists(),
        )
        write(line(system, name, run), asked.table)


def line(system: str, data: str, run: Run) -> dict[str, str]:
    """One row of the table: the published result, and ours on the same set and on the test set."""
    row, metrics, history = SYSTEMS[system], run.metrics, run.history
    published = load_recipe(row.recipe).publication
    quantity = history.columns[2]  # accuracy, or RMSE
    kind = published.kind if published else "test"
    as_published = published and not row.settings
    ours = {
        "training": history[quantity].iloc[-1],
        "validation": history[f"val_{quantity}"].iloc[-1],
        "test": metrics[quantity],
    }
    low, high = metrics["intervals"][quantity]
    shown = shown_rmse if quantity == "rmse" else shown_percent
    return {
        "publication": row.number,
        "system": system,
        "data": data,
        "published on": published.data if published else "the Kaggle Galaxy Zoo challenge",
        "published": published.value if as_published else "not done",
        "kind": kind,
        "ours, same kind": shown(ours[kind]),
        "ours, test": f"{shown(metrics[quantity])} ({shown(low)} to {shown(high)})",
        "test images": f"{metrics['n']:,}",
        "epochs": str(len(history)),
        "seconds": f"{history['seconds'].sum():,.0f}",
        "parameters": f"{run.provenance.parameters:,}",
        "on the publication's data": f"`{row.command}`",
    }


def shown_percent(fraction: float) -> str:
    """
    >>> shown_percent(0.9512)
    '95.1 %'
    """
    return f"{100 * fraction:.1f} %"


def shown_rmse(value: float) -> str:
    return f"RMSE {value:.4f}"


def write(new: dict[str, str], table: Path) -> None:
    """Write one row, in place of an earlier one of the same system and data."""
    lines = pd.DataFrame([new])
    path = table.with_suffix(".csv")
    if path.exists():
        old = pd.read_csv(path, dtype=str)
        same = (old["system"] == new["system"]) & (old["data"] == new["data"])
        lines = pd.concat([old[~same], lines])
    place = lines["system"].map(list(SYSTEMS).index)
    lines = lines.assign(place=place).sort_values(["place", "data"]).drop(columns="place")
    with replacing(path) as file:
        lines.to_csv(file, index=False)
    with replacing(table.with_suffix(".md")) as file:
        file.write(as_markdown(list(lines.columns), lines.to_numpy().tolist()))


if __name__ == "__main__":
    main()
