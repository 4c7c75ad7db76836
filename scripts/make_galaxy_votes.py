"""Make the shipped model `galaxy-votes`: the 37 vote fractions of Galaxy Zoo 2.

    python scripts/make_galaxy_votes.py --data DIR

trains the recipe `default` on the votes of 12,000 simulated galaxies, and checks it on the 100 real
ones of `kaggle_mini`. If it is not better there than the mean of these galaxies, it is no use to
anyone, and nothing is written. `scripts/shipping.py` has the options.
"""

import argparse

from shipping import (
    CHALLENGE,
    SDSS,
    SIMULATION,
    VOTES,
    arguments,
    figure,
    how,
    own_figures,
    ship,
    trained_on_sky,
)

from hubblefork import Predictor, Run, open_source
from hubblefork.data.packing import pack

# The central pixels of 424 that show as much of a galaxy as a simulated image: GALAXY10_FIELD of
# hubblefork/sky/simulation/simulate.py.
CROP = 207


def main(words: list[str] | None = None) -> None:
    asked = arguments(__doc__, words)
    run = trained_on_sky(asked)
    real = on_real_galaxies(asked, run)
    if not asked.quick and not is_useful(real):
        raise SystemExit(
            f"not written: an RMSE of {real['value']:.4f} ({real['interval'][0]:.4f} to "
            f"{real['interval'][1]:.4f}) on {real['images']} real galaxies, and "
            f"{real['baseline']:.4f} by their mean"
        )
    card = {
        "about": "the 37 vote fractions of the Galaxy Zoo 2 decision tree, learnt from simulated "
        "galaxies alone",
        "images": "A galaxy in the middle of a square of four Petrosian radii (R90), in the "
        "colours of SDSS. Of the 424 pixels of Galaxy Zoo's own images these are the central "
        f"{CROP}: give --crop {CROP} for them.",
        "learnt_from": "Simulated galaxies, and the answers of simulated volunteers "
        "(docs/simulated_sky.md). It has seen no real galaxy.",
        "how": how(run),
        "figures": [real, *own_figures(run, ("rmse", "mae"), "simulated galaxies of the test set")],
        "limits": [
            "A network that is trained on the votes of real volunteers is better: with the 61,578 "
            "galaxies of the challenge, train your own.",
            "The fractions of rare answers, such as odd features, are the least reliable.",
            "Fractions are not corrected for a galaxy's distance, as published catalogues are.",
        ],
        "attribution": [SIMULATION, CHALLENGE, SDSS, VOTES],
    }
    ship(asked, "galaxy-votes", run, "the simulated sky", card)


def on_real_galaxies(asked: argparse.Namespace, run: Run) -> dict:
    """The RMSE on `kaggle_mini`, beside that of the mean of all of its galaxies."""
    predictor = Predictor.load(run, crop=CROP)
    source = open_source(f"kaggle:{asked.data / 'kaggle_mini'}")
    dataset = pack(source, source.framing_like(predictor.framing))
    metrics = predictor.task.measure(dataset.labels, predictor.predict(dataset.images))
    baseline = predictor.task.baseline(dataset.labels)
    on = "real galaxies of Kaggle's challenge"
    return figure("RMSE", metrics["rmse"], metrics["intervals"]["rmse"], on, len(dataset),
                  baseline=baseline)  # fmt: skip


def is_useful(real: dict) -> bool:
    """Whether a model is better than the baseline beyond doubt.

    >>> is_useful({"interval": [0.12, 0.14], "baseline": 0.16})
    True
    """
    return real["interval"][1] < real["baseline"]


if __name__ == "__main__":
    main()
