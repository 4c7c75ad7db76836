"""Collections of made-up images, and a real server for each."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import requests

from hubblefork.data.dataset import PackedDataset
from hubblefork.data.images.framing import Framing
from hubblefork.evaluation.mislabels import likely_mislabels
from hubblefork.sky.decision_tree import GALAXY_ZOO_2
from hubblefork.tasks.classes import Classes
from hubblefork.tasks.predictions import Predictions
from hubblefork.tasks.task import Task
from hubblefork.tasks.votes import Votes
from hubblefork.workbench.data import Collection
from hubblefork.workbench.questions import Questions
from hubblefork.workbench.run_pair import RunPair

NAMES = ("disc", "with_bar", "ringed")


def collection(
    number: int = 60, names: tuple[str, ...] = NAMES, ids: str = "g{}", **columns: Any
) -> Collection:
    """Images of classes with predictions; `columns` of a catalogue are told as columns."""
    random = np.random.default_rng(0)
    true = np.arange(number) % len(names)
    values = random.dirichlet(np.ones(len(names)), number)
    return _collection(Classes(names), {"label": true}, true, values, ids, columns)


def galaxies(number: int = 40) -> Collection:
    """Images with votes on the tree of Galaxy Zoo 2, with predictions."""
    random = np.random.default_rng(1)
    own = random.random((2, number, len(GALAXY_ZOO_2.columns)))
    for question in GALAXY_ZOO_2.questions:
        own[..., question.columns] /= own[..., question.columns].sum(axis=-1, keepdims=True)
    true, values = (GALAXY_ZOO_2.weighted(each) for each in own)
    labels = dict(zip(GALAXY_ZOO_2.columns, true.T, strict=True))
    return _collection(Votes(), labels, true.astype(np.float32), values, "g{}", {})


def compared(number: int = 60) -> Collection:
    """The same, with likely mislabels, and another run that has two thirds of the images."""
    shown = collection(number)
    found, names = shown.predictions, shown.dataset.table["id"].tolist()
    assert found is not None
    assert shown.true is not None
    random = np.random.default_rng(3)
    first = replace(found, true=shown.true, sets=None, typicality=None)
    second = replace(first, values=random.dirichlet(np.ones(len(NAMES)), number))
    rows = random.permutation(number)[: 2 * number // 3]
    pair = RunPair.of([("weak", first.take(rows)), ("runs/good", second.take(rows))], names)
    mislabels = likely_mislabels(names, shown.true, found.values, NAMES)
    return replace(shown, mislabels=mislabels, pair=pair)


def _collection(
    task: Task, labels: dict, true: np.ndarray, values: np.ndarray, ids: str, columns: dict
) -> Collection:
    number = len(values)
    random = np.random.default_rng(2)
    names = np.array([ids.format(k) for k in range(number)], object)
    table = pd.DataFrame({"id": names, **labels, "digest": [f"{k:064x}" for k in range(number)]})
    dataset = PackedDataset(
        path=Path("in memory"),
        source="made up",
        task=task,
        info={"key": "5eed" * 16, "framing": Framing(size=16, channels=3).to_json()},
        table=table.assign(**columns),
        images=random.integers(256, size=(number, 16, 16, 3), dtype=np.uint8),
    )
    sets = values > 0.2 if task.exclusive else None
    predictions = Predictions(task, names, values, typicality=random.random(number), sets=sets)
    features = random.normal(size=(number, 8)).astype(np.float32)
    features[:, 0] += 3 * task.leading(values)
    told = {"predictions": predictions, "model": "m0de1" * 8, "features": features}
    return Collection(dataset, Questions.of(task), true, **told)


@dataclass
class Bench:
    """A running workbench: its links so far, and its file of labels."""

    links: list[str]
    labels: Path
    collection: Collection

    @property
    def url(self) -> str:
        return self.links[0].partition("/?")[0]

    def events(self) -> list[str]:
        """The lines of the file of labels without the first."""
        return self.labels.read_text().splitlines()[1:]

    def session(self) -> requests.Session:
        """A client that came by the last link, and writes as our pages do."""
        session = requests.Session()
        session.get(self.links[-1]).raise_for_status()
        # By hand, so that it is sent with whatever name of the server a test asks for.
        cookie = "; ".join(f"{each.name}={each.value}" for each in session.cookies)
        session.cookies.clear()
        session.headers.update({"Origin": self.url, "X-Hubblefork": "1", "Cookie": cookie})
        return session

    def answer(self, session: requests.Session, row: int, *answer: str, **more: str) -> dict:
        """Answer an image."""
        given = {"rater": "ann", "queue": "", "key": f"{len(self.events())}-{row}"} | more
        given |= {"row": row, "answer": list(answer)}
        answered = session.post(f"{self.url}/api/answers", json=given)
        assert answered.status_code == 200, answered.text
        return answered.json()


@contextmanager
def serving(shown: Collection, labels: Path) -> Iterator[Bench]:
    """A server in a thread while the block runs."""
    from hubblefork.workbench import server

    with server.serving(shown, labels) as links:
        yield Bench(links, labels, shown)


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[[Collection], Bench]]:
    """Serves collections until the test ends."""
    pytest.importorskip("starlette")
    pytest.importorskip("uvicorn")
    with ExitStack() as stack:
        yield lambda shown, name="labels.jsonl": stack.enter_context(
            serving(shown, tmp_path / name)
        )


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A workbench that the tests of a module share."""
    pytest.importorskip("starlette")
    pytest.importorskip("uvicorn")
    folder = tmp_path_factory.mktemp("bench")
    with serving(collection(redshift=np.linspace(0, 1, 60)), folder / "labels.jsonl") as running:
        yield running
