"""Whether galaxies that volunteers called odd are anomalies in the features of a network.

    python benchmarks/odd_galaxies.py [--source simulated:votes:20000] [--classes five]
        [--recipe default] [--set KEY=VALUE] [--seeds 0] [--device auto] [--runs DIR]
        [--table TABLE.md]

trains the recipe on classes made from the votes of SOURCE; no class depends on whether a galaxy is
odd. The test images are then ranked as anomalies with respect to the training images, as by
`hubblefork explain`. For each score of that ranking the area under the ROC curve is computed, with
the galaxies that more than half of the volunteers called odd (`Class6.1`) as positives: it is 1 if
all odd ones come first, and 0.5 for a random order. The 95 % interval is from the bootstrap, over
the odd galaxies and over the others. Existing runs are reused, or resumed.
"""

import argparse
from pathlib import Path

import pandas as pd
from markdown_table import as_markdown
from separation import separation

from hubblefork import Predictor, Run, train
from hubblefork.core.files import replacing
from hubblefork.evaluation.anomalies import rank_anomalies
from hubblefork.explanation.features import compute_features
from hubblefork.recipes.recipe import parse_settings
from hubblefork.workflow.evaluate import own_dataset
from hubblefork.workflow.reference_images import reference_of

_COLUMNS = ("seed", "test galaxies", "called odd", "score", "AUROC", "95 % interval")
_SCORES = {
    "isolation": "isolation forest",
    "mahalanobis": "Mahalanobis",
    "score": "mean of both ranks",
}
_ODD = "Class6.1"


def main(words: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--source", default="simulated:votes:20000")
    parser.add_argument("--classes", default="five")
    parser.add_argument("--recipe", default="default")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="settings")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--device", default="auto")
    parser.add_argument("--runs", type=Path, default=Path("runs/odd_galaxies"))
    parser.add_argument("--table", type=Path)
    asked = parser.parse_args(words)

    settings = {**parse_settings(asked.settings), "data.classes": asked.classes}
    lines = []
    for seed in asked.seeds:
        out = asked.runs / f"{asked.recipe}-{seed}"
        run = train(
            asked.source,
            asked.recipe,
            out=out,
            settings=settings,
            seed=seed,
            device=asked.device,
            resume=out.exists(),
        )
        ranking = ranked(run, asked.device)
        odd = ranking["odd"].to_numpy()
        if not 0 < odd.sum() < len(odd):
            raise SystemExit(
                f"{odd.sum()} of {len(odd)} test galaxies are odd: use a larger source"
            )
        for key, name in _SCORES.items():
            area, (low, high) = separation(ranking[key].to_numpy(), odd)
            numbers = (str(seed), f"{len(odd):,}", f"{odd.sum():,}")
            lines.append((*numbers, name, f"{area:.3f}", f"{low:.3f} to {high:.3f}"))
    table = as_markdown(_COLUMNS, lines)
    print(table, end="")
    if asked.table:
        with replacing(asked.table) as file:
            file.write(table)


def ranked(run: Run, device: str) -> pd.DataFrame:
    """Rank the test galaxies of a run by `rank_anomalies`, with a column `odd` of bool."""
    predictor = Predictor.load(run.path, device)
    dataset, split = own_dataset(run, predictor)
    rows = split.rows(dataset, "test")
    reference = reference_of(predictor, run, dataset, split)
    features = compute_features(predictor, dataset.images, rows)
    ranking = rank_anomalies(dataset.table["id"].iloc[rows], features, reference.features)
    fraction = dataset.table[_ODD].to_numpy()[rows[ranking["row"]]]
    return ranking.assign(odd=fraction > 0.5)


if __name__ == "__main__":
    main()
