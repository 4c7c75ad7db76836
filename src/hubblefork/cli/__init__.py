"""The command line: `hubblefork VERB ...`, one module for each verb."""

import errno
import sys
from typing import Annotated, Any

import typer

import hubblefork
from hubblefork.cli import (
    compare,
    demo,
    evaluate,
    explain,
    export,
    inspect,
    listing,
    predict,
    reproduce,
    serve,
    survey,
    train,
)
from hubblefork.cli.verb import Verb
from hubblefork.core.errors import RequestError
from hubblefork.core.files import DISK_FULL
from hubblefork.core.terminal import guarded
from hubblefork.core.text import one_line
from hubblefork.core.tries import TransientFailure, failed, is_transient
from hubblefork.core.validation import in_words

# Errors of a path in the request: not faults of this program.
_PATH_ERRORS = (
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.ENOENT,
    errno.ENOTDIR,
    errno.EISDIR,
    errno.EEXIST,
    errno.ENAMETOOLONG,
    errno.ELOOP,
)

app = typer.Typer(
    name="hubblefork",
    help="Turn labelled images of galaxies, or of anything else, into a measured classifier.",
    invoke_without_command=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"hubblefork {hubblefork.__version__}")
        raise typer.Exit


# What to type first, for those who type nothing else.
_START = """\
hubblefork turns labelled images into a trained, measured and explained classifier.

  hubblefork demo                        a simulated sky, no data needed: less than 5 minutes
  hubblefork inspect galaxies/           what is in your images, with one folder for each class
  hubblefork train galaxies/             train on them: writes a run, a folder with a report
  hubblefork train galaxies/ --dry-run   what that would do, and how long it would take
  hubblefork predict RUN new_images/     the classes of other images
  hubblefork explain RUN                 what the network looks at, and where it is wrong
  hubblefork serve RUN                   look at images and label them, in a browser
  hubblefork reproduce all               published systems, trained as published

hubblefork --help lists all commands, hubblefork train --help the options of one, and
hubblefork list sources what can stand in place of galaxies/."""


@app.callback()
def _options(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        print(_START)


app.command("demo", cls=Verb)(demo.demo)
app.command("inspect", cls=Verb)(inspect.inspect)
app.command("train", cls=Verb)(train.train)
app.command("evaluate", cls=Verb)(evaluate.evaluate)
app.command("explain", cls=Verb)(explain.explain)
app.command("predict", cls=Verb)(predict.predict)
app.add_typer(survey.app, name="survey")
app.command("compare", cls=Verb)(compare.compare)
app.command("export", cls=Verb)(export.export)
app.command("reproduce", cls=Verb)(reproduce.reproduce)
app.command("serve", cls=Verb)(serve.serve)
app.command("list", cls=Verb)(listing.listing)


def main() -> None:
    """Run a verb; a mistake in the request is one line on stderr and exit status 2."""
    with guarded():
        _run()


def _run() -> None:
    try:
        # Not in typer's own mode, which tells a wrong command line in four lines.
        status = app(standalone_mode=False)
        sys.exit(status if isinstance(status, int) else 0)
    except RequestError as error:
        # A disk that is full is no mistake in the request, whoever says so.
        full = isinstance(error.__cause__, OSError) and error.__cause__.errno in DISK_FULL
        _tell(str(error))
        sys.exit(1 if full else 2)
    except OSError as error:
        if is_transient(error):
            told = isinstance(error, TransientFailure)
            _tell(str(error if told else failed(error, error.filename or "a file")))
            sys.exit(1)
        if error.errno not in _PATH_ERRORS + DISK_FULL:
            raise
        path = f" {error.filename}" if error.filename else ""
        _tell(f"cannot read or write{path}: {error.strerror}")
        sys.exit(2 if error.errno in _PATH_ERRORS else 1)
    except Exception as error:
        if not hasattr(error, "format_message"):  # by which typer's errors are known
            raise
        _tell_usage(error)
        sys.exit(2)


def _tell_usage(error: Any) -> None:
    """Say what is wrong with a command line; without any word on it, how it is used."""
    if hasattr(error.__cause__, "errors"):  # pydantic's, which checks values for newer typer
        error.message = in_words(error.__cause__)[1]
    message = error.format_message()
    if "\n" in message:
        print(message, file=sys.stderr)
    else:
        command = error.ctx.command_path if error.ctx else "hubblefork"
        _tell(f"{message.rstrip('.')}; {command} --help shows what is expected")


def _tell(message: str) -> None:
    print(f"hubblefork: {one_line(message)}", file=sys.stderr, flush=True)
