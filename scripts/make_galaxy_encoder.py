"""Make the shipped model `galaxy-encoder`: a network whose features others build on.

    python scripts/make_galaxy_encoder.py --data DIR

trains the recipe `default` on the votes of 12,000 simulated galaxies, then, from these weights, on
the five classes of `gz2_five_class`. The features are measured by what logistic regression makes of
200 labels of real galaxies: those of the simulated sky alone, which have seen none of them, and
those of the shipped network. `scripts/shipping.py` has the options.
"""

import numpy as np
from shipping import (
    SAMPLE,
    SDSS,
    SEED,
    SIMULATION,
    VOTES,
    arguments,
    five_classes,
    how,
    proportion,
    ship,
    trained,
    trained_on_sky,
)

from hubblefork import Predictor, Run
from hubblefork.data.dataset import PackedDataset
from hubblefork.data.splits import Split
from hubblefork.networks.features import feature_count
from hubblefork.training.probe import fit_classifier, stratified_sample
from hubblefork.workflow.evaluate import own_dataset

EPOCHS = 8  # fewer than from random weights
LABELS = 200
TEST_SET = "galaxies of the test set, looked at once"


def main(words: list[str] | None = None) -> None:
    asked = arguments(__doc__, words)
    sky = trained_on_sky(asked)
    settings = {"epochs": EPOCHS, "network.weights": str(sky.path)}
    run = trained(asked, "galaxy-encoder", five_classes(asked), settings)
    predictor = Predictor.load(run)
    dataset, split = own_dataset(run, predictor)
    card = {
        "about": f"{feature_count(predictor.network)} features of galaxies, for classes of your "
        "own: network.weights=galaxy-encoder",
        "images": "A galaxy in the middle of a square of five Petrosian radii (R90), in colour; "
        "for images that are cropped more tightly, set view.field_of_view=1.",
        "learnt_from": "The votes on simulated galaxies (docs/simulated_sky.md), then images of "
        "SDSS with the five classes of the clean sample of Zhu et al. 2019.",
        "how": f"First: {how(sky)} Then, from these weights: {how(run)}",
        "figures": [
            probed("before it saw a real galaxy", sky, dataset, split),
            probed("of classes that it has learnt", run, dataset, split),
        ],
        "limits": [
            "It knows galaxies, and no other images: for those begin with --recipe probe.",
            "As a classifier it is no better than galaxy-five.",
            "Do not measure a classifier that begins with it on galaxies of gz2_five_class or of "
            "the sample of Zhu et al. 2019: it may have seen them.",
        ],
        "attribution": [SIMULATION, SDSS, VOTES, SAMPLE],
    }
    ship(asked, "galaxy-encoder", run, "gz2_five_class", card)


def probed(words: str, run: Run, dataset: PackedDataset, split: Split) -> dict:
    """The accuracy of logistic regression on the features of a run, for 200 labels.

    The labels are those of validation images, which no network was trained on.
    """
    val, test = split.rows(dataset, "val"), split.rows(dataset, "test")
    labels, names = dataset.labels, dataset.task.names
    rows = val[stratified_sample(labels[val], min(LABELS, len(val)), SEED)]
    predictor = Predictor.load(run)
    train, true = features(predictor, dataset, rows), labels[test]
    weight, bias, _ = fit_classifier(train, labels[rows], np.arange(len(rows)), names, SEED)
    logits = features(predictor, dataset, test) @ weight.T + bias
    hits = int((logits.argmax(axis=1) == true).sum())
    title = f"Accuracy with {len(rows)} labels, {words}"
    return proportion(title, hits, len(test), TEST_SET, baseline=dataset.task.baseline(true))


def features(predictor: Predictor, dataset: PackedDataset, rows: np.ndarray) -> np.ndarray:
    """(N, F), averaged over the views."""
    return np.concatenate([found for _, found in predictor.compute(dataset.images, rows)])


if __name__ == "__main__":
    main()
