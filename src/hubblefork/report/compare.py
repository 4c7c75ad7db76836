"""The page that holds runs side by side: figures, differences, curves, and where they disagree."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hubblefork.core.files import replacing
from hubblefork.core.text import duration, listed, percent, several
from hubblefork.evaluation.comparison import Difference
from hubblefork.report.compare_charts import draw_charts
from hubblefork.report.comparison_data import (
    SHARES,
    Contest,
    Contestant,
    DisputedClass,
    DisputedVotes,
    chance,
    shown,
    signed,
)
from hubblefork.report.figures import chart_png
from hubblefork.report.page import chart, jpeg, render_page
from hubblefork.report.style import substitutes

# The template of the page, by which one that is there already is known.
PAGE = "compare.html"

# A difference that luck brings so rarely is called one.
_RARE = 0.05


def write_comparison(contest: Contest, path: Path) -> None:
    """Write the page, whole or not at all."""
    tiles = list(_tiles(contest))
    charts = {name: chart(chart_png(figure)) for name, figure in draw_charts(contest).items()}
    page = render_page(
        PAGE,
        title=" and ".join(run.name for run in contest.runs)
        if len(contest.runs) == 2
        else f"{len(contest.runs)} runs side by side",
        made=contest.made,
        sentences=list(sentences(contest)),
        cautions=[*_cautions(contest), *_of_images(contest, len(tiles))],
        cards=list(_cards(contest)),
        contest=contest,
        substitutes=substitutes(contest.names),
        rows=list(_rows(contest)),
        pairs=list(_pairs(contest)),
        disputed=tiles,
        charts=charts,
    )
    with replacing(path) as file:
        file.write(page)


def sentences(contest: Contest) -> Iterator[str]:
    """What is compared on what, who is ahead, and whether that is more than luck."""
    names = listed([f"‘{run.name}’" for run in contest.runs])
    yield (
        f"{names} are compared on the {several(contest.number, 'image')} of ‘{contest.source}’ "
        "that all of them were tested on."
    )
    best = contest.best()
    key, title, less = contest.metrics[0]
    others = [run for run in contest.runs if run is not best]
    second = (min if less else max)(others, key=lambda run: run.metrics[key])
    pair = next(
        pair for pair in contest.pairs if {pair.first, pair.second} == {best.name, second.name}
    )
    gap = pair.differences[key]
    ahead = f"‘{best.name}’ has the {'lowest' if less else 'highest'} {_inside(title)}"
    if gap.value == 0:
        yield f"‘{best.name}’ and ‘{second.name}’ share the best {_inside(title)}."
    elif gap.certain:
        yield (
            f"{ahead}, {_size(key, gap.value)} from ‘{second.name}’ (95\u00a0% interval "
            f"{_size_interval(key, gap)}): more than luck explains."
        )
    else:
        yield (
            f"{ahead}, but only {_size(key, gap.value)} from ‘{second.name}’, which luck can "
            "explain: on other images of this kind their order may turn."
        )
    if contest.names:
        yield (
            f"On {several(contest.disagreements, 'image')} "
            f"({percent(contest.disagreements / contest.number)}) they do not all give the same "
            "class."
        )


def _inside(title: str) -> str:
    """A title within a sentence; names of letters stay as they are."""
    return title if title.isupper() else title[0].lower() + title[1:]


def _ends(key: str, run: Contestant) -> str:
    return " to ".join(shown(key, end) for end in run.metrics["intervals"][key])


def _size_interval(key: str, gap: Difference) -> str:
    low, high = sorted((abs(gap.low), abs(gap.high)))
    return f"{100 * low:.1f} to {100 * high:.1f}" if key in SHARES else f"{low:.4f} to {high:.4f}"


def _size(key: str, gap: float) -> str:
    return f"{100 * abs(gap):.1f} points" if key in SHARES else f"{abs(gap):.4f}"


def _cautions(contest: Contest) -> Iterator[str]:
    known = [
        f"‘{run.name}’ ({run.learnt:,} of its {run.own_images:,})"
        for run in contest.runs
        if run.learnt
    ]
    if known:
        yield (
            f"Tested on images that the model was trained on too: {listed(known)}. On these it "
            "is better than on any others."
        )
    if unknown := [f"‘{run.name}’" for run in contest.runs if run.learnt is None]:
        yield f"Whether {listed(unknown)} learnt from some of these images cannot be known."
    more = [
        f"‘{run.name}’ ({run.own_images:,})"
        for run in contest.runs
        if run.own_images > contest.number
    ]
    if more:
        yield (
            f"Tested on more images than these {contest.number:,}: {listed(more)}. Those that "
            "another run was not tested on are left out here."
        )
    if len(contest.pairs) > 1:
        yield (
            f"There are {len(contest.pairs)} pairs of runs: of so many tests one in twenty calls a "
            "difference of luck a real one."
        )


def _of_images(contest: Contest, shown: int) -> Iterator[str]:
    missing = len(contest.disputed) - shown
    if missing:
        yield (
            f"Of the {several(len(contest.disputed), 'image')} on which they disagree most, "
            f"{missing} are not shown, since they are not in the cache (any more): `hubblefork "
            "evaluate RUN` packs them again."
        )


def _cards(contest: Contest) -> Iterator[dict[str, str]]:
    key, title, _ = contest.metrics[0]
    for run in contest.runs:
        yield {
            "title": run.name,
            "value": shown(key, run.metrics[key]),
            "interval": _ends(key, run),
            "meaning": _inside(title),
        }


def _rows(contest: Contest) -> Iterator[dict[str, Any]]:
    for key, title, less in contest.metrics:
        best = (min if less else max)(run.metrics[key] for run in contest.runs)
        yield {
            "title": title,
            "less": less,
            "cells": [
                {
                    "value": shown(key, run.metrics[key]),
                    "interval": " to ".join(
                        shown(key, end) for end in run.metrics["intervals"][key]
                    ),
                    "best": run.metrics[key] == best,
                }
                for run in contest.runs
            ],
        }
    costs = {
        "Parameters": [run.parameters and f"{run.parameters:,}" for run in contest.runs],
        "Epochs": [run.epochs and f"{run.epochs:,}" for run in contest.runs],
        "Training": [run.seconds and duration(run.seconds) for run in contest.runs],
    }
    for title, values in costs.items():
        cells = [{"value": value or "–", "interval": "", "best": False} for value in values]
        yield {"title": title, "less": None, "cells": cells}


def _pairs(contest: Contest) -> Iterator[dict[str, Any]]:
    for pair in contest.pairs:
        yield {
            "first": pair.first,
            "second": pair.second,
            "test": pair.test,
            "chance": pair.test and chance(pair.test.p_value),
            "rare": pair.test is not None and pair.test.p_value < _RARE,
            "cells": [
                {
                    "value": signed(key, pair.differences[key].value),
                    "interval": f"{signed(key, pair.differences[key].low)} to "
                    f"{signed(key, pair.differences[key].high)}",
                    "certain": pair.differences[key].certain,
                }
                for key, _, _ in contest.metrics
            ],
        }


def _tiles(contest: Contest) -> Iterator[dict[str, Any]]:
    """The images on which the runs differ most, each with what is said of it."""
    names = [run.name for run in contest.runs]
    for disputed in contest.disputed:
        image = contest.images(disputed.id)
        if image is not None:
            if isinstance(disputed, DisputedClass):
                facts = list(_of_classes(disputed, names))
            else:
                facts = list(_of_votes(disputed, names))
            yield {"id": disputed.id, "source": jpeg(image), "facts": facts}


def _of_classes(disputed: DisputedClass, names: list[str]) -> Iterator[tuple[str, str]]:
    yield "actual", disputed.true
    for name, (answer, sure) in zip(names, disputed.answers, strict=True):
        yield name, f"{'✓' if answer == disputed.true else '✗'} {answer}, {percent(sure, 0)}"


def _of_votes(disputed: DisputedVotes, names: list[str]) -> Iterator[tuple[str, str]]:
    yield "apart by", f"RMSE {disputed.apart:.3f}"
    yield "most on", f"‘{disputed.answer}’, volunteers {percent(disputed.true, 0)}"
    for name, error, said in zip(names, disputed.errors, disputed.fractions, strict=True):
        nearest = " ✓" if error == min(disputed.errors) else ""
        yield name, f"{percent(said, 0)}, RMSE {error:.3f}{nearest}"
