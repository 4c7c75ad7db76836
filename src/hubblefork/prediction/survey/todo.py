"""Which shards are still to be done, and what became of the others: kept by whoever hands them out.

The pool of local workers and Ray use it alike.
"""

import signal
from collections import deque
from collections.abc import Sequence
from typing import Any

from hubblefork.core.errors import RequestError
from hubblefork.core.progress import say
from hubblefork.core.text import several
from hubblefork.core.tries import TransientFailure
from hubblefork.prediction.survey.plan import Survey
from hubblefork.prediction.survey.shards import MOST_FAILURES, failures, find_done, note_failure

# A worker that ends so was stopped by somebody, which says nothing of the shard.
_STOPPED = tuple(f"by signal {int(each)}" for each in (signal.SIGINT, signal.SIGTERM))

# Shards that fail one after another, without one between that is done, for another reason than
# these shards: no network, too little memory. Then none is set aside for it. Workers that are
# stopped so often are not stopped by chance.
_MOST_FAILING, _MOST_STOPPED = 5, 100


class Todo:
    """The shards of a survey that are to be done, in order.

    rows: of all shards that were asked for and not set aside before. done, unreadable: rows of
    those that are done by now, and how many of these have no prediction. set_aside: shards that
    have failed too often.
    """

    def __init__(self, survey: Survey, shards: Sequence[int]):
        self.survey = survey
        self.done = self.unreadable = self._stopped = 0
        self._failing: set[int] = set()
        self.set_aside: list[int] = []
        self.waiting: deque[int] = deque()
        failed = failures(survey)
        for shard in shards:
            if found := find_done(survey, shard):
                self.done += found.rows
                self.unreadable += found.unreadable
            elif len(failed.get(shard, ())) >= MOST_FAILURES:
                self.set_aside.append(shard)
            else:
                self.waiting.append(shard)
        self.rows = self.done + sum(map(survey.plan.length, self.waiting))

    def next(self) -> int | None:
        """The next shard; None where all have been handed out."""
        return self.waiting.popleft() if self.waiting else None

    def settle(self, shard: int, outcome: dict[str, Any]) -> None:
        """Take note of what became of a shard, as `attempt` tells it, or {"died": how}.

        Raises RequestError where no shard of this survey can be done, and TransientFailure where
        none can be done now.
        """
        match outcome:
            case {"done": int(rows), "unreadable": int(unreadable)}:
                self.done += rows
                self.unreadable += unreadable
                self._failing.clear()
                self._stopped = 0
            case {"busy": True}:
                self.waiting.append(shard)
            case {"refused": str(message)}:
                raise RequestError(message)
            case {"stopped": str(message)}:
                raise TransientFailure(f"{message}; the next run continues")
            case {"failed": str(reason)}:
                self._fail(shard, reason)
            case {"died": str(how)} if how in _STOPPED and self._stopped < _MOST_STOPPED:
                self._stopped += 1
                self.waiting.appendleft(shard)
            case {"died": str(how)}:
                self._fail(shard, f"its worker died {how}")
            case _:
                raise ValueError(f"unknown outcome of a shard: {outcome}")

    def _fail(self, shard: int, reason: str) -> None:
        self._failing.add(shard)
        if len(self._failing) == _MOST_FAILING:
            raise TransientFailure(
                f"{_MOST_FAILING} shards in a row have failed, the last since {reason}: none is "
                "tried further; the next run continues"
            )
        number = note_failure(self.survey, shard, reason)
        if number < MOST_FAILURES:
            say(f"shard {shard} failed ({reason}); it is tried once more")
            self.waiting.append(shard)
            return
        self.set_aside.append(shard)
        say(f"shard {shard} is set aside after {number} failures: {reason}")

    @property
    def note(self) -> str:
        """What stands beside the progress: problems so far."""
        words = [f"{self.unreadable:,} unreadable"] if self.unreadable else []
        if self.set_aside:
            words.append(f"{several(len(self.set_aside), 'shard')} set aside")
        return ", ".join(words)
