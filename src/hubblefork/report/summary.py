"""What holds for a run of any task, in sentences: what was trained, and what limits the result."""

from collections.abc import Iterator

import pandas as pd

from hubblefork.core.text import duration, several
from hubblefork.evaluation.intervals import wilson_interval
from hubblefork.report.run_data import RunData
from hubblefork.runs.run import short_name

# Below so many test images a class's recall is uncertain by 18 points or more to either side
# (half of the 95 % interval of a proportion of one half, the widest).
FEW = 30

# An accuracy may be a few points higher in training than in validation in a healthy run; an error
# or a loss may rise by as much as the noise between epochs.
_MOST_LEAD, _RISE = 0.05, 1.15


def network_name(run: RunData) -> str:
    """What the recipe calls its network; it is a name, or a table with a name."""
    network = run.recipe.get("network", "")
    return str(network if isinstance(network, str) else network.get("name", ""))


def training(run: RunData) -> str:
    """Which network was trained for how long on what."""
    network = f"The network ‘{network_name(run)}’ with {several(run.parameters, 'parameter')}"
    tested = several(run.metrics["n"], run.task.example, run.task.examples)
    given = run.dataset["source"]
    # A path would be long, and tell of the machine; it stands under Data.
    source = f"‘{short_name(given) if '/' in given else given}’ {run.task.summary}"
    trained_on = run.split["sizes"].get("train", 0)
    if not trained_on:
        return f"{network}, trained earlier, was tested on {tested} of {source}."
    return (
        f"{network} was trained on {several(trained_on, 'image')} of {source}, for "
        f"{several(len(run.history), 'epoch')} ({duration(run.seconds)}), and tested on {tested} "
        "that were not used in training."
    )


def result(run: RunData) -> str:
    """The first metric, and what the same answer for every image would reach."""
    metric = run.task.metrics[0]
    value, interval = run.metrics[metric.name], run.metrics["intervals"][metric.name]
    return (
        f"{metric.title} on the test set: {metric.written(value)} (95\u00a0% interval "
        f"{metric.between(interval)})."
    )


def cautions(run: RunData) -> Iterator[str]:
    """What of the training and the data limits the result, one sentence each."""
    yield from _of_training(run)
    left_out = len(run.dataset.get("left_out", []))
    if left_out:
        verb = "was" if left_out == 1 else "were"
        yield f"{several(left_out, 'image')} of the source {verb} left out (listed under Data)."


def _of_training(run: RunData) -> Iterator[str]:
    if run.history.empty:
        return
    if not run.validated():
        yield (
            "There was no validation set: nothing shows whether the network over-fits, and the "
            "number of epochs was not chosen by the results on unseen images."
        )
        return
    metric = run.task.training_metric
    watched = run.history.dropna(subset=[metric.name, f"val_{metric.name}"])
    train, val = watched.iloc[-1][[metric.name, f"val_{metric.name}"]]
    noise = _noise(watched[f"val_{metric.name}"])
    if (number := run.split["sizes"].get("val", 0)) and metric.percent:
        low, high = wilson_interval(round(val * number), number) or (0.0, 1.0)
    else:
        low, high = val - 2 * noise, val + 2 * noise
    if (
        train - val > _MOST_LEAD and train > high
        if metric.percent
        else val > _RISE * train and train < low
    ):
        yield (
            f"Over-fitting: {metric.title} in the last epoch was {metric.written(train)} on the "
            f"training set and {metric.written(val)} on the validation set (95\u00a0% interval "
            f"{metric.between((low, high))})."
        )
    watched = run.history.dropna(subset=["val_loss"])
    last, lowest = watched.iloc[-1], watched.loc[watched["val_loss"].idxmin()]
    noise = _noise(watched["val_loss"])
    rise = last["val_loss"] - lowest["val_loss"]
    if last["val_loss"] > _RISE * lowest["val_loss"] and rise > 2 * noise:
        yield (
            f"The validation loss rose from {lowest['val_loss']:.4f} in epoch "
            f"{lowest['epoch']:.0f} to {last['val_loss']:.4f} in the last, where epochs differ by "
            f"about {noise:.4f} by chance: fewer epochs, or more augmentation, may give a better "
            "network."
        )


def _noise(values: pd.Series) -> float:
    """The standard deviation of a curve about its trend, from the differences of its epochs.

    From their median absolute deviation, which a steep beginning does not move.
    """
    steps = values.diff().dropna()
    return float(1.4826 * (steps - steps.median()).abs().median() / 2**0.5) if len(steps) else 0.0
