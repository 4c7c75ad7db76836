"""A sphinx extension: reference pages of commands and settings, written from verbs and schema.

`<!-- commands -->` and `<!-- settings -->` in a page are replaced by them. Tables that benchmarks
wrote, which pages link to, get a title. And the section `Parameters` of a docstring ends where its
indented part ends, which napoleon cannot know.
"""

import re
from collections import defaultdict
from typing import Any

import typer

from hubblefork.cli import app
from hubblefork.recipes.recipe import describe_settings


def commands() -> str:
    """Every verb in Markdown, with its arguments and options as `--help` has them."""
    return "\n".join(_command("hubblefork", typer.main.get_command(app)))


def settings() -> str:
    """Every setting of recipes in Markdown, by table."""
    tables = defaultdict(list)
    for key, text in describe_settings().items():
        table = key.rpartition(".")[0]
        tables[table].append(f"`{key}`\n: {_prose(text)}\n")
    titles = {table: f"`[{table}]`" if table else "The recipe itself" for table in tables}
    return "\n".join(f"## {titles[key]}\n\n" + "\n".join(tables[key]) for key in tables)


def _command(path: str, command: Any) -> list[str]:
    """The lines of a command, or of the commands of a group."""
    lines = []
    for name, inner in sorted(getattr(command, "commands", {}).items()):
        lines += _command(f"{path} {name}", inner)
    if lines:
        return lines
    context = typer.Context(command, info_name=path)
    lines = [f"## {path.removeprefix('hubblefork ')}", "", _prose(command.help or ""), ""]
    lines += ["```text", command.get_usage(context).removeprefix("Usage: "), "```", ""]
    for parameter in command.get_params(context):
        if record := parameter.get_help_record(context):
            words, text = record
            lines += [f"`{words}`", f": {_prose(text)}", ""]
        elif text := getattr(parameter, "help", None):
            lines += [f"`{parameter.make_metavar(context)}`", f": {_prose(text)}", ""]
    return lines


def _prose(text: str) -> str:
    """Plain text as Markdown, on one line a paragraph."""
    return re.sub(r"([<>*_\[\]|])", r"\\\1", " ".join(text.split()))


def _fill_in(app: Any, docname: str, content: list[str]) -> None:
    if docname.endswith("_table"):
        title = docname.replace("_", " ").capitalize()
        content[0] = f"---\norphan: true\n---\n\n# {title}\n\n{content[0]}"
    for marker, write in {"commands": commands, "settings": settings}.items():
        if (mark := f"<!-- {marker} -->") in content[0]:
            content[0] = content[0].replace(mark, write())


def _end_parameters(app: Any, what: str, name: str, obj: Any, options: Any, lines: list) -> None:
    if "Parameters" not in lines:
        return
    start = lines.index("Parameters") + 2
    for place in range(start, len(lines) - 1):
        indented = lines[place + 1 : place + 2] and lines[place + 1].startswith(" ")
        if lines[place - 1] == "" and lines[place] and lines[place][0] != " " and not indented:
            lines.insert(place, "")
            return


def _draw_dashes(app: Any, what: str, name: str, obj: Any, options: Any, lines: list) -> None:
    lines[:] = [line.replace("** -- ", "** – ") for line in lines]


def setup(app: Any) -> dict[str, bool]:
    """Connect to sphinx."""
    app.connect("source-read", _fill_in)
    app.connect("autodoc-process-docstring", _end_parameters, priority=1)  # before napoleon
    app.connect("autodoc-process-docstring", _draw_dashes, priority=900)  # and after it
    return {"parallel_read_safe": True}
