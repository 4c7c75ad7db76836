"""How many labels the loop of the workbench needs for an accuracy, against random choice.

    python benchmarks/active_learning.py SOURCE NAME=MODEL... [--seeds 0 1 2] [--test 6000]
        [--most 1000] [--features FOLDER] [--table docs/active_learning_table.md]

The labels of a source answer for a person. Of its images, --test are kept for measuring; among the
others, the loop chooses batch after batch, or as many are drawn at random, and the last layer is
fitted to the features that a model has of them. None of the images should be among those that the
model was trained on. Features are computed once for each model and kept in --features.

The table has, for several numbers of random labels, the accuracy that they give, and how many
labels the loop needs for it; each is the mean of all seeds, and the range over the seeds stands
behind it.
"""

import argparse
import hashlib
import platform
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from markdown_table import as_markdown
from sklearn.metrics import balanced_accuracy_score

from hubblefork.core.files import replacing
from hubblefork.data.packing import pack
from hubblefork.data.sources import open_source
from hubblefork.models.predictor import Predictor
from hubblefork.workbench.last_layer import LastLayer, standardised
from hubblefork.workbench.loop import BATCH, choose_batch
from hubblefork.workbench.selection import clustering_points

_SCORES = ("accuracy", "balanced accuracy")
_RANDOM_LABELS = (100, 200, 300, 500, 1000)
_COLUMNS = ("features of", "score", "random labels", "score of random", "labels of the loop",
            "fraction of random")  # fmt: skip


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source")
    parser.add_argument("models", nargs="+", metavar="NAME=MODEL")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--test", type=int, default=6000)
    parser.add_argument("--most", type=int, default=1000)
    parser.add_argument("--features", type=Path, default=Path("features"))
    parser.add_argument("--table", type=Path, default=Path("docs/active_learning_table.md"))
    asked = parser.parse_args(words)
    lines = []
    for given in asked.models:
        name, _, model = given.partition("=")
        features, labels, names = read_features(asked.source, model, asked.features)
        runs = {
            way: np.array([
                follow(features, labels, len(names), way, asked.most, asked.test, seed)
                for seed in asked.seeds
            ])
            for way in ("loop", "random")
        }  # fmt: skip
        lines += compare(name, runs)
    seeds = ", ".join(map(str, asked.seeds))
    about = (
        f"{len(labels):,} images, {asked.test:,} of them to measure; seeds {seeds}; {processor()}"
    )
    with replacing(asked.table) as file:
        file.write(f"{as_markdown(_COLUMNS, lines)}\n{about}.\n")
    print(asked.table.read_text())


def read_features(
    source: str, model: str, folder: Path
) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Standardised features (N, F), labels (N,) and class names; features are kept in a folder."""
    predictor = Predictor.load(model, "cpu")
    opened = open_source(source)
    dataset = pack(opened, opened.framing_like(predictor.framing))
    key = hashlib.sha256(f"{dataset.key} {Path(model).resolve()}".encode()).hexdigest()[:16]
    path = folder / f"{key}.npy"
    if not path.is_file():
        found = [features for _, features in predictor.compute(dataset.images)]
        folder.mkdir(parents=True, exist_ok=True)
        with replacing(path, binary=True) as file:
            np.save(file, np.concatenate(found))  # type: ignore[arg-type]
    return standardised(np.load(path)), dataset.labels, dataset.task.names


def follow(
    features: np.ndarray,
    labels: np.ndarray,
    outputs: int,
    way: str,
    most: int,
    test: int,
    seed: int,
) -> np.ndarray:
    """Scores (steps, 2) on the test images after 25, 50, 75... labels; NaN before a classifier."""
    random = np.random.default_rng(seed)
    order = random.permutation(len(labels))
    held, pool = order[:test], order[test:]
    own, true = features[pool], labels[pool]
    points = clustering_points(own)
    known = np.zeros(len(pool), bool)
    chosen: list[int] = []
    layer, scores, slowest = None, [], 0.0
    while len(chosen) < most:
        if way == "random":
            rows = random.choice(np.flatnonzero(~known), BATCH, replace=False)
        else:
            rows = np.concatenate(choose_batch(own, points, layer, len(chosen), known, random))
        known[rows] = True
        chosen += rows.tolist()
        began = time.perf_counter()
        layer = LastLayer.fit(own[chosen], true[chosen], outputs)
        slowest = max(slowest, time.perf_counter() - began)
        if layer is None:
            scores.append((np.nan, np.nan))
            continue
        answers = layer.probabilities(features[held]).argmax(axis=1)
        scores.append((np.mean(answers == labels[held]),
                       balanced_accuracy_score(labels[held], answers)))  # fmt: skip
    print(f"{way}, seed {seed}: {scores[-1]}, slowest fit {slowest:.2f} s", flush=True)
    return np.array(scores)


def compare(name: str, runs: dict[str, np.ndarray]) -> list[tuple[str, ...]]:
    """Lines of the table; runs: scores (seeds, steps, 2) of both ways."""
    lines = []
    for place, score in enumerate(_SCORES):
        loop, random = runs["loop"][..., place], runs["random"][..., place]
        for number in _RANDOM_LABELS:
            step = number // BATCH - 1
            if step >= random.shape[1]:
                continue
            wanted = np.nanmean(random[:, step])
            needed = [needed_for(each, wanted) for each in loop]
            mean = needed_for(np.nanmean(loop, axis=0), wanted)
            low, high = random[:, step].min(), random[:, step].max()
            lines.append((
                name, score, f"{number:,}",
                f"{100 * wanted:.1f} % ({100 * low:.1f} to {100 * high:.1f})",
                f"{shown(mean)} ({shown(min(needed))} to {shown(max(needed))})",
                f"{mean / number:.2f}" if np.isfinite(mean) else "more",
            ))  # fmt: skip
    return lines


def needed_for(scores: np.ndarray, wanted: float) -> float:
    """The fewest labels from which the scores (steps,) stay at least as high on average of three
    steps, so that one lucky batch does not count; infinite where they never are."""
    smooth = np.convolve(np.nan_to_num(scores), np.ones(3) / 3, mode="valid")
    steps = np.flatnonzero((smooth >= wanted) & (scores[1:-1] >= wanted))
    return float(BATCH * (steps[0] + 2)) if len(steps) else np.inf


def shown(number: float) -> str:
    return f"{number:,.0f}" if np.isfinite(number) else "more"


def processor() -> str:
    """The name of this machine's processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((each.partition(": ")[2] for each in lines if "model name" in each), "cpu")


if __name__ == "__main__":
    main()
