"""What was found in a source, on the terminal: one screen."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from hubblefork.core.text import percent
from hubblefork.data.inspection import Inspection
from hubblefork.report.inspect_words import cautions, sentences

# Rows that leave room for the rest on a screen of 40 lines.
_MOST_CLASSES = 20

# Letters of the longest bar.
_BAR = 12


def print_look(inspection: Inspection, console: Console) -> None:
    """Print counts, what guessing reaches, and what needs care.

    Of more than 20 classes, the commonest are shown.
    """
    what, *guessing = sentences(inspection)
    console.print()
    console.print(Text(what))
    console.print()
    if inspection.codes is not None:
        console.print(_classes(inspection))
        console.print()
    for sentence in guessing:
        console.print(Text(sentence))
    found = cautions(inspection)
    if found:
        console.print()
        console.print(Text("Read with care", style="bold"))
        list_ = Table.grid(padding=(0, 1))
        for caution in found:
            list_.add_row("-", Text(caution))
        console.print(list_)
    console.print()


def _classes(inspection: Inspection) -> Table:
    """One row for each class, the commonest first."""
    title = "class" if inspection.votes is None else "commonest first answer"
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column(title)
    for name in ("images", "share", *inspection.parts):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("")
    order = (-inspection.counts).argsort(kind="stable")
    if len(order) > _MOST_CLASSES:
        table.columns[0].header = f"the {_MOST_CLASSES} commonest of {len(order)} classes"
    for code in order[:_MOST_CLASSES]:
        number = inspection.counts[code]
        # Text, not a string, so that brackets in a name are no markup.
        table.add_row(
            Text(inspection.names[code]),
            f"{number:,}",
            percent(number / inspection.counts.sum()),
            *(f"{counts[code]:,}" for counts in inspection.parts.values()),
            Text("█" * round(_BAR * number / inspection.counts.max()), style="blue"),
        )
    return table
