"""The charts of the page that compares runs."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from hubblefork.evaluation.intervals import wilson_interval
from hubblefork.report.charts import DASHED, curve_axes, whisker
from hubblefork.report.comparison import ComparedRun, Comparison
from hubblefork.report.style import WEDGES, in_percent, is_narrow, named_rows, panel_axes, styled

_MARKERS = "osD^vP*"


def recalls(found: Comparison) -> Figure:
    """The recall of each class by each run, with Wilson's 95 % interval."""
    runs, names = found.runs, found.task.words.names
    step = 0.8 / len(runs)
    with styled(names) as labels:
        height = max(0.4, 0.17 * len(runs)) * len(names) + 1.1
        figure, (axes,) = panel_axes(1, 9.6, height)
        for number, run in enumerate(runs):
            offset = (number - (len(runs) - 1) / 2) * step
            label: str | None = run.name
            for place, raw in enumerate(found.task.names):
                measured = run.metrics["per_class"][raw]
                recall, support = measured["recall"], measured["support"]
                interval = wilson_interval(round((recall or 0) * support), support)
                if interval:
                    whisker(axes, place + offset, recall, interval, *_sign(number), label)
                    label = None
        in_percent(axes.xaxis)
        axes.set_xlabel("Recall")
        named_rows(axes, [labels[name] for name in names])
        figure.legend(loc="outside upper left", ncols=_columns(runs), handlelength=1)
        return figure


def learning_curves(found: Comparison) -> Figure:
    """Loss and training metric of each epoch, on the validation set, or else the training set."""
    metric = found.task.training_metric
    with styled(()):
        figure, both = curve_axes(metric)
        for axes, quantity in zip(both, ("loss", metric.name), strict=True):
            for number, run in enumerate(found.runs):
                if run.history.empty:
                    continue
                validated = run.history["val_loss"].notna().any()
                values = run.history[f"val_{quantity}" if validated else quantity]
                colour, marker = _sign(number)
                axes.plot(
                    run.history["epoch"], values, color=colour, linewidth=1.8, marker=marker,
                    linestyle="-" if validated else DASHED, markersize=3.2,
                    label=run.name if quantity == "loss" else None,
                )  # fmt: skip
        figure.legend(loc="outside upper left", ncols=_columns(found.runs))
        return figure


def _columns(runs: Sequence[ComparedRun]) -> int:
    """Columns of the legend."""
    return 1 if is_narrow() else min(4, len(runs))


def _sign(number: int) -> tuple[str, str]:
    """The colour and the marker of a run."""
    return WEDGES[number % len(WEDGES)], _MARKERS[number % len(_MARKERS)]
