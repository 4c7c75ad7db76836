"""One image: what is known of it, how its counts look, what the model says and why."""

from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hubblefork.core.errors import RequestError
from hubblefork.sky.display import Display, displayed
from hubblefork.sky.links import object_links
from hubblefork.workbench.bodies import rater_name, read_json
from hubblefork.workbench.counts import Counts
from hubblefork.workbench.data import Collection, as_jpeg
from hubblefork.workbench.questions import plain
from hubblefork.workbench.seen import Seen
from hubblefork.workbench.turns import Turns
from hubblefork.workbench.why import Why, told

# Pixels of the longer side of what is shown of an image of counts: a window is not larger.
_LARGEST = 1024


def look_routes(collection: Collection, seen: Seen, why: Why) -> list[Route]:
    """What the page of one image asks for."""
    look = _Look(collection, seen, why)
    return [
        Route("/api/image/{row:int}", look.facts),
        Route("/api/counts/{row:int}", look.counts),
        Route("/display/{row:int}", look.display),
        Route("/map/row-{row:int}/{place:int}", look.map),
        Route("/training/{place:int}", look.training_image),
        Route("/api/look", look.look, methods=["POST"]),
        Route("/api/why", look.explain, methods=["POST"]),
    ]


class _Look:
    def __init__(self, collection: Collection, seen: Seen, why: Why) -> None:
        self._collection, self._seen, self._why = collection, seen, why
        self._counts, self._turns = Counts(collection), Turns()

    def facts(self, request: Request) -> Response:
        """What came with an image, and where it is on the sky; nothing of what the model says."""
        row, collection = request.path_params["row"], self._collection
        (tile,) = collection.tiles([row])
        table = collection.dataset.table
        ours = [*collection.dataset.task.label_columns, "id", "digest"]
        others = table.columns.difference(ours, sort=False)
        known = {name: _fact(table[name].iloc[row]) for name in others}
        place = [_number(table[name].iloc[[row]]) for name in ("ra", "dec") if name in table]
        return JSONResponse(
            tile
            | {
                "facts": {name: value for name, value in known.items() if value not in (None, "")},
                "links": object_links(*place) if len(place) == 2 else {},
                "counts": self._counts.are_there(row),
            }
        )

    async def counts(self, request: Request) -> Response:
        """How many bands an image has, and the range of its counts."""
        counts = await self._read(request)
        known = counts[np.isfinite(counts)]
        low, high = (plain(each()) for each in (known.min, known.max)) if known.size else (0, 1)
        return JSONResponse({"bands": counts.shape[2], "low": low, "high": high})

    async def display(self, request: Request) -> Response:
        """An image of counts with another stretch."""
        query = request.query_params
        try:
            bands = [int(each) for each in query.get("bands", "0").split(",")]
        except ValueError:
            raise RequestError("bands: expected whole numbers, such as 0 or 2,1,0") from None
        how = Display(query.get("scale", "asinh"), query.get("limits", "percentiles"), bands)
        counts = await self._read(request)
        async with self._turns.turn():
            content = await run_in_threadpool(_drawn, counts, how)
        return Response(content, media_type="image/jpeg")

    async def _read(self, request: Request) -> np.ndarray:
        async with self._turns.turn():
            return await run_in_threadpool(self._counts.of, request.path_params["row"])

    def map(self, request: Request) -> Response:
        """A map that was asked for by `explain`, for the browser that was told."""
        row = request.path_params["row"]
        if not self._seen.in_browser(request, row):
            raise RequestError(f"image {row} has to be explained first")
        content = self._why.map(f"row-{row}", request.path_params["place"])
        return Response(content, media_type="image/jpeg")

    def training_image(self, request: Request) -> Response:
        content = self._why.reference_jpeg(request.path_params["place"])
        return Response(content, media_type="image/jpeg")

    async def look(self, request: Request) -> Response:
        """What the model says of an image, which is noted."""
        row = await self._shown(request)
        return JSONResponse(self._told(row))

    async def explain(self, request: Request) -> Response:
        """Why it says so, which is noted too."""
        row = await self._shown(request)
        image, (identifier, _) = self._collection.dataset.images[row], self._collection.image(row)
        return JSONResponse(await self._why.explain(f"row-{row}", np.array(image), identifier))

    async def _shown(self, request: Request) -> int:
        given = await read_json(request, rater=str, row=int)
        rater, row = rater_name(given["rater"]), given["row"]
        if self._collection.predictions is None:
            raise RequestError("there is no model: serve a run")
        await run_in_threadpool(self._seen.note, request, rater, [row])
        return int(row)

    def _told(self, row: int) -> dict[str, Any]:
        collection, found = self._collection, self._collection.predictions
        assert found is not None  # `_shown` refuses
        one = slice(row, row + 1)
        return told(
            collection,
            found.values[row],
            None if found.typicality is None else found.typicality[one],
            None if found.sets is None else found.sets[one],
            None if collection.true is None else collection.true[one],
        )


def _fact(value: Any) -> Any:
    """A cell of a catalogue for JSON: a number, or text; None where it is empty.

    Whole numbers are text: browsers keep fifteen of the digits of an identifier.
    """
    if isinstance(value, Real) and not isinstance(value, Integral):
        return plain(value)
    return None if pd.isna(value) is True else str(value)


def _number(cell: pd.Series) -> float:
    return float(pd.to_numeric(cell, errors="coerce").to_numpy(float, na_value=np.nan)[0])


def _drawn(counts: np.ndarray, how: Display) -> bytes:
    image = Image.fromarray(displayed(counts, how))
    image.thumbnail((_LARGEST, _LARGEST), Image.Resampling.LANCZOS)
    return as_jpeg(np.asarray(image))
