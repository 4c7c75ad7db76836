"""The command line: `hubblefork VERB ...`, one module a verb."""

import errno
import sys
from typing import Annotated

import typer

import hubblefork
from hubblefork.cli import compare, demo, evaluate, explain, inspect, listing, predict, train
from hubblefork.core.errors import RequestError

# A path of the request that cannot be used, and a disk without room: no fault of this program.
_NO_WAY = (
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.ENOENT,
    errno.ENOTDIR,
    errno.EISDIR,
    errno.EEXIST,
)
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# What a shell reports of a command that Ctrl-C ended: 128 and the number of the signal.
_INTERRUPTED = 130

app = typer.Typer(
    name="hubblefork",
    help="Turn labelled images of galaxies, or of anything else, into a measured classifier.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _print_version(asked: bool) -> None:
    if asked:
        print(f"hubblefork {hubblefork.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    pass


app.command("demo")(demo.demo)
app.command("inspect")(inspect.inspect)
app.command("train")(train.train)
app.command("evaluate")(evaluate.evaluate)
app.command("explain")(explain.explain)
app.command("predict")(predict.predict)
app.command("compare")(compare.compare)
app.command("list")(listing.listing)


def main() -> None:
    """Run a verb; a mistake in the request is one line on stderr and exit status 2."""
    try:
        app()
    except RequestError as error:
        print(f"hubblefork: {error}", file=sys.stderr)
        sys.exit(2)
    except OSError as error:
        if error.errno not in _NO_WAY + _NO_ROOM:
            raise
        place = f" {error.filename}" if error.filename else ""
        print(f"hubblefork: cannot read or write{place}: {error.strerror}", file=sys.stderr)
        sys.exit(2 if error.errno in _NO_WAY else 1)
    except (KeyboardInterrupt, SystemExit) as end:
        # typer makes an exit of Ctrl-C, without a word.
        if isinstance(end, SystemExit) and end.code != _INTERRUPTED:
            raise
        print("hubblefork: interrupted; a training goes on with --resume", file=sys.stderr)
        sys.exit(_INTERRUPTED)
