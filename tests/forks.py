"""Commands in forks of this process, which have imported everything: a new process takes seconds.

That a process can begin anew is tested where that is the question.
"""

import os
import sys
from collections.abc import Callable
from multiprocessing import get_context

import torch

# Where autograd is first used after an export to ONNX it starts threads, and forks cannot train:
# here it is used before any test is run.
torch.ones(1, requires_grad=True).backward()


class Fork:
    """A function in a fork. What it says on stdout and stderr has to fit into a pipe, 64 KiB."""

    def __init__(self, function: Callable[..., object], *arguments: object) -> None:
        pipes = [os.pipe() for _ in range(2)]
        self.stdout, self.stderr = (os.fdopen(reading) for reading, _ in pipes)
        ends = [writing for _, writing in pipes]
        given = ends, function, arguments
        self.process = get_context("fork").Process(target=_run, args=given)
        self.process.start()
        for each in ends:
            os.close(each)

    def ended(self) -> tuple[int, str, str]:
        """Exit status, stdout and stderr, once it has ended."""
        with self.stdout, self.stderr:
            said = self.stdout.read(), self.stderr.read()
        self.process.join()
        assert self.process.exitcode is not None
        return self.process.exitcode, *said


def _run(ends: list[int], function: Callable[..., object], arguments: tuple) -> None:
    torch.set_num_threads(1)  # threads of the parent are not there
    for stream, end in zip((1, 2), ends, strict=True):
        os.dup2(end, stream)
        os.close(end)
    sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
    function(*arguments)
