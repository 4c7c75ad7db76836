"""What may succeed on another try is tried three times; everything else only once."""

import errno
import pickle
import socket

import pytest

from hubblefork.core import tries
from hubblefork.core.tries import TransientFailure, is_transient, trying_again


class Failing:
    """Fails with these errors, one a call, then returns how often it was called."""

    def __init__(self, *errors: Exception) -> None:
        self.errors, self.calls = list(errors), 0

    def __call__(self) -> int:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return self.calls


@pytest.fixture
def pauses(monkeypatch) -> list[float]:
    """The pauses that were made, none of which is waited for."""
    made: list[float] = []
    monkeypatch.setattr(tries.time, "sleep", made.append)
    return made


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ESTALE, "stale"),
        OSError(errno.EMFILE, "too many"),
        ConnectionResetError(errno.ECONNRESET, "reset"),
        socket.gaierror(socket.EAI_AGAIN, "no name"),
        TimeoutError(),
    ],
)
def test_two_failures_are_forgotten_and_three_are_told(pauses, error):
    assert trying_again(Failing(error, error), "a.png") == 3
    assert pauses == [0.5, 1.0]
    read = Failing(error, error, error)
    with pytest.raises(TransientFailure, match=r"^cannot read a\.png: .+; try again$"):
        trying_again(read, "a.png")
    assert read.calls == 3


@pytest.mark.parametrize(
    "error", [FileNotFoundError(errno.ENOENT, "gone"), OSError(errno.EIO, "broken"), KeyError("a")]
)
def test_what_stays_is_tried_once(pauses, error):
    assert not is_transient(error)
    read = Failing(error, error)
    with pytest.raises(type(error)):
        trying_again(read, "a.png")
    assert (read.calls, pauses) == (1, [])


def test_a_server_says_how_long_to_wait_within_limits(pauses):
    busy = [TransientFailure("busy", 7.0), TransientFailure("busy", 3600.0)]
    assert trying_again(Failing(*busy), "a.png") == 3
    assert pauses == [7.0, 30.0]


def test_it_passes_between_processes():
    found = pickle.loads(pickle.dumps(TransientFailure("cannot read a.png: busy", 7.0)))
    assert (type(found), str(found), found.wait) == (TransientFailure, "cannot read a.png: busy", 7)
