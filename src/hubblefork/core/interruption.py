"""How a command ends that is interrupted: in one line, with status 130 (Ctrl-C) or 143 (SIGTERM).

Both signals raise KeyboardInterrupt, on which every `with` block removes its temporary files.
"""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_WORDS = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated"}
_RESUMES = {
    "train ": "; --resume continues the training",
    "survey run ": "; the next run continues",
}


@contextmanager
def interruptible() -> Iterator[None]:
    """Run the command of this process; where a signal ends it, print one line and exit.

    The status is 128 plus the number of the signal. What the block raises after a signal does not
    count: libraries turn an interrupt into other errors. A signal that is ignored, as Ctrl-C is in
    the background of a shell, stays so. After the block both are: what is left is to end.
    """
    received: list[signal.Signals] = []

    def interrupt(number: int, _: Any) -> None:
        received.append(signal.Signals(number))
        raise KeyboardInterrupt

    try:
        for each in _WORDS:
            if signal.getsignal(each) is not signal.SIG_IGN:
                signal.signal(each, interrupt)
        yield
    except BaseException:
        if not received:
            raise
    finally:
        for each in _WORDS:
            signal.signal(each, signal.SIG_IGN)
    if received:
        command = " ".join(sys.argv[1:])
        resumes = next((how for verb, how in _RESUMES.items() if command.startswith(verb)), "")
        print(f"hubblefork: {_WORDS[received[0]]}{resumes}", file=sys.stderr, flush=True)
        # An interrupt within `exec`, as in imports, makes Python end by the signal whoever catches
        # it; another `exec` takes that back.
        exec("")
        sys.exit(128 + received[0])
