"""Do the shards of a survey that are not done yet, on this machine."""

from collections.abc import Sequence

from hubblefork.core.errors import RequestError
from hubblefork.core.progress import Advance, progress
from hubblefork.prediction.survey.local_pool import LocalPool, local_pool
from hubblefork.prediction.survey.plan import Survey
from hubblefork.prediction.survey.todo import Todo

# Workers that may die before they have begun, one after another, until that is given up.
_MOST_STARTS = 3


def run_survey(
    survey: Survey,
    shards: Sequence[int] | None = None,
    device: str = "auto",
    workers: int | None = None,
) -> Todo:
    """Do shards that are neither done nor set aside; by default all.

    Whatever ends this, what is done stays done, and the next call goes on with the rest.

    Raises RequestError where no shard can be done: a changed model or catalogue; TransientFailure
    where none can be done now: a full disk, no network.
    """
    todo = Todo(survey, survey.plan.shards if shards is None else shards)
    if todo.waiting:
        with (
            progress("classifying", todo.rows, "rows", before=todo.done) as advance,
            local_pool(survey, len(todo.waiting), device, workers) as pool,
        ):
            _Run(todo, pool, advance).until_done()
    return todo


class _Run:
    """Workers, the shards that they have, and how many rows of them are predicted."""

    def __init__(self, todo: Todo, pool: LocalPool, advance: Advance):
        self.todo, self.pool, self.advance = todo, pool, advance
        self.doing: dict[int, int | None] = {}
        self.rows: dict[int, int] = {}
        self.failed_starts = 0

    def until_done(self) -> None:
        """Hand out shards until none is left."""
        for worker in range(self.pool.number):
            self._start(worker)
        while self.doing:
            event = self.pool.next()
            if event.worker in self.doing:  # and has not been sent home
                self._handle(event.worker, event.content)

    def _start(self, worker: int) -> None:
        self.doing[worker], self.rows[worker] = None, 0
        self.pool.start(worker)

    def _handle(self, worker: int, content: dict) -> None:
        shard = self.doing[worker]
        if "imported" in content:
            return
        if "rows" in content:
            self.rows[worker] += content["rows"]
            self.advance(content["rows"], self.todo.note)
            return
        if "ready" in content:
            self.failed_starts = 0
        elif shard is None:
            self._restart(worker, content)
            return
        else:
            self.todo.settle(shard, content)
        # Of a shard that failed, what was counted does not count; one may have been done already.
        self.advance(content.get("done", 0) - self.rows[worker], self.todo.note)
        self.rows[worker] = 0
        if "died" in content:
            self._start(worker)
            return
        if (given := self.todo.next()) is None:
            del self.doing[worker]
        else:
            self.doing[worker] = given
            self.pool.give(worker, given)

    def _restart(self, worker: int, content: dict) -> None:
        """A worker has ended before it was given anything."""
        self.failed_starts += 1
        if "refused" in content:
            raise RequestError(content["refused"])
        if self.failed_starts == _MOST_STARTS:
            raise RequestError(
                f"workers die {content['died']} before they begin: the memory may be too small for "
                f"{self.pool.number} of them; give a smaller --workers"
            )
        self._start(worker)
