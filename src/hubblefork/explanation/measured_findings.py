"""The sections that measure a test set anew: surroundings, stability, faithfulness of the maps."""

from dataclasses import asdict

import numpy as np
import pandas as pd

from hubblefork.core.progress import progress
from hubblefork.core.sampling import stable_sample
from hubblefork.core.text import percent
from hubblefork.explanation.background import surroundings
from hubblefork.explanation.faithfulness import Faithfulness, faithfulness
from hubblefork.explanation.robustness import CHANGES, stability
from hubblefork.explanation.test_set import Finding, Part
from hubblefork.report.comparison_data import shown
from hubblefork.report.explain import Section
from hubblefork.report.explain_words import NAMES, knows_nothing, looks_at, span, title
from hubblefork.report.figures import chart_png
from hubblefork.report.run_data import Panel

# Each image is looked at three times for the surroundings, twelve for stability, and thousands
# of times for the faithfulness of its maps. Of a thousand, an accuracy is known to 1.5 points.
_SURROUNDINGS, _STABILITY, _MAPS = 5_000, 1_000, 10


def measure_surroundings(part: Part) -> Finding:
    """How good answers are with the middle, and with the surroundings, blurred."""
    places, told = _some(part, _SURROUNDINGS)
    with progress("blurring middles and surroundings", len(places)) as done:
        found = surroundings(
            part.predictor, part.images, part.rows[places], part.labels[places], done=done
        )
    table = found.table
    note = (
        f"The middle is a circle of {percent(2 * found.radius, 0)} of the image's width. A "
        "network that has learnt the object can do little without the middle and much without the "
        "surroundings; of one that has not, find out what gives the answer away. "
        f"{looks_at(asdict(found))} {knows_nothing(found.measure, part.baseline)}{told}"
    )
    rows = pd.DataFrame({"Images": table["images"], **_scores(table, found.measure)})
    figures = asdict(found) | {"looks_at_the_object": found.looks_at_the_object}
    return Finding(
        Section("Does it look at the object?", note, table=rows),
        {"surroundings.csv": table},
        {"surroundings": figures},
    )


def measure_stability(part: Part) -> Finding:
    """How good answers are under rotation, shift, noise, blur and lower resolution."""
    places, told = _some(part, _STABILITY)
    with progress(f"changing images in {len(CHANGES)} ways", len(places)) as done:
        found = stability(
            part.predictor, part.images, part.rows[places], part.labels[places], done=done
        )
    table = found.table
    rows = pd.DataFrame(
        {
            "Images": table["change"],
            **_scores(table, found.measure),
            part.task.words.changed: [percent(each) for each in table["changed"]],
        }
    )
    note = (
        "The same images, changed as other telescopes, other weather or other framing would "
        "change them. Where the answers get worse, do not use the network on images like these "
        f"without training on some.{told}"
    )
    caption = (
        f"The dashed line is the {NAMES[found.measure]} on the images as they are; bars are 95 % "
        "intervals. On the dotted line, where there is one, a network is no better than one that "
        "always gives the same answer."
    )
    png = chart_png(found.figure(part.baseline))
    panel = Panel("stability", f"{title(found.measure)} under each change", caption, png)
    return Finding(
        Section("How well does it hold?", note, charts=[panel], table=rows),
        {"stability.csv": table},
        {"stability": table.drop(columns=["kind", "amount"]).to_dict("records")},
    )


def measure_faithfulness(part: Part) -> Finding:
    """Deletion curves of the methods on some images that were answered rightly."""
    right = np.flatnonzero(part.right)
    chosen = right if len(right) else np.arange(len(part))
    chosen = stable_sample(chosen, _MAPS)
    with progress("testing maps", len(chosen)) as done:
        found: Faithfulness = faithfulness(
            part.predictor, part.images[part.rows[chosen]], layer=_layer(part), done=done
        )
    table = found.table
    rows = pd.DataFrame(
        {
            "Method": table["method"],
            "Area": [f"{each:.3f}" for each in table["area"]],
            "Area of random places": [f"{each:.3f}" for each in table["random_area"]],
        }
    )
    best = table.iloc[0]
    verdict = (
        f"Of these, trust {best.method} most."
        if best.area < best.random_area
        else "None of them is better than random places: do not rely on the maps of this page."
    )
    kind = part.task.words.agreed if len(right) else "images"
    note = (
        "Images are blurred place by place, those of the highest evidence first, and the "
        f"{part.task.words.quantity} of the answer is watched (Petsiuk et al. 2018). The area "
        f"below the curve is smaller the better a map points at what matters. {verdict} Measured "
        f"on {len(chosen)} {kind}, drawn by chance."
    )
    caption = "The sooner a line falls below the dashed one, the more its maps can be relied on."
    panel = Panel("faithfulness", "Mean deletion curves", caption, chart_png(found.figure()))
    return Finding(
        Section("Can the maps be relied on?", note, charts=[panel], table=rows),
        {"faithfulness.csv": table},
        {"faithfulness": table.to_dict("records")},
    )


def reliable_method(maps: Finding, usual: str) -> str:
    """The usual method, unless its maps are no better than chance and those of another are.

    maps: what `measure_faithfulness` found.
    """
    rows = {row["method"]: row for row in maps.figures["faithfulness"]}
    best = next(iter(rows.values()))  # the most faithful comes first
    worse = usual in rows and rows[usual]["area"] >= rows[usual]["random_area"]
    return best["method"] if worse and best["area"] < best["random_area"] else usual


def _scores(table: pd.DataFrame, measure: str) -> dict[str, list[str]]:
    """The columns of a page's table that tell scores with their intervals."""
    ends = zip(table["low"], table["high"], strict=True)
    return {
        title(measure): [shown(measure, each) for each in table[measure]],
        "95 % interval": [span(measure, *each) for each in ends],
    }


def _layer(part: Part) -> str | None:
    return part.layer if part.method == "grad-cam" else None


def _some(part: Part, most: int) -> tuple[np.ndarray, str]:
    """Places of the part, at most so many, and what to say of it."""
    if len(part) <= most:
        return np.arange(len(part)), ""
    places = stable_sample(np.arange(len(part)), most)
    return places, f" Measured on {most:,} of the {len(part):,} test images, drawn by chance."
