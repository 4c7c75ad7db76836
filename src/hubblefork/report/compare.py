"""The page that compares runs: metrics, differences, learning curves, and disputed images."""

from collections.abc import Iterator

from hubblefork.core.text import duration, listed, several
from hubblefork.evaluation.comparison import Difference
from hubblefork.report.compare_charts import learning_curves, recalls
from hubblefork.report.comparison import Comparison, p_value
from hubblefork.report.components import Card, Cell, Page, Panel, Section, Sheet, Table, Tile
from hubblefork.report.disputed import DISPUTES
from hubblefork.report.figures import Chart
from hubblefork.report.page import now
from hubblefork.report.style import undrawn
from hubblefork.sky.links import links_of
from hubblefork.tasks.metric import Metric

# A p-value below this is called significant.
_SIGNIFICANT = 0.05

# The charts of each class or question, by the kind of task: function, title, note.
_DETAILS = {
    "classes": (
        recalls,
        "Class by class",
        "The recall of each class by each run. Lines are 95\u00a0% intervals.",
    )
}


def comparison_page(found: Comparison) -> Page:
    """What the page shows."""
    names = [run.name for run in found.runs]
    tiles = list(_tiles(found))
    return Page(
        title=" and ".join(names) if len(names) == 2 else f"Comparison of {len(names)} runs",
        kind="Runs compared on the same test images",
        made=now(),
        sentences=list(sentences(found)),
        cards=list(_cards(found)),
        cautions=list(_cautions(found, len(found.disputed) - len(tiles))),
        sections=list(_sections(found, tiles)),
    )


def _sections(found: Comparison, tiles: list[Tile]) -> Iterator[Section]:
    yield Section("Metrics", [
        f"All numbers are for the {found.number:,} images that every run was tested on. Small "
        "numbers are 95\u00a0% intervals of each run by itself; whether two runs differ is in the "
        "next table: it does not follow from whether these overlap. Bold: the best of a row.",
        _metrics_table(found),
    ])  # fmt: skip
    yield Section("Differences", [
        "The second run minus the first, with the 95\u00a0% interval of the difference from a "
        "paired bootstrap over the images"
        + "; fractions are in percentage points" * any(each.percent for each in found.task.metrics)
        + ". Bold: the interval does not contain 0."
        + (
            " The interval of the accuracy is Newcombe's, the p-value that of McNemar's exact "
            "test; below it are the numbers of images that only the first, and only the second, "
            "classifies correctly."
            if found.differences[0].test else ""
        ),
        _pairs_table(found),
    ])  # fmt: skip
    if details := _DETAILS.get(found.task.kind):
        draw, title, note = details
        chart = Panel("details", f"Dot chart: {note}", "", Chart(lambda: draw(found)))
        yield Section(title, [note, undrawn(found.task.words.names), chart])
    if any(not run.history.empty for run in found.runs):
        yield Section("Learning curves", [
            "On the validation set; dashed lines are on the training set, where a run had no "
            "validation set. The losses of different recipes are not always comparable.",
            Panel("curves", "Line charts of the loss and the training metric of each epoch of each "
                  "run", "", Chart(lambda: learning_curves(found))),
        ])  # fmt: skip
    if tiles:
        note = DISPUTES[found.task.kind].note
        yield Section("Disagreements", [note, Sheet(tiles, "predictions")])


def sentences(found: Comparison) -> Iterator[str]:
    """What is compared on what, which run is best, and whether chance can explain that."""
    names, task = listed([f"‘{run.name}’" for run in found.runs]), found.task
    yield (
        f"{names} are compared on the {several(found.number, task.example, task.examples)} of "
        f"‘{found.source}’ that all of them were tested on."
    )
    metric, best = task.metrics[0], found.best()
    others = [run for run in found.runs if run is not best]
    choose = min if metric.lower_is_better else max
    second = choose(others, key=lambda run: run.metrics[metric.name])
    gap = next(
        pair.differences[metric.name]
        for pair in found.differences
        if {pair.first, pair.second} == {best.name, second.name}
    )
    name = metric.noun
    ahead = f"‘{best.name}’ has the {'lowest' if metric.lower_is_better else 'highest'} {name}"
    size = _size(metric, gap)
    if gap.value == 0:
        yield f"‘{best.name}’ and ‘{second.name}’ have the same {name}."
    elif gap.certain:
        yield f"{ahead}; the difference from ‘{second.name}’ is significant: {size}."
    else:
        yield (
            f"{ahead}, but the difference from ‘{second.name}’ is not significant: {size}. On "
            "other images of the same kind the order may change."
        )
    if count := DISPUTES[task.kind].count(found):
        yield count


def _size(metric: Metric, gap: Difference) -> str:
    unit = " percentage points" if metric.percent else ""
    sign = -1 if gap.value < 0 else 1
    ends = sorted((sign * gap.low, sign * gap.high))
    value, low, high = (
        metric.difference(each).removeprefix("+") for each in (abs(gap.value), *ends)
    )
    return f"{value}{unit} (95\u00a0% interval {low} to {high})"


def _cautions(found: Comparison, missing: int) -> Iterator[str]:
    known = [
        f"‘{run.name}’ ({run.known_images:,} of its {run.own_images:,})"
        for run in found.runs
        if run.known_images
    ]
    if known:
        yield (
            f"Tested on images that the model was trained on: {listed(known)}. On these it is "
            "better than on unseen images."
        )
    if unknown := [f"‘{run.name}’" for run in found.runs if run.known_images is None]:
        yield f"It is not known whether {listed(unknown)} had some of these images in training."
    more = [
        f"‘{run.name}’ ({run.own_images:,})" for run in found.runs if run.own_images > found.number
    ]
    if more:
        yield (
            f"Tested on more images than these {found.number:,}: {listed(more)}. Those that "
            "another run was not tested on are left out here."
        )
    if len(found.differences) > 1:
        yield (
            f"There are {len(found.differences)} pairs of runs: of so many tests, one in twenty is "
            "significant by chance."
        )
    if missing:
        yield (
            f"Of the {several(len(found.disputed), 'image')} with the largest disagreement, "
            f"{missing} are not shown, since they are no longer in the cache: `hubblefork "
            "evaluate RUN` packs them again."
        )


def _cards(found: Comparison) -> Iterator[Card]:
    metric = found.task.metrics[0]
    for run in found.runs:
        yield Card(
            run.name,
            metric.written(run.metrics[metric.name]),
            metric.noun,
            metric.between(run.metrics["intervals"][metric.name]),
        )
    words = found.task.words
    yield Card(words.baseline, metric.written(found.baseline), words.constant)


def _metrics_table(found: Comparison) -> Table:
    rows: list[list[str | Cell]] = []
    for metric in found.task.metrics:
        values = [run.metrics[metric.name] for run in found.runs]
        best = (min if metric.lower_is_better else max)(values)
        lower = "(lower is better)" if metric.lower_is_better else ""
        rows.append([
            Cell(metric.title, lower),
            *(Cell(metric.written(value), metric.between(run.metrics["intervals"][metric.name]),
                   strong=value == best)
              for run, value in zip(found.runs, values, strict=True)),
        ])  # fmt: skip
    for title, name, written in (
        ("Parameters", "parameters", "{:,}".format),
        ("Epochs", "epochs", "{:,}".format),
        ("Training time", "seconds", duration),
    ):
        values = [getattr(run, name) for run in found.runs]
        rows.append([title, *(written(value) if value else "–" for value in values)])
    return Table("Metrics of each run", ["Metric", *(run.name for run in found.runs)], rows)


def _pairs_table(found: Comparison) -> Table:
    metrics, rows = found.task.metrics, []
    for pair in found.differences:
        row = [Cell(pair.second, f"minus {pair.first}")]
        for metric in metrics:
            gap = pair.differences[metric.name]
            value, low, high = map(metric.difference, (gap.value, gap.low, gap.high))
            row.append(Cell(value, f"{low} to {high}", strong=gap.certain))
        if pair.test:
            p, only = pair.test.p_value, f"{pair.test.only_first:,} and {pair.test.only_second:,}"
            row.append(Cell(p_value(p), only, strong=p < _SIGNIFICANT))
        rows.append(row)
    columns = ["Runs", *(metric.title for metric in metrics)]
    if found.differences[0].test:
        columns.append("p-value")
    return Table("Differences of the metrics of each two runs", columns, rows)


def _tiles(found: Comparison) -> Iterator[Tile]:
    """The disputed images that can be shown, each with the answers of the runs."""
    for disputed in found.disputed:
        image = found.images(disputed.id)
        if image is not None:
            first = " ".join(next(iter(disputed.facts.items())))
            yield Tile(
                image,
                f"Image {disputed.id}, {first}",
                facts=disputed.facts,
                id=disputed.id,
                links=links_of(disputed.id, found.positions),
            )
