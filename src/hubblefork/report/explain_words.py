"""What the page of `hubblefork explain` says first: summary, key figures and cautions."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from hubblefork.core.errors import first_few
from hubblefork.core.text import between, listed, percent, several
from hubblefork.evaluation.scores import Score
from hubblefork.report.comparison_data import shown

# Test images below which the figures of a page can hardly be told from luck.
_FEW = 100

# The measures of a `Score`, as they stand in a sentence.
NAMES = {"accuracy": "accuracy", "rmse": "RMSE"}


def about_images(
    table: pd.DataFrame,
    number: int,
    problems: Sequence[tuple[str, str]],
    compared: bool,
) -> dict[str, list]:
    """Sentences and cautions on images that were explained one by one.

    table: one row an image, with predicted, method and reliable (of the map) and typicality.
    number: of images that were given. problems: id and reason of those that could not be read.
    compared: whether training images were at hand.
    """
    commonest = table["predicted"].value_counts()
    some = f", {commonest.iloc[0]} of them ‘{commonest.index[0]}’" if len(table) > 1 else ""
    reliable = int(table["reliable"].sum())
    counts = table["method"].value_counts()
    methods = [f"{name} ({count})" if len(counts) > 1 else name for name, count in counts.items()]
    sentences = [
        f"{several(len(table), 'image')} explained by {listed(methods)}{some}.",
        f"For {reliable} of {len(table)} the map points at what the answer hangs on: blurring its "
        "places costs the answer sooner than blurring random ones.",
    ]
    cautions = []
    if number > len(table) + len(problems):
        cautions.append(f"Only the first {len(table)} of {number:,} images are explained here.")
    if problems:
        named = first_few(f"{identifier} ({reason})" for identifier, reason in problems)
        cautions.append(f"Not read: {named}.")
    if not compared:
        cautions.append(
            "No training images were at hand to compare with: give the run's folder, and keep "
            "its source where it was."
        )
    if table["typicality"].isna().all():
        cautions.append(
            "This model does not know how like an image is to its training images: it had no "
            "validation set."
        )
    return {"sentences": sentences, "cautions": cautions}


def about_test_part(figures: Mapping[str, Any]) -> dict[str, list]:
    """Sentences, key figures and cautions on a test set; `figures` as `explanation.json` has."""
    return {
        "sentences": list(_sentences(figures)),
        "figures": list(_cards(figures)),
        "cautions": list(_cautions(figures)),
    }


def title(measure: str) -> str:
    """What a measure is called at the head of a column."""
    return NAMES[measure][0].upper() + NAMES[measure][1:]


def span(measure: str, low: float, high: float) -> str:
    """An interval of a measure.

    >>> span("rmse", 0.08123, 0.0951), span("accuracy", 0.942, 0.96)
    ('0.0812 to 0.0951', '94.2 to 96.0\\xa0%')
    """
    if measure == "accuracy":
        return between((low, high))
    return f"{shown(measure, low)} to {shown(measure, high)}"


def knows_nothing(measure: str, baseline: float) -> str:
    """What a score has to be held against."""
    value = shown(measure, baseline)
    if measure == "accuracy":
        return f"Always naming the commonest class would be right for {value}."
    return f"Always giving the mean of these galaxies would miss by {value}."


def _sentences(figures: Mapping[str, Any]) -> Iterator[str]:
    measure = figures["measure"]
    yield _how_good(figures)
    yield looks_at(figures["surroundings"])
    if figures.get("confused_pairs"):
        pair = figures["confused_pairs"][0]
        yield (
            f"Of its {several(figures['errors'], 'mistake')}, {pair['errors']:,} are between "
            f"‘{pair['first']}’ and ‘{pair['second']}’."
        )
    if "questions" in figures:
        missed = figures["questions"][0]
        yield (
            f"For {percent(missed['galaxies'] / figures['n'])} of the galaxies, it misses most on "
            f"the question ‘{missed['text']}’."
        )
    worst, plain = _worst(figures), figures["stability"][0][measure]
    falls = measure == "accuracy"
    if worst["high"] < plain if falls else worst["low"] > plain:
        yield (
            f"It suffers most from images that are {_inside(worst['change'])}: its "
            f"{NAMES[measure]} {'falls' if falls else 'rises'} from {shown(measure, plain)} to "
            f"{shown(measure, worst[measure])}."
        )
    else:
        yield (
            "Turning, moving, blurring or adding noise to the images costs it no more than luck "
            "explains."
        )
    if "mislabels" in figures:
        found = figures["mislabels"]
        yield (f"{several(found['likely'], 'label')} of {found['images']:,} are likely wrong.")


def _how_good(figures: Mapping[str, Any]) -> str:
    looks = "This page looks for reasons in"
    if figures["measure"] == "accuracy":
        return (
            f"{looks} {several(figures['n'], 'test image')}, of which "
            f"{percent(figures['accuracy'])} are correctly classified."
        )
    return (
        f"{looks} {several(figures['n'], 'test galaxy', 'test galaxies')}, whose fractions of "
        f"votes miss the volunteers' by {shown('rmse', figures['rmse'])} (RMSE over all answers). "
        f"{knows_nothing('rmse', figures['baseline'])}"
    )


def looks_at(around: Mapping[str, Any]) -> str:
    """Whether a network looks at the object, from what `surroundings` measured.

    Only where the 95 % intervals of the two scores lie apart is anything claimed.

    >>> kept = {"measure": "rmse", "value": 0.09, "low": 0.08, "high": 0.1}
    >>> lost = {"measure": "rmse", "value": 0.16, "low": 0.15, "high": 0.17}
    >>> looks_at({"without_surroundings": kept, "without_middle": lost})[:36]
    'It looks at the object: with the sur'
    """
    kept, lost = (Score(**around[f"without_{part}"]) for part in ("surroundings", "middle"))
    if kept.surely_beats(lost):
        verdict = "It looks at the object"
    elif lost.surely_beats(kept):
        verdict = "It does not look at the object but at what is around it"
    else:
        verdict = "Whether it looks at the object or at what is around it cannot be told"
    first, second = (shown(each.measure, each.value) for each in (kept, lost))
    told = (
        f"it names {first} rightly, with the middle blurred {second}"
        if kept.measure == "accuracy"
        else f"it misses by {first} (RMSE), with the middle blurred by {second}"
    )
    return f"{verdict}: with the surroundings blurred {told}."


def _cards(figures: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    measure = figures["measure"]
    name = NAMES[measure]
    number = figures["n"]
    if measure == "accuracy":
        first = "Named rightly"
        meaning = f"{number - figures['errors']:,} of {several(number, 'test image')}"
    else:
        first = "RMSE"
        meaning = (
            f"over all answers of {several(number, 'test galaxy', 'test galaxies')}; always the "
            f"mean: {shown(measure, figures['baseline'])}"
        )
    around, worst = figures["surroundings"], _worst(figures)
    for head, score, what in (
        (first, _score(figures, measure), meaning),
        (
            "Without surroundings",
            Score(**around["without_surroundings"]),
            f"{name} with these blurred",
        ),
        ("Without the middle", Score(**around["without_middle"]), f"{name} with it blurred"),
        ("At its weakest", _score(worst, measure), f"{name}, images {_inside(worst['change'])}"),
    ):
        yield {
            "title": head,
            "value": shown(measure, score.value),
            "interval": span(measure, score.low, score.high),
            "meaning": what,
        }


def _cautions(figures: Mapping[str, Any]) -> Iterator[str]:
    if figures["n"] < _FEW:
        yield f"There are only {several(figures['n'], 'test image')}: small differences are luck."
    best = figures["faithfulness"][0]
    if best["area"] >= best["random_area"]:
        yield (
            "The maps of this page point at what matters no better than chance: do not read "
            "anything into them."
        )
    elif best["method"] != figures["method"]:
        yield (
            f"The maps of this page are by {figures['method']}; on this network "
            f"{best['method']} was measured to be more faithful: --method {best['method']}."
        )
    yield (
        "The images are chosen to show what is unusual. How often something happens is told by "
        "the figures and tables, not by these examples."
    )


def _worst(figures: Mapping[str, Any]) -> Mapping[str, Any]:
    measure = figures["measure"]
    worst = min if measure == "accuracy" else max
    return worst(figures["stability"], key=lambda row: row[measure])


def _score(row: Mapping[str, Any], measure: str) -> Score:
    return Score(measure, row[measure], row["low"], row["high"])


def _inside(change: str) -> str:
    """What was done to images, as it follows ‘images that are’."""
    return f"given {change}" if change.startswith("noise") else change
