"""What the page of `hubblefork explain` says first: summary, key figures and cautions."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from hubblefork.errors import first_few
from hubblefork.evaluation.intervals import wilson_interval
from hubblefork.report.words import between, percent, several

# Test pictures below which the figures of a page can hardly be told from luck.
_FEW = 100


def about_pictures(
    table: pd.DataFrame,
    method: str,
    number: int,
    problems: Sequence[tuple[str, str]],
    compared: bool,
) -> dict[str, list]:
    """Sentences and cautions on pictures that were explained one by one.

    table: one row a picture, with predicted, deletion_area, random_area and likeness. method: of
    the maps. number: of pictures that were given. problems: id and reason of those that could not
    be read. compared: whether training pictures were at hand.
    """
    commonest = table["predicted"].value_counts()
    some = f", {commonest.iloc[0]} of them ‘{commonest.index[0]}’" if len(table) > 1 else ""
    reliable = int((table["deletion_area"] < table["random_area"]).sum())
    sentences = [
        f"{several(len(table), 'picture')} explained by {method}{some}.",
        f"For {reliable} of {len(table)} the map points at what the answer hangs on: blurring its "
        "places costs the answer sooner than blurring random ones.",
    ]
    cautions = []
    if number > len(table) + len(problems):
        cautions.append(f"Only the first {len(table)} of {number:,} pictures are explained here.")
    if problems:
        named = first_few(f"{identifier} ({reason})" for identifier, reason in problems)
        cautions.append(f"Not read: {named}.")
    if not compared:
        cautions.append(
            "No training pictures were at hand to compare with: give the run's folder, and keep "
            "its source where it was."
        )
    if table["likeness"].isna().all():
        cautions.append(
            "This model does not know how like a picture is to its training pictures: it had no "
            "validation part."
        )
    return {"sentences": sentences, "cautions": cautions}


def about_test_part(figures: Mapping[str, Any]) -> dict[str, list]:
    """Sentences, key figures and cautions on a test part; `figures` as `explanation.json` has."""
    return {
        "sentences": list(_sentences(figures)),
        "figures": list(_cards(figures)),
        "cautions": list(_cautions(figures)),
    }


def _sentences(figures: Mapping[str, Any]) -> Iterator[str]:
    yield (
        f"This page looks for reasons in {several(figures['n'], 'test picture')}, of which "
        f"{percent(figures['accuracy'])} are named rightly."
    )
    yield looks_at(figures["surroundings"])
    if figures["confused_pairs"]:
        pair = figures["confused_pairs"][0]
        yield (
            f"Of its {several(figures['errors'], 'mistake')}, {pair['errors']:,} are between "
            f"‘{pair['first']}’ and ‘{pair['second']}’."
        )
    worst, plain = _worst(figures), figures["stability"][0]["accuracy"]
    if worst["high"] < plain:
        yield (
            f"It suffers most from pictures that are {_inside(worst['change'])}: its accuracy "
            f"falls from {percent(plain)} to {percent(worst['accuracy'])}."
        )
    else:
        yield (
            "Turning, moving, blurring or adding noise to the pictures costs it no more than luck "
            "explains."
        )
    if "mislabels" in figures:
        found = figures["mislabels"]
        yield (f"{several(found['likely'], 'label')} of {found['pictures']:,} are likely wrong.")


def looks_at(around: Mapping[str, Any]) -> str:
    """Whether a classifier looks at the object, from what `surroundings` measured.

    Only where the 95 % intervals of the two accuracies lie apart is anything claimed.

    >>> measured = {"number": 500, "without_surroundings": 0.9, "without_middle": 0.4}
    >>> looks_at(measured)[:36]
    'It looks at the object: with the sur'
    """
    number, kept, lost = (
        around[key] for key in ("number", "without_surroundings", "without_middle")
    )
    ends = [wilson_interval(round(share * number), number) for share in (kept, lost)]
    if ends[0][0] > ends[1][1]:
        verdict = "It looks at the object"
    elif ends[1][0] > ends[0][1]:
        verdict = "It does not look at the object but at what is around it"
    else:
        verdict = "Whether it looks at the object or at what is around it cannot be told"
    return (
        f"{verdict}: with the surroundings blurred it names {percent(kept)} rightly, with the "
        f"middle blurred {percent(lost)}."
    )


def _cards(figures: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    number, right = figures["n"], figures["n"] - figures["errors"]
    yield {
        "title": "Named rightly",
        "value": percent(figures["accuracy"]),
        "interval": between(wilson_interval(right, number)),
        "meaning": f"{right:,} of {several(number, 'test picture')}",
    }
    around = figures["surroundings"]
    for title, key in (
        ("Without surroundings", "without_surroundings"),
        ("Without the middle", "without_middle"),
    ):
        hits = round(around[key] * around["number"])
        yield {
            "title": title,
            "value": percent(around[key]),
            "interval": between(wilson_interval(hits, around["number"])),
            "meaning": "accuracy with these blurred",
        }
    worst = _worst(figures)
    yield {
        "title": "At its weakest",
        "value": percent(worst["accuracy"]),
        "interval": between((worst["low"], worst["high"])),
        "meaning": f"accuracy, pictures {_inside(worst['change'])}",
    }


def _cautions(figures: Mapping[str, Any]) -> Iterator[str]:
    if figures["n"] < _FEW:
        yield f"There are only {figures['n']} test pictures: small differences are luck."
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
        "The pictures are chosen to show what is unusual. How often something happens is told by "
        "the figures and tables, not by these examples."
    )


def _worst(figures: Mapping[str, Any]) -> Mapping[str, Any]:
    return min(figures["stability"], key=lambda row: row["accuracy"])


def _inside(change: str) -> str:
    """What was done to pictures, as it follows ‘pictures that are’."""
    return f"given {change}" if change.startswith("noise") else change
