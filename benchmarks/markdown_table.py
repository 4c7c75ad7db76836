"""Tables as the documentation holds them."""

from collections.abc import Iterable, Sequence


def as_markdown(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown, each line ended.

    >>> as_markdown(["recipe", "seed"], [("default", "0")])
    '| recipe | seed |\\n| --- | --- |\\n| default | 0 |\\n'
    """
    lines = (columns, ["---"] * len(columns), *rows)
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)
