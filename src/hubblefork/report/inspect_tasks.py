"""What an inspection says of labels, for each kind of task: names, baselines, sentences, charts."""

from collections.abc import Iterator

import numpy as np
from matplotlib.figure import Figure

from hubblefork.core.errors import first_few
from hubblefork.core.text import percent, several
from hubblefork.data.inspection import Inspection
from hubblefork.report.components import Card, Facts, Panel, Section
from hubblefork.report.figures import Chart
from hubblefork.report.style import (
    BLUE,
    INK,
    MUTED,
    SMALL,
    beside,
    in_percent,
    is_narrow,
    named_rows,
    panel_axes,
    styled,
)
from hubblefork.report.summary import FEW
from hubblefork.tasks.classes import display_name

# From here on, the most common class has so many times the images of the rarest that accuracy
# mostly tells how the common ones fare.
_UNEVEN = 2


class UnlabelledSource:
    """Images without labels; the other kinds of labels say more."""

    title = "Classes"
    column = heading = "class"

    def names(self, found: Inspection) -> tuple[str, ...]:
        """The names of the strata, as people write them."""
        return found.names

    def label(self, found: Inspection, row: int) -> str:
        """What the label of one image says."""
        return ""

    def cards(self, found: Inspection) -> Iterator[Card]:
        """What a model has to beat."""
        yield from ()

    def sentences(self, found: Inspection) -> Iterator[str]:
        """What a model has to beat, in sentences."""
        yield "Without labels no model can be trained on them; a trained model can predict them."
        if found.columns:
            yield "If a column holds the labels, name it: --columns label=COLUMN."

    def cautions(self, found: Inspection) -> Iterator[str]:
        """What makes the labels hard to learn or to test on."""
        yield from ()

    def sections(self, found: Inspection) -> Iterator[Section]:
        """Further sections of the page."""
        yield from ()


class ClassSource(UnlabelledSource):
    """Images with classes."""

    def names(self, found: Inspection) -> tuple[str, ...]:
        return found.dataset.task.words.names

    def label(self, found: Inspection, row: int) -> str:
        return self.names(found)[found.dataset.labels[row]]

    def cards(self, found: Inspection) -> Iterator[Card]:
        counts, names = found.counts, self.names(found)
        most, least = counts.argmax(), counts.argmin()
        yield Card(
            found.dataset.task.words.baseline, percent(counts[most] / counts.sum()),
            f"accuracy of always predicting ‘{names[most]}’",
        )  # fmt: skip
        yield Card("Rarest class", f"{counts[least]:,}", f"images of ‘{names[least]}’")

    def sentences(self, found: Inspection) -> Iterator[str]:
        counts, total, names = found.counts, found.counts.sum(), self.names(found)
        most, least = counts.argmax(), np.where(counts > 0, counts, total).argmin()
        present = np.count_nonzero(counts)
        yield (
            f"Always predicting ‘{names[most]}’ has an accuracy of "
            f"{percent(counts[most] / total)} (majority-class baseline)."
        )
        if counts[most] < _UNEVEN * counts[least]:
            yield (
                "The classes are nearly balanced, so accuracy is a fair measure; the balanced "
                f"accuracy of that baseline is {percent(1 / present)}."
            )
            return
        rare = counts[least] / total
        yield (
            f"The classes are imbalanced: a classifier that never predicts ‘{names[least]}’ "
            f"({several(int(counts[least]), 'image')}) can still have an accuracy of "
            f"{percent(1 - rare, _digits(rare))}. Its balanced accuracy is at most "
            f"{percent(1 - 1 / present)}, and that of the baseline {percent(1 / present)}."
        )

    def cautions(self, found: Inspection) -> Iterator[str]:
        if "test" not in found.parts:
            return
        tested = zip(self.names(found), found.parts["test"], strict=True)
        few = [f"‘{name}’ ({count})" for name, count in tested if count < FEW]
        if few:
            yield (
                f"Fewer than {FEW} test images, too few to measure the recall of a class: "
                f"{first_few(few, 5)}."
            )


class VoteSource(UnlabelledSource):
    """Images with fractions of votes."""

    title = "Votes: the most common answer to the first question"
    column, heading = "answer", "most common first answer"

    def label(self, found: Inspection, row: int) -> str:
        fractions = found.votes.first[row]
        return f"{found.names[fractions.argmax()]}, {percent(float(fractions.max()), 0)}"

    def cards(self, found: Inspection) -> Iterator[Card]:
        error = f"{found.votes.rmse_of_mean:.4f}"
        about = "RMSE of always predicting the mean fractions of all galaxies"
        yield Card(found.dataset.task.words.baseline, error, about)

    def sentences(self, found: Inspection) -> Iterator[str]:
        yield (
            "Always predicting the mean votes of all galaxies has an RMSE of "
            f"{found.votes.rmse_of_mean:.4f}; a useful model is below it."
        )

    def sections(self, found: Inspection) -> Iterator[Section]:
        yield Section("Answers of the volunteers", [
            "The fractions of the answers to the first question. Galaxies near 0 or 1 are clear; "
            "on those between, the volunteers disagree.",
            Panel("first", "Histograms of the fractions of the answers to the first question", "",
                  Chart(lambda: first_answers(found))),
            "The fraction of volunteers who were asked each question, and for how many galaxies at "
            "least half of them were. An answer far down the tree is known for few galaxies.",
            Panel("reached", "Bar chart of the mean fraction of volunteers asked each question", "",
                  Chart(lambda: questions_reached(found))),
        ])  # fmt: skip
        if found.votes.rules:
            total = len(found.dataset)
            yield Section("Classes from votes", [
                "The classes that the rules of `--classes` would make of these votes; the other "
                "galaxies would be left out.",
                Facts({
                    f"{rule}: {sum(counts.values()):,} of {total:,}":
                    {display_name(name): f"{number:,}" for name, number in counts.items()}
                    for rule, counts in found.votes.rules.items()
                }),
            ])  # fmt: skip


SOURCES = {"unlabelled": UnlabelledSource(), "classes": ClassSource(), "votes": VoteSource()}


def labels_of(found: Inspection) -> UnlabelledSource:
    """What there is to say of this kind of labels."""
    return SOURCES[found.dataset.task.kind]


def first_answers(found: Inspection) -> Figure:
    """The distribution of the fraction of each answer to the first question."""
    with styled(()):
        figure, every = panel_axes(len(found.names), 9.6, 2.7, 2.1)
        for answer, axes in enumerate(every):
            fractions = found.votes.first[:, answer]
            axes.hist(fractions, np.linspace(0, 1, 21).tolist(), color=BLUE, rwidth=0.92)
            axes.axvline(fractions.mean(), color=INK, linewidth=1, linestyle=(0, (3, 2)))
            axes.set_title(found.names[answer])
            axes.set_xlabel(f"fraction of volunteers (mean {fractions.mean():.2f})", fontsize=SMALL)
            axes.grid(axis="y")
        every[0].set_ylabel("Galaxies")
        return figure


def questions_reached(found: Inspection) -> Figure:
    """The mean fraction of volunteers asked each question, and for how many galaxies half."""
    reached, questions = found.votes.reached, found.votes.tree.questions
    with styled(()):
        figure, (axes,) = panel_axes(1, 9.6, 0.4 * len(reached) + 0.9)
        axes.barh(range(len(reached)), [fraction for fraction, _ in reached], 0.62, color=BLUE)
        for place, (fraction, number) in enumerate(reached):
            text = percent(fraction, 0) + f"  ·  {number:,} galaxies" * (not is_narrow())
            beside(axes, text, fraction, place, fontsize=SMALL, color=MUTED)
        texts = [each.short if is_narrow() else each.text for each in questions]
        names = [f"{each.number}  {text}" for each, text in zip(questions, texts, strict=True)]
        named_rows(axes, names, 44, 2)
        axes.set_xlim(0, 1.24)
        axes.set_xticks([0, 0.25, 0.5, 0.75, 1])
        in_percent(axes.xaxis)
        axes.set_xlabel("Mean fraction of volunteers asked")
        return figure


def _digits(fraction: float) -> int:
    """Decimals of a percentage that tell this small a fraction from nothing.

    >>> _digits(0.02), _digits(0.0004)
    (1, 2)
    """
    return 1 if fraction >= 0.001 else 2
