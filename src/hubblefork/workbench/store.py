"""The labels that people give: a file that only grows, one JSON object a line.

The first line says what was asked (the task). Each further line is an event: an `answer`; an
`undo`, which takes back an earlier answer; `shown`, images whose predictions a rater has seen; or
`batch`, images that the loop (`loop.py`) offers.
A line is flushed to the disk before it is acknowledged, so that no kill and no loss of power takes
an acknowledged label; what a kill leaves of a line that was not acknowledged is cut off when the
file is opened again. One process writes at a time.

Lines of JSON and not SQLite: both keep every acknowledged row through `kill -9`; this is one file
without companions, on any file system, that can be read in any editor.
"""

import json
import os
import threading
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hubblefork.core.arguments import as_path
from hubblefork.core.errors import RequestError
from hubblefork.core.files import replacing
from hubblefork.core.outputs import check_file
from hubblefork.core.parsing import parse_json
from hubblefork.core.progress import say
from hubblefork.core.regular_files import not_a_file
from hubblefork.core.temporary import locking
from hubblefork.tasks.registry import task_from_json
from hubblefork.tasks.task import Task

FORMAT = 1

Image = tuple[str, str]  # id and digest: the same id may name another image later


@dataclass(frozen=True)
class Answer:
    """One label that a rater gave to one image.

    number: of the event in the file, from 1. time: ISO 8601, UTC. image, digest: id of the image,
    and digest of its packed pixels. answer: the chosen answers, from the first question to the
    last. model: SHA-256 of the model file, empty where there is none. queue: by which images were
    offered. shown: whether the rater knew something of the model's prediction for this image
    (`seen.py`). key: by which a repeated request is known.
    """

    number: int
    time: str
    rater: str
    image: str
    digest: str
    answer: tuple[str, ...]
    model: str
    queue: str
    shown: bool
    key: str


@dataclass(frozen=True)
class Batch:
    """Images that the loop offered to a rater.

    number: from 1. images: in the order in which they are shown. random: the places of those that
    were drawn at random. labels: how many labels there were. values: what was predicted of the
    random ones, (n, K); None before there was a classifier.
    """

    number: int
    rater: str
    images: tuple[Image, ...]
    random: tuple[int, ...]
    labels: int
    values: tuple[tuple[float, ...], ...] | None

    @property
    def drawn(self) -> list[Image]:
        """The random images, in the order of `values`."""
        return [self.images[place] for place in self.random]


@dataclass
class Labels:
    """The answers of a file that stand: those that were not taken back."""

    task: Task
    events: int = 0
    batches: list[Batch] = field(default_factory=list)
    by_rater: dict[str, list[Answer]] = field(default_factory=lambda: defaultdict(list))
    by_key: dict[str, Answer] = field(default_factory=dict)
    # Rater and digest of an image whose prediction was told.
    seen: set[tuple[str, str]] = field(default_factory=set)

    def add(self, event: Mapping[str, Any]) -> None:
        """Take in one event. LookupError, TypeError or ValueError for what is none."""
        match event["kind"]:
            case "answer":
                known = {name: event[name] for name in Answer.__dataclass_fields__}
                given = Answer(**{**known, "answer": tuple(event["answer"])})
                self.by_rater[given.rater].append(given)
                self.by_key[given.key] = given
            case "undo":
                given = self.by_rater[event["rater"]].pop()
                if given.number != event["undone"]:
                    raise ValueError(f"it takes back {event['undone']}, which is not the last")
            case "shown":
                self.seen |= {(event["rater"], digest) for _, digest in event["images"]}
            case "batch":
                values = event["values"]
                self.batches.append(
                    Batch(
                        len(self.batches) + 1, event["rater"], tuple(map(tuple, event["images"])),
                        tuple(event["random"]), event["labels"],
                        None if values is None else tuple(map(tuple, values)),
                    )
                )  # fmt: skip
            case kind:
                raise ValueError(f"its kind {kind!r} is not known")
        self.events += 1

    def given(self) -> list[Answer]:
        """All answers that were not taken back, in the order in which they were given."""
        every = (each for given in self.by_rater.values() for each in given)
        return sorted(every, key=lambda each: each.number)

    def standing(self) -> list[Answer]:
        """The last answer of each rater to each image, in the order in which they were given."""
        last = {(each.rater, each.image, each.digest): each for each in self.given()}
        return sorted(last.values(), key=lambda each: each.number)


class LabelStore:
    """The open file of labels of one process; safe to use from several threads."""

    def __init__(self, path: Path, labels: Labels, handle: int) -> None:
        self.path = path
        self._labels = labels
        self._handle = handle
        self._lock = threading.Lock()

    @classmethod
    @contextmanager
    def open(cls, path: str | Path, task: Task) -> Iterator["LabelStore"]:
        """Open a file of labels, or make it, and keep others from writing to it.

        Raises RequestError where it is another file, of another task, damaged, or being written to
        by another process.

        >>> from hubblefork.tasks.classes import Classes
        >>> with LabelStore.open(folder / "labels.jsonl", Classes(("disc", "bar"))) as store:
        ...     given = store.answer("ann", ("g1", "c0ffee"), ["bar"], key="1")
        ...     taken = store.undo("ann")
        >>> given.answer, taken.image, len((folder / "labels.jsonl").read_text().splitlines())
        (('bar',), 'g1', 3)
        """
        path = as_path(path, "labels", "the path of a file of labels")
        check_file(path, _is_former, "a file of labels")
        if not path.exists() or not path.stat().st_size:
            with replacing(path) as file:
                head = {"hubblefork": "labels", "format": FORMAT, "task": task.to_json()}
                file.write(json.dumps(head, ensure_ascii=False) + "\n")
        path = path.resolve()
        with locking(path) as ours:
            if ours is False:
                raise RequestError(
                    f"{path} is being written to by another process: end that one, or give "
                    "another --labels"
                )
            labels, whole = _read(path)
            if labels.task != task:
                raise RequestError(
                    f"{path} has labels {labels.task.summary}, and the images are labelled "
                    f"{task.summary} or with other names: give another --labels"
                )
            handle = os.open(path, os.O_WRONLY | os.O_APPEND)
            try:
                if excess := os.fstat(handle).st_size - whole:
                    say(f"{path}: the last line was not finished; its {excess} bytes are cut off")
                    os.ftruncate(handle, whole)
                yield cls(path, labels, handle)
            finally:
                os.close(handle)

    def answer(
        self, rater: str, image: Image, answer: Iterable[str], *,
        key: str, model: str = "", queue: str = "", shown: bool = False,
    ) -> Answer:  # fmt: skip
        """Store one answer; it is on the disk when this returns. A known key stores nothing."""
        with self._lock:
            if key in self._labels.by_key:
                return self._labels.by_key[key]
            given = Answer(
                self._labels.events + 1, _now(), rater, *image, tuple(answer), model, queue,
                shown or (rater, image[1]) in self._labels.seen, key,
            )  # fmt: skip
            self._append({"kind": "answer"} | asdict(given))
            return given

    def undo(self, rater: str) -> Answer | None:
        """Take back the last standing answer of a rater; None where there is none."""
        with self._lock:
            given = self._labels.by_rater.get(rater)
            if not given:
                return None
            last = given[-1]
            self._append({"kind": "undo", "number": self._labels.events + 1, "time": _now(),
                          "rater": rater, "undone": last.number})  # fmt: skip
            return last

    def show(self, rater: str, images: Iterable[Image]) -> None:
        """Note that a rater sees the predictions of these images."""
        with self._lock:
            new = [each for each in images if (rater, each[1]) not in self._labels.seen]
            if new:
                self._append({"kind": "shown", "number": self._labels.events + 1,
                              "time": _now(), "rater": rater, "images": new})  # fmt: skip

    def offer(
        self, rater: str, images: Iterable[Image], random: Iterable[int], labels: int,
        values: list[list[float]] | None,
    ) -> Batch:  # fmt: skip
        """Note a batch of images that a rater is offered; the arguments are those of `Batch`."""
        with self._lock:
            event = {
                "kind": "batch", "number": self._labels.events + 1, "time": _now(), "rater": rater,
                "images": list(images), "random": list(random), "labels": labels, "values": values,
            }  # fmt: skip
            self._append(event)
            return self._labels.batches[-1]

    def batches(self) -> list[Batch]:
        """All batches so far, in their order."""
        with self._lock:
            return list(self._labels.batches)

    def events(self) -> int:
        """The number of events so far."""
        with self._lock:
            return self._labels.events

    def given(self) -> list[Answer]:
        """As `Labels.given`."""
        with self._lock:
            return self._labels.given()

    def standing(self) -> list[Answer]:
        """As `Labels.standing`."""
        with self._lock:
            return self._labels.standing()

    def _append(self, event: Mapping[str, Any]) -> None:
        line = json.dumps(event, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n"
        before = os.fstat(self._handle).st_size
        try:
            rest = memoryview(line)
            while rest:
                rest = rest[os.write(self._handle, rest) :]
            os.fsync(self._handle)
        except OSError as error:
            os.ftruncate(self._handle, before)  # half a line would spoil the next one
            error.filename = error.filename or str(self.path)
            raise
        self._labels.add(event)


def read_labels(path: str | Path) -> Labels:
    """Read a file of labels, also while it is written to; RequestError where it is none."""
    path = as_path(path, "labels", "the path of a file of labels")
    if reason := not_a_file(path):
        raise RequestError(f"no file of labels at {path} ({reason})")
    return _read(path)[0]


def by_image(answers: Iterable[Answer]) -> dict[Image, list[Answer]]:
    """The answers to each image."""
    found: dict[Image, list[Answer]] = defaultdict(list)
    for each in answers:
        found[each.image, each.digest].append(each)
    return found


def majority(names: Iterable[str]) -> str | None:
    """What most have answered; None where no answer has more than every other.

    >>> majority(["bar", "disc", "bar"]), majority(["bar", "disc"])
    ('bar', None)
    """
    (first, most), *others = Counter(names).most_common(2)
    return None if others and others[0][1] == most else first


def _read(path: Path) -> tuple[Labels, int]:
    """The labels of a file, and how many of its bytes are whole lines."""
    labels, whole = None, 0
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.endswith(b"\n"):
                break
            try:
                event = parse_json(line)
                if labels is None:
                    if (event["hubblefork"], event["format"]) != ("labels", FORMAT):
                        raise ValueError(f"expected labels of format {FORMAT}")
                    labels = Labels(task_from_json(event["task"]))
                else:
                    labels.add(event)
            except (ValueError, LookupError, TypeError, RequestError) as error:
                raise RequestError(
                    f"{path} is damaged at line {number} ({error}); restore it from a copy, or "
                    "give another --labels"
                ) from error
            whole += len(line)
    if labels is None:
        raise RequestError(f"{path} is not a file of labels: it has no first line")
    return labels, whole


def _is_former(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(24).startswith(b'{"hubblefork": "labels"')


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
