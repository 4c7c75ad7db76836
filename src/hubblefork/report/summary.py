"""The result in plain sentences, and what a reader should know before believing it."""

from collections.abc import Iterator, Mapping

import numpy as np

from hubblefork.core.errors import first_few
from hubblefork.core.text import between, duration, percent, several
from hubblefork.evaluation.reliability import risk_coverage
from hubblefork.report.run_data import Material

# Below so many test images a class's recall is uncertain by 18 points or more to either side
# (half of the 95 % interval of a proportion of one half, the widest).
FEW = 30

# Training may lead validation by a few points in a healthy run; above this it is worth a word.
_MOST_LEAD = 0.05

# A validation loss this much above its lowest is a rise, not the noise between epochs.
_RISE = 1.15

# From here on, accuracy mostly tells how the common classes fare.
_UNEVEN = 10

# Confidence that is off by so much more than chance makes misleads whoever acts on it.
_MOST_OFF = 0.02

# The share of images that one who leaves the doubtful ones to a person might keep.
_KEPT = 0.8


def sentences(material: Material) -> list[str]:
    """What was trained on what, how good it is, and where it is best and worst."""
    classes = f"in {several(len(material.names), 'class', 'classes')}"
    return [
        training(material, classes),
        _accuracy(material),
        *_extremes(material),
        _confusion(material),
        *_calibration(material),
        _leaving(material),
        *_sets(material),
    ]


def cautions(material: Material) -> list[str]:
    """What limits the result, one sentence each; empty if nothing is known to."""
    return [
        *_of_classes(material),
        *_of_calibration(material),
        *_of_sets(material),
        *_of_lead(material),
        *of_training(material),
        *of_data(material),
    ]


def baseline(material: Material) -> tuple[str, float]:
    """The commonest class of the test set, and its share: the accuracy of always naming it."""
    counts = material.answers()["true"].value_counts()
    return str(counts.index[0]), float(counts.iloc[0] / counts.sum())


def network_name(material: Material) -> str:
    """What the recipe calls its network; it is a name, or a table with a name."""
    network = material.recipe.get("network", "")
    return str(network if isinstance(network, str) else network.get("name", ""))


def training(material: Material, labels: str) -> str:
    """What kind of network learnt how long from what; `labels` says what the source tells."""
    network = (
        f"A network of the kind ‘{network_name(material)}’ "
        f"with {several(material.parameters, 'parameter')}"
    )
    tested = several(material.metrics["n"], "image")
    source = f"‘{material.dataset['source']}’ {labels}"
    learnt = material.split["sizes"].get("train", 0)
    if not learnt:
        return f"{network}, trained before, was tested on {tested} of {source}."
    return (
        f"{network} learnt from {several(learnt, 'image')} of {source}, for "
        f"{several(len(material.history), 'epoch')} ({duration(material.seconds)}). It was then "
        f"tested on {tested} that took no part in the training."
    )


def _accuracy(material: Material) -> str:
    metrics = material.metrics
    name, share = baseline(material)
    return (
        f"It names the right class for {percent(metrics['accuracy'])} of them (95\u00a0% interval "
        f"{between(metrics['intervals']['accuracy'])}). Always answering ‘{name}’, their "
        f"commonest class, would be right for {percent(share)}."
    )


def _extremes(material: Material) -> Iterator[str]:
    found = {
        name: values
        for name, values in material.metrics["per_class"].items()
        if values["recall"] is not None
    }
    best = max(found, key=lambda name: found[name]["recall"])
    worst = min(found, key=lambda name: found[name]["recall"])
    if found[best]["recall"] == found[worst]["recall"]:
        return
    yield (
        f"It recognises ‘{best}’ best ({percent(found[best]['recall'])} of "
        f"{found[best]['support']:,} found) and ‘{worst}’ least "
        f"({percent(found[worst]['recall'])} of {found[worst]['support']:,})."
    )


def _confusion(material: Material) -> str:
    matrix = np.array(material.metrics["confusion_matrix"])
    wrong = matrix - np.diag(matrix.diagonal())
    if not wrong.any():
        # With no mistake in n, up to 3/n are compatible at 95 % (Hanley & Lippman-Hand 1983).
        most = min(1.0, 3 / matrix.sum())
        return (
            "It made no mistake, which a network that errs once in "
            f"{several(round(1 / most), 'image')} could also do by luck."
        )
    true, taken = np.unravel_index(wrong.argmax(), wrong.shape)
    count, total = wrong[true, taken], matrix[true].sum()
    back = matrix[taken, true]
    reverse = f"; the other way round, {back:,} of {matrix[taken].sum():,}" if back else ""
    return (
        f"Its most frequent confusion is ‘{material.names[true]}’ taken for "
        f"‘{material.names[taken]}’: {count:,} of {total:,} ({percent(count / total)}){reverse}."
    )


def _calibration(material: Material) -> Iterator[str]:
    """What calibration did; nothing where it is not told."""
    told = material.metrics.get("calibration")
    if told:
        error = material.metrics["expected_calibration_error"]
        yield (
            f"Its confidence and the share of right answers differ by {percent(error)} on average, "
            f"where chance alone would make {percent(told['error_by_chance'])}; before calibration "
            f"on the validation set they differed by {percent(told['error_before'])}."
        )


def _leaving(material: Material) -> str:
    """What is gained by leaving the least certain images to a person."""
    accuracy = risk_coverage(*material.classified()).accuracy_at(_KEPT)
    return (
        f"Leave the {percent(1 - _KEPT, 0)} of the images of which it is least sure to a person, "
        f"and {percent(accuracy)} of the others are right."
    )


def _sets(material: Material) -> Iterator[str]:
    """How often sets of classes hold the true one, for the highest coverage that was measured."""
    measured = material.metrics.get("prediction_sets")
    if measured:
        asked = max(measured, key=float)
        values = measured[asked]
        yield (
            f"Asked for sets of classes that hold the true one {percent(float(asked), 0)} of the "
            f"time, it gives {values['mean_size']:.1f} classes on average, and "
            f"{percent(values['coverage'])} of the sets hold it."
        )


def _of_sets(material: Material) -> Iterator[str]:
    """The classes that the sets hold less often than was asked, by more than luck."""
    for asked, values in (material.metrics.get("prediction_sets") or {}).items():
        missed = [
            f"‘{name}’ ({percent(held['coverage'], 0)})"
            for name, held in values["per_class"].items()
            if held["interval"] and held["interval"][1] < float(asked)
        ]
        if missed:
            yield (
                f"Sets of classes that should hold the true one {percent(float(asked), 0)} of the "
                f"time do so over all images, but less often for {first_few(missed, 5)}."
            )
            return


def _of_calibration(material: Material) -> Iterator[str]:
    told = material.metrics.get("calibration", ...)
    if isinstance(told, Mapping):
        error = "expected_calibration_error"
        if material.metrics["intervals"][error][0] > told["error_by_chance"] + _MOST_OFF:
            sure = float(material.classified()[1].max(axis=1).mean())
            yield (
                f"Its confidence is off even after calibration: it is {percent(sure)} sure on "
                f"average, and right for {percent(material.metrics['accuracy'])}."
            )
    if told is None:
        yield (
            "There was no validation set to calibrate the probabilities on: they may be too sure "
            "or not sure enough."
        )


def _of_classes(material: Material) -> Iterator[str]:
    metrics = material.metrics
    name, share = baseline(material)
    if metrics["intervals"]["accuracy"][0] <= share:
        yield (
            f"The accuracy is not clearly above that of always answering ‘{name}’ "
            f"({percent(share)}): the network may have learnt nothing of use."
        )
    support = {name: values["support"] for name, values in metrics["per_class"].items()}
    absent = [f"‘{name}’" for name, count in support.items() if count == 0]
    if absent:
        yield f"Not in the test set, so not measured: {first_few(absent, 5)}."
    few = [f"‘{name}’ ({count})" for name, count in support.items() if 0 < count < FEW]
    if few:
        yield f"Fewer than {FEW} test images, so uncertain figures: {first_few(few, 5)}."
    unfound = [
        f"‘{name}’" for name, values in metrics["per_class"].items() if values["recall"] == 0
    ]
    if unfound:
        yield f"Never found in the test set: {first_few(unfound, 5)}."
    most, least = max(support.values()), min(count for count in support.values() if count)
    if most >= _UNEVEN * least:
        yield (
            f"The classes are uneven: the commonest has {most / least:,.0f} times the test "
            "images of the rarest. Accuracy speaks of the common ones; balanced accuracy and "
            "macro F1 count every class alike."
        )


def _of_lead(material: Material) -> Iterator[str]:
    if material.history.empty or not material.validated():
        return
    last = material.history.dropna(subset=["accuracy", "val_accuracy"]).iloc[-1]
    lead = last["accuracy"] - last["val_accuracy"]
    if lead > _MOST_LEAD:
        yield (
            f"Over-fitting: in the last epoch the accuracy in training was {100 * lead:.1f} "
            "points above that in validation."
        )


def of_training(material: Material) -> Iterator[str]:
    """That nothing was watched in training, or that its end was not its best."""
    if material.history.empty:
        return
    if not material.validated():
        yield (
            "There was no validation set: nothing shows whether the network over-fits, and the "
            "number of epochs was not chosen by what it can do on unseen images."
        )
        return
    watched = material.history.dropna(subset=["val_loss"])
    last = watched.iloc[-1]
    lowest = watched.loc[watched["val_loss"].idxmin()]
    if last["val_loss"] > _RISE * lowest["val_loss"]:
        yield (
            f"The validation loss rose from {lowest['val_loss']:.3f} in epoch "
            f"{lowest['epoch']:.0f} to {last['val_loss']:.3f} in the last: fewer epochs, or more "
            "varied images, may serve better."
        )


def of_data(material: Material) -> Iterator[str]:
    """How many images could not be used."""
    left_out = len(material.dataset.get("left_out", []))
    if left_out:
        verb = "was" if left_out == 1 else "were"
        yield f"{several(left_out, 'image')} of the source {verb} left out (listed under Data)."
