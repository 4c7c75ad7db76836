"""The colours of the map, and what else its page asks for."""

from typing import Any

import numpy as np
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hubblefork.core.errors import RequestError, nearest
from hubblefork.workbench.bodies import read_json
from hubblefork.workbench.data import Collection
from hubblefork.workbench.turns import Turns

# Ranges of a column of numbers, each with about as many images.
_RANGES = 6


def map_routes(collection: Collection) -> list[Route]:
    """What the page of the map asks for."""
    answers = _Map(collection)
    return [
        Route("/api/map", answers.compute, methods=["POST"]),
        Route("/api/map/places", answers.places),
        Route("/api/map/groups", answers.groups),
        Route("/api/map/codes", answers.codes),
    ]


class _Map:
    def __init__(self, collection: Collection) -> None:
        self._collection, self._turns = collection, Turns()

    async def compute(self, request: Request) -> Response:
        """Compute the places, unless they are there: it takes up to half a minute."""
        await read_json(request)
        async with self._turns.turn():
            await run_in_threadpool(self._collection.map.compute)
        return JSONResponse({"images": len(self._collection)})

    def places(self, request: Request) -> Response:
        """x and y of each image, two bytes each, the lower one first."""
        return _bytes(self._collection.map.places.astype("<u2"))

    def groups(self, request: Request) -> Response:
        """The groups of a column, as a legend has them."""
        found, _ = groups(self._collection, request.query_params.get("column", ""))
        return JSONResponse({"groups": found})

    def codes(self, request: Request) -> Response:
        """The group of each image, one byte each."""
        return _bytes(groups(self._collection, request.query_params.get("column", ""))[1])


def groups(collection: Collection, column: str) -> tuple[list[dict[str, Any]], np.ndarray]:
    """Groups of images by a column, and the group of each image (N,) uint8.

    Of each group: its text, how many images it has, and the value of a filter that gives exactly
    these; None where there is no such filter, as for images without a value. The values of a
    choice come by how common they are, numbers as ranges of about as many images each.
    RequestError for a column that is not there, or of too many different texts.
    """
    kinds = {each["name"]: each["kind"] for each in collection.filters}
    if column not in kinds:
        raise RequestError(f"no column is called {column!r}; {nearest(column, kinds)}")
    if kinds[column] == "text":
        raise RequestError(f"{column} has too many different values to colour by")
    values = collection.facts[column]
    if kinds[column] == "number":
        return _ranges(values.to_numpy(float, na_value=np.nan))
    text = values.astype(object).where(values.notna(), "").map(str)
    names = text.value_counts().index.tolist()
    codes = text.map({name: place for place, name in enumerate(names)}).to_numpy(np.uint8)
    found = [{"text": name or "no value", "value": name or None} for name in names]
    return _counted(found, codes)


def _ranges(numbers: np.ndarray) -> tuple[list[dict[str, Any]], np.ndarray]:
    known = np.isfinite(numbers)
    finite = numbers[known]
    inner = np.linspace(0, 1, _RANGES + 1)[1:-1]
    limits = np.unique(np.quantile(finite, inner, method="lower")) if len(finite) else finite
    codes = np.searchsorted(limits, numbers).astype(np.uint8)
    # From the first to the last value of each range that has any, so that none is in two.
    used, places = np.unique(codes[known], return_inverse=True)
    codes[known] = places
    found: list[dict[str, Any]] = []
    for code in range(len(used)):
        low, high = float(finite[places == code].min()), float(finite[places == code].max())
        text = f"{low:.4g}" if low == high else f"{low:.4g} to {high:.4g}"
        found.append({"text": text, "value": f"{low!r}..{high!r}"})
    if not known.all():
        codes[~known] = len(found)
        found.append({"text": "no value", "value": None})
    return _counted(found, codes)


def _counted(
    found: list[dict[str, Any]], codes: np.ndarray
) -> tuple[list[dict[str, Any]], np.ndarray]:
    counts = np.bincount(codes, minlength=len(found)).tolist()
    return [each | {"count": count} for each, count in zip(found, counts, strict=True)], codes


def _bytes(content: np.ndarray) -> Response:
    return Response(content.tobytes(), media_type="application/octet-stream")
