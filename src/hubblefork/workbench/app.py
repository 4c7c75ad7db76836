"""What the workbench answers: its pages, images by row number, and JSON.

GET reads. POST changes, and every change is an event of the label store: an answer, an undo, and
predictions that were shown, so that what a rater knew when answering is known later.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import numpy as np
import pyarrow as pa
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from hubblefork.core.errors import RequestError
from hubblefork.core.temporary import scratch_folder
from hubblefork.report.page import render_part, stylesheet
from hubblefork.workbench import raters
from hubblefork.workbench.bodies import TooMuch, rater_name, read_json
from hubblefork.workbench.data import OF_THE_MODEL, Collection
from hubblefork.workbench.export import labels_table, write_whole
from hubblefork.workbench.look import look_routes
from hubblefork.workbench.loop import Loop
from hubblefork.workbench.map_colours import map_routes
from hubblefork.workbench.queues import Queues
from hubblefork.workbench.security import wants_page
from hubblefork.workbench.seen import Seen
from hubblefork.workbench.store import Labels, LabelStore, read_labels
from hubblefork.workbench.uploads import upload_routes
from hubblefork.workbench.why import Why

_MOST_ROWS = 1000

_MEDIA = {
    "csv": "text/csv",
    "parquet": "application/vnd.apache.parquet",
    "fits": "application/fits",
    "vot": "application/x-votable+xml",
}


def create_app(collection: Collection, store: LabelStore, title: str, rater: str) -> Starlette:
    """The application, without what guards it.

    title: of the pages. rater: who answers, unless another name is given in the page.
    """
    seen, why = Seen(collection, store), Why(collection)
    bench = _Bench(collection, store, seen, title, rater)
    return Starlette(
        routes=[
            Route("/", bench.page("grid")),
            Route("/label", bench.page("label")),
            Route("/queues", bench.page("queues")),
            Route("/map", bench.page("map")),
            Route("/raters", bench.page("raters")),
            Route("/loop", bench.page("loop")),
            Route("/export", bench.page("export")),
            Route("/look", bench.page("look")),
            Route("/drop", bench.page("drop")),
            Route("/report.css", _report_css),
            Mount("/static", StaticFiles(packages=[("hubblefork.workbench", "static")])),
            Route("/image/{row:int}", bench.image),
            Route("/labels.{ending}", bench.table("labels", labels_table)),
            Route("/agreement.{ending}", bench.table("agreement", raters.agreement_table)),
            Route("/api/about", bench.about),
            Route("/api/rows", bench.rows),
            Route("/api/queues", bench.queues),
            Route("/api/raters", bench.raters),
            Route("/api/tiles", bench.tiles),
            Route("/api/shown", bench.shown, methods=["POST"]),
            Route("/api/offered", bench.offered, methods=["POST"]),
            Route("/api/answers", bench.answer, methods=["POST"]),
            Route("/api/undo", bench.undo, methods=["POST"]),
            *look_routes(collection, seen, why),
            *upload_routes(collection, seen, why),
            *map_routes(collection),
            Route("/api/loop", bench.loop),
            Route("/api/batch", bench.batch, methods=["POST"]),
        ],
        exception_handlers={
            RequestError: _mistake,
            OSError: _failure,
            404: bench.missing,
            ClientDisconnect: lambda request, error: Response(status_code=400),
        },
    )


class _Bench:
    """The answers to requests; plain functions among them run in threads."""

    def __init__(
        self, collection: Collection, store: LabelStore, seen: Seen, title: str, rater: str
    ) -> None:
        self._collection, self._store, self._seen = collection, store, seen
        self._title, self._rater = title, rater
        self._loop = Loop(collection, store)
        self._queues = Queues(collection, store)

    def page(self, name: str) -> Any:
        def show(request: Request) -> Response:
            text = render_part(
                f"templates/{name}.html", package=__package__, title=self._title, here=name
            )
            return Response(text, media_type="text/html")

        return show

    def missing(self, request: Request, error: Exception) -> Response:
        """No such page; in a browser with the way to the others."""
        if not wants_page(request.headers):
            return JSONResponse({"error": f"nothing is at {request.url.path}"}, 404)
        text = render_part(
            "templates/missing.html", package=__package__, title=self._title, here=""
        )
        return Response(text, 404, media_type="text/html")

    def about(self, request: Request) -> Response:
        collection = self._collection
        return JSONResponse(
            {
                "title": self._title,
                "images": len(collection),
                "version": collection.dataset.key[:12],
                "rater": self._rater,
                "model": bool(collection.model),
                "filters": collection.filters,
                "of_the_model": OF_THE_MODEL,
                "queues": [
                    {"name": each.name, "title": each.title}
                    for each in self._queues.by_name.values()
                    if each.rows is not None
                ],
                "questions": collection.questions.to_json(),
            }
        )

    def image(self, request: Request) -> Response:
        # The page asks with the dataset's key behind it, so another dataset has other addresses.
        return Response(
            self._collection.jpeg(request.path_params["row"]),
            media_type="image/jpeg",
            headers={"cache-control": "private, max-age=604800, immutable"},
        )

    def rows(self, request: Request) -> Response:
        """Rows by filters and a queue; with `unanswered`, without what this rater has answered."""
        query = dict(request.query_params)
        rater = query.pop("unanswered", None)
        rows = self._wanted(query, rater).tolist()
        return JSONResponse({"rows": rows, "tells": self._queues.tells(query)})

    def queues(self, request: Request) -> Response:
        pair = self._collection.pair
        rater = request.query_params.get("rater", self._rater)
        told = {"queues": self._queues.to_json(rater), "runs": pair and pair.to_json()}
        return JSONResponse(told)

    def raters(self, request: Request) -> Response:
        labels = read_labels(self._store.path)
        return JSONResponse(raters.to_json(self._collection, labels))

    def _wanted(self, query: Mapping[str, str], rater: str | None = None) -> np.ndarray:
        """The rows of a query: by filters and a queue, or those of a batch of the loop.

        rater: leave out what this one has answered.
        """
        if set(query) == {"batch"}:
            rows = self._loop.rows(query["batch"])
            return rows if rater is None else self._queues.left(rows, rater)
        return self._queues.rows(query, rater)

    def tiles(self, request: Request) -> Response:
        try:
            rows = [int(each) for each in request.query_params.get("rows", "").split(",") if each]
        except ValueError:
            raise RequestError("rows: expected whole numbers, such as 0,1,2") from None
        return JSONResponse({"tiles": self._collection.tiles(_few(rows))})

    async def shown(self, request: Request) -> Response:
        """What the model says of some images, which is noted."""
        given = await read_json(request, rater=str, rows=list)
        rater, rows = rater_name(given["rater"]), _few(given["rows"])
        told = self._collection.predicted(rows)
        await run_in_threadpool(self._seen.note, request, rater, rows)
        return JSONResponse({"tiles": told})

    async def offered(self, request: Request) -> Response:
        """Which images a page is about to show, and by which query: noted if that tells of them."""
        given = await read_json(request, rater=str, rows=list, query=str)
        rater, rows = rater_name(given["rater"]), _few(given["rows"])
        tells = self._queues.tells(dict(parse_qsl(given["query"], keep_blank_values=True)))
        if tells:
            await run_in_threadpool(self._seen.note, request, rater, rows)
        return JSONResponse({"tells": tells})

    async def answer(self, request: Request) -> Response:
        """Store an answer; only then tell what the model and others say."""
        given = await read_json(request, rater=str, row=int, answer=list, queue=str, key=str)
        return await run_in_threadpool(self._answer, request, given)

    def _answer(self, request: Request, given: Mapping[str, Any]) -> Response:
        collection, rater, row = self._collection, rater_name(given["rater"]), given["row"]
        image = collection.image(row)
        collection.questions.path(given["answer"])
        queue = dict(parse_qsl(given["queue"], keep_blank_values=True))
        self._wanted(queue)
        stored = self._store.answer(
            rater, image, given["answer"], key=given["key"], model=collection.model,
            queue=self._loop.tagged(given["queue"], image),
            shown=self._queues.tells(queue) or self._seen.in_browser(request, row),
        )  # fmt: skip
        if collection.model:
            self._seen.note(request, rater, [row])
        others = {
            each.rater: each.answer
            for each in self._store.standing()
            if (each.image, each.digest) == image and each.rater != rater
        }
        compared = collection.compare(row, others | {rater: stored.answer})
        return JSONResponse({"number": stored.number, "compared": compared})

    async def undo(self, request: Request) -> Response:
        given = await read_json(request, rater=str)
        taken = await run_in_threadpool(self._store.undo, rater_name(given["rater"]))
        row = None if taken is None else self._collection.row((taken.image, taken.digest))
        return JSONResponse({"row": row, "undone": None if taken is None else taken.number})

    def loop(self, request: Request) -> Response:
        """The learning curve, and the last batch of a rater."""
        rater = rater_name(request.query_params.get("rater", ""))
        return JSONResponse(self._loop.told(rater))

    async def batch(self, request: Request) -> Response:
        """A new batch of images to label."""
        given = await read_json(request, rater=str)
        rater = rater_name(given["rater"])
        number = await run_in_threadpool(self._loop.next_batch, rater)
        return JSONResponse({"batch": number})

    def table(self, name: str, make: Callable[[Labels], pa.Table]) -> Any:
        """A table of the labels as a file, in the format of its ending."""

        def download(request: Request) -> Response:
            ending = request.path_params["ending"]
            if ending not in _MEDIA:
                raise RequestError(f"{name}.{ending}: expected one of {', '.join(_MEDIA)}")
            with scratch_folder() as folder:
                path = Path(folder) / f"{name}.{ending}"
                write_whole(make(read_labels(self._store.path)), path)
                content = path.read_bytes()
            disposition = {"content-disposition": f'attachment; filename="{name}.{ending}"'}
            return Response(content, media_type=_MEDIA[ending], headers=disposition)

        return download


def _report_css(request: Request) -> Response:
    return Response(stylesheet(), media_type="text/css")


def _few(rows: list[Any]) -> list[Any]:
    if len(rows) > _MOST_ROWS:
        raise TooMuch(f"{len(rows):,} rows; expected at most {_MOST_ROWS:,}")
    return rows


def _mistake(request: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, getattr(error, "status", 400))


def _failure(request: Request, error: Exception) -> Response:
    """A disk that is full, say: nothing was stored, and the server lives."""
    return JSONResponse({"error": f"not stored: {getattr(error, 'strerror', None) or error}"}, 507)
