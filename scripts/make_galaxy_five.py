"""Make the shipped model `galaxy-five`: five classes of galaxies, learnt from SDSS images.

    python scripts/make_galaxy_five.py --data DIR

trains the recipe `default` for 16 epochs on the 25,913 galaxies of `gz2_five_class`, which takes
half an hour on one fast processor core. `scripts/shipping.py` has the options.
"""

from shipping import (
    SAMPLE,
    SDSS,
    VOTES,
    arguments,
    five_classes,
    how,
    insects,
    own_figures,
    ship,
    trained,
)

SETTINGS = {"epochs": 16, "network.weights": None}  # 16 of 45
TEST_SET = "galaxies of the test set, looked at once"


def main(words: list[str] | None = None) -> None:
    asked = arguments(__doc__, words)
    run = trained(asked, "galaxy-five", five_classes(asked), SETTINGS)
    names = ("accuracy", "balanced_accuracy", "expected_calibration_error")
    card = {
        "about": "five classes of galaxies in colour images of SDSS: round, in-between and "
        "cigar-shaped smooth ones, edge-on discs, spirals",
        "images": "A galaxy in the middle of a square of five Petrosian radii (R90), in the "
        "colours of SDSS. Of the 424 pixels of Galaxy Zoo's own images these are the central 256: "
        "give --crop 256 for them.",
        "learnt_from": "Images of SDSS and the votes of Galaxy Zoo 2, as the classes of the clean "
        "sample of Zhu et al. 2019: galaxies on which the volunteers agreed.",
        "how": how(run),
        "figures": [*own_figures(run, names, TEST_SET), insects(asked, run)],
        "limits": [
            "The galaxies that it was measured on are clear cases, as those that it learnt from: "
            "on all galaxies of a survey, many of them small or faint, it is wrong more often.",
            "There is no class for mergers, irregular galaxies, rings, stars or artefacts: they "
            "get one of the five, though typicality is low for many images that are no galaxies.",
            "Images of other surveys, filters or scales may mislead it: label a hundred and run "
            "hubblefork evaluate, or train on your own.",
        ],
        "attribution": [SDSS, VOTES, SAMPLE],
    }
    ship(asked, "galaxy-five", run, "gz2_five_class", card)


if __name__ == "__main__":
    main()
