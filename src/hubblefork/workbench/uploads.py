"""Images that are dropped into the page: predicted as `predict` does it, and forgotten.

A file comes as the body of a request, without a name. Before it is decoded its size is limited and
the time in which it has to arrive; its pixels are by what decodes it, in a process of its own.
"""

from collections import OrderedDict
from itertools import count

import numpy as np
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hubblefork.core.errors import RequestError
from hubblefork.data.images.blocks import digest_of
from hubblefork.workbench.bodies import rater_name, read_body, read_json
from hubblefork.workbench.data import Collection, as_jpeg
from hubblefork.workbench.decoding import Decoder
from hubblefork.workbench.seen import Seen
from hubblefork.workbench.turns import Turns
from hubblefork.workbench.why import Why

MOST_UPLOADED = 64 << 20
UPLOAD_SECONDS = 60.0
# Bodies that are in memory at once.
_ARRIVING = 4
# Images that can still be looked at and explained, of some tens of kilobytes each.
_KEPT = 200


def upload_routes(collection: Collection, seen: Seen, why: Why) -> list[Route]:
    """What the page for files asks for."""
    uploads = _Uploads(collection, seen, why)
    return [
        Route("/api/uploads", uploads.add, methods=["POST"]),
        Route("/api/uploads/{number:int}", uploads.explain, methods=["POST"]),
        Route("/upload/{number:int}", uploads.image),
        Route("/map/upload-{number:int}/{place:int}", uploads.map),
    ]


class _Uploads:
    def __init__(self, collection: Collection, seen: Seen, why: Why) -> None:
        self._collection, self._seen = collection, seen
        self._why, self._decoder = why, Decoder()
        self._arriving, self._decoding = Turns(_ARRIVING), Turns(waiting=_ARRIVING)
        self._images: OrderedDict[int, np.ndarray] = OrderedDict()
        self._numbers = count(1)

    async def add(self, request: Request) -> Response:
        """Predict the image that a request holds; noted where it is one that can be labelled."""
        predictor, rater = self._why.predictor, rater_name(request.query_params.get("rater", ""))
        async with self._arriving.turn():
            body = await read_body(request, MOST_UPLOADED, UPLOAD_SECONDS)
            async with self._decoding.turn():
                image = await run_in_threadpool(
                    self._decoder.read, body, predictor.framing, predictor.card.colours
                )
        told = await self._why.answer(image)
        if rows := self._collection.rows_of(digest_of(image.tobytes())):
            await run_in_threadpool(self._seen.note, request, rater, rows)
        number = next(self._numbers)
        self._images[number] = image
        if len(self._images) > _KEPT:
            self._images.popitem(last=False)
        return JSONResponse({"number": number, **told})

    async def explain(self, request: Request) -> Response:
        """Why the model says so of an image that was sent before."""
        await read_json(request)
        number = request.path_params["number"]
        image = self._image(number)
        return JSONResponse(await self._why.explain(f"upload-{number}", image, "the image"))

    def map(self, request: Request) -> Response:
        key = f"upload-{request.path_params['number']}"
        content = self._why.map(key, request.path_params["place"])
        return Response(content, media_type="image/jpeg")

    def image(self, request: Request) -> Response:
        """An image that was sent, as the model sees it."""
        content = as_jpeg(self._image(request.path_params["number"]))
        return Response(content, media_type="image/jpeg")

    def _image(self, number: int) -> np.ndarray:
        if number not in self._images:
            raise RequestError("this image is no longer kept: send it again")
        return self._images[number]
