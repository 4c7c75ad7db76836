"""What the model says of an image, and why: as `explain IMAGE` finds it, one image at a time."""

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import numpy as np
from starlette.concurrency import run_in_threadpool

from hubblefork.core.errors import RequestError
from hubblefork.data.images.blocks import digest_of
from hubblefork.explanation.measured_method import MethodChoice
from hubblefork.report.run_data import displayable
from hubblefork.workbench.data import COVERAGE, Collection, as_jpeg
from hubblefork.workbench.questions import by_question, plain
from hubblefork.workbench.turns import Turns

if TYPE_CHECKING:  # they load torch, which is not needed to look at images
    from hubblefork.explanation.neighbours import ReferenceImages
    from hubblefork.explanation.single_image import ImageExplanation
    from hubblefork.models.predictor import Predictor

# Explanations whose maps are kept; each holds a few images of a hundred kilobytes.
_KEPT = 64


class Why:
    """The model of a collection, which is asked by one at a time."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection
        self._turns = Turns()
        self._reference: ReferenceImages | None = None
        self._looked = collection.reference is None
        self._told: OrderedDict[str, tuple[dict[str, Any], list[bytes]]] = OrderedDict()

    @property
    def predictor(self) -> "Predictor":
        """RequestError where there is none."""
        if self._collection.predictor is None:
            raise RequestError("there is no model: serve a run")
        return self._collection.predictor

    async def answer(self, image: np.ndarray) -> dict[str, Any]:
        """What the model says of an image (H, W, C) that is framed as its training images were."""
        async with self._turns.turn():
            return await run_in_threadpool(self._answer, image)

    def _answer(self, image: np.ndarray) -> dict[str, Any]:
        from hubblefork.prediction.predict import predict_images

        predictor = self.predictor
        found = predict_images(predictor, image)
        if found.problems is not None and found.problems[0]:
            raise RequestError(found.problems[0])
        known = self._collection.predictions
        has_sets = known is not None and known.sets is not None
        sets = predictor.sets(found.values, COVERAGE) if has_sets else None
        return told(self._collection, found.values[0], found.typicality, sets)

    async def explain(self, key: str, image: np.ndarray, identifier: str) -> dict[str, Any]:
        """Why the model says what it says of an image; `key` names it in addresses."""
        async with self._turns.turn():
            if key not in self._told:
                self._told[key] = await run_in_threadpool(self._explain, image, identifier)
                if len(self._told) > _KEPT:
                    self._told.popitem(last=False)
            return self._told[key][0]

    def map(self, key: str, place: int) -> bytes:
        """A map over its image, as JPEG; RequestError where it was not asked for before."""
        maps = self._told[key][1] if key in self._told else []
        if place >= len(maps):
            raise RequestError("there is no such map (any more): explain the image again")
        return maps[place]

    def reference_jpeg(self, place: int) -> bytes:
        """A training image."""
        reference = self._reference
        if reference is None or place >= len(reference.ids):
            raise RequestError(f"training image {place} is not there")
        return as_jpeg(reference.image(place))

    def _explain(self, image: np.ndarray, identifier: str) -> tuple[dict[str, Any], list[bytes]]:
        from hubblefork.explanation.single_image import explain_image
        from hubblefork.report.explain_image_section import sentences
        from hubblefork.report.overlay import overlay

        if not self._looked and self._collection.reference is not None:
            self._reference, self._looked = self._collection.reference(), True
        choice = self._collection.method or MethodChoice(None, "")
        found = explain_image(
            self.predictor, image, identifier, choice.method, reference=self._reference
        )
        words, names = found.task.words, found.task.names
        maps = [
            {
                "name": words.names[place],
                "text": words.told(found.values, place),
                "empty": each.empty,
            }
            for each in found.attributions
            for place in [names.index(each.target)]
        ]
        drawn = [as_jpeg(overlay(displayable(each.seen), each.map)) for each in found.attributions]
        return {
            "row": {name: plain(value) for name, value in found.row().items()},
            "sentences": list(sentences(found)),
            "why_method": choice.why,
            "maps": maps,
            "neighbours": self._neighbours(found),
        }, drawn

    def _neighbours(self, found: "ImageExplanation") -> list[dict[str, Any]]:
        if found.neighbours is None or found.reference is None:
            return []
        told = []
        for place, similarity in zip(
            found.neighbours.rows[0].tolist(), found.neighbours.similarity[0].tolist(), strict=True
        ):
            identifier = str(found.reference.ids[place])
            digest = digest_of(found.reference.image(place).tobytes())
            told.append({
                "place": place, "row": self._collection.row((identifier, digest)),
                "id": identifier, "label": str(found.reference.descriptions[place]),
                "similarity": similarity,
            })  # fmt: skip
        return told


def told(
    collection: Collection, values: np.ndarray, typicality: np.ndarray | None,
    sets: np.ndarray | None, true: np.ndarray | None = None,
) -> dict[str, Any]:  # fmt: skip
    """What a model says of one image, beside its label where it has one.

    values: (K,). typicality: (1,). sets: (1, K). true: (1, ...) as the task has it.
    """
    questions = collection.questions
    columns = {"Model": values}
    if true is not None:
        columns[questions.beside] = questions.task.pooled(true[:, None])[0]
    names = questions.task.words.names
    return {
        "prediction": str(questions.task.words.answers(values[None])[0]),
        "probability": plain(values[questions.task.leading(values[None])[0]]),
        "typicality": None if typicality is None else plain(typicality[0]),
        "set": None if sets is None else [names[k] for k in np.flatnonzero(sets[0])],
        "coverage": COVERAGE,
        "columns": list(columns),
        "groups": by_question(questions.asked, columns),
    }
