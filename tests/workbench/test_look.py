"""The page of one image, and images that are dropped in: as `explain` and `predict` have them."""

import gzip
import io
import os
import signal
import socket
import struct
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from PIL import Image

from hubblefork.core.errors import RequestError
from hubblefork.models.predictor import Predictor
from hubblefork.sky.links import object_links
from hubblefork.workbench.decoding import Decoder
from hubblefork.workflow.explain import explain
from hubblefork.workflow.predict import predict
from hubblefork.workflow.serve import open_collection
from tests.workbench import test_pages as pages
from tests.workbench.conftest import Bench, collection, galaxies, serving

opened, expect = pages.opened, pages.expect

pytest.importorskip("starlette")


@pytest.fixture(scope="module")
def counted(shapes: Path, tmp_path_factory) -> Path:
    """A folder of FITS files of three bands with places on the sky."""
    folder = tmp_path_factory.mktemp("sky")
    for place, path in enumerate(sorted(shapes.glob("*/* [0-2].png"))):
        bands = np.moveaxis(np.asarray(Image.open(path), np.float32), 2, 0)[::-1, ::-1]
        image = fits.ImageHDU(bands * 3 - 20, name="SCI")
        image.header.update(
            CTYPE1="RA---TAN", CTYPE2="DEC--TAN", CRVAL1=150.0 + place, CRVAL2=2.0, CRPIX1=16.5,
            CRPIX2=16.5, CDELT1=-1e-4, CDELT2=1e-4,
        )  # fmt: skip
        weight = fits.ImageHDU(np.ones((3, 32, 32), np.float32), name="WHT")
        file = folder / path.parent.name / f"{path.stem}.fits"
        file.parent.mkdir(exist_ok=True)
        fits.HDUList([fits.PrimaryHDU(), weight, image]).writeto(file)
    return folder


@pytest.fixture(scope="module")
def own(example_run, tmp_path_factory) -> Iterator[Bench]:
    """The workbench of a run."""
    shown = open_collection(example_run.path, device="cpu")
    with serving(shown, tmp_path_factory.mktemp("own") / "labels.jsonl") as bench:
        yield bench


@pytest.fixture(scope="module")
def sky(example_run, counted, tmp_path_factory) -> Iterator[Bench]:
    """The workbench of its model with FITS files."""
    shown = open_collection(example_run.path, counted, device="cpu")
    with serving(shown, tmp_path_factory.mktemp("sky") / "labels.jsonl") as bench:
        yield bench


@pytest.fixture(scope="module")
def session(own):
    return own.session()


def look(opened, bench: Bench, path: str, width: int = 1280, context=None, **options):
    page = opened(bench, "/export", width, context, **options)
    page.goto(bench.url + path)
    return page


def content(pixels: np.ndarray, kind: str, **options) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, kind, **options)
    return stream.getvalue()


PIXELS = np.random.default_rng(3).integers(0, 255, (40, 36, 3), np.uint8)


def test_why_is_what_explain_says(own, session, example_run, shapes, tmp_path):
    table = own.collection.dataset.table
    row = int(np.flatnonzero(table["id"].str.contains("disc 7"))[0])
    explained = explain(example_run.path, shapes / table["origin"][row], out=tmp_path / "why")
    found = session.post(f"{own.url}/api/why", json={"rater": "eve", "row": row}).json()
    expected = explained.table.iloc[0].to_dict()
    assert set(expected) - set(found["row"]) == {"overlay"}
    for name, value in found["row"].items():
        if isinstance(value, str):
            assert value == expected[name] or name == "id"  # there, its path
        else:
            assert value == pytest.approx(float(expected[name]), rel=1e-5)
    assert found["why_method"] in explained.page.read_text()
    near = found["neighbours"]
    assert "|".join(each["id"] for each in near) == expected["neighbours"]
    assert "|".join(each["label"] for each in near) == expected["neighbour_labels"]
    assert [table["id"][each["row"]] for each in near] == [each["id"] for each in near]
    lines = (explained.path / "neighbours.csv").read_text().splitlines()[1:]
    similarity = [float(line.rpartition(",")[2]) for line in lines]
    assert [each["similarity"] for each in near] == pytest.approx(similarity, rel=1e-5)
    for place in range(len(found["maps"])):
        answer = session.get(f"{own.url}/map/row-{row}/{place}")
        assert Image.open(io.BytesIO(answer.content)).size == (256, 256)
    assert session.get(f"{own.url}/map/row-{row}/9").status_code == 400
    assert '"rater": "eve"' in own.events()[-1]  # who was shown it


def test_what_the_model_says_is_its_prediction(own, session, example_run):
    told = session.post(f"{own.url}/api/look", json={"rater": "eve", "row": 4}).json()
    predictor = Predictor.load(example_run.path, "cpu")
    answer = predictor.answer(own.collection.dataset.images[4:5])
    values = [each["values"][0] for each in told["groups"][0]["answers"]]
    assert values == pytest.approx(answer.values[0].tolist(), abs=1e-6)
    assert told["typicality"] == pytest.approx(float(answer.typicality[0]), abs=1e-6)
    assert told["columns"] == ["Model", "Label"]


def test_a_tree_is_told_question_by_question_beside_the_volunteers(serve):
    bench = serve(galaxies())
    told = bench.session().post(f"{bench.url}/api/look", json={"rater": "eve", "row": 2}).json()
    assert (told["columns"], told["set"]) == (["Model", "Volunteers"], None)
    values = [each["values"] for group in told["groups"] for each in group["answers"]]
    expected = [bench.collection.predictions.values[2], bench.collection.true[2]]
    np.testing.assert_allclose(values, np.stack(expected, axis=1), rtol=1e-6)


def test_an_image_is_gone_through_by_keys_and_neighbours_are_links(own, opened):
    page = look(opened, own, "/look?label=disc&at=40")
    rows = own.collection.rows({"label": "disc"})
    assert rows[0] == 40
    place = page.locator("#place")
    expect(place).to_have_text("1 of 40")
    assert page.locator("#told").inner_text() == ""
    for key, text in (
        ("ArrowRight", "2 of 40"),
        ("ArrowRight", "3 of 40"),
        ("ArrowLeft", "2 of 40"),
    ):
        page.keyboard.press(key)
        expect(place).to_have_text(text)
    assert page.locator("#image").get_attribute("data-row") == str(rows[1])
    page.keyboard.press("m")
    expect(page.locator("#told table")).to_have_count(1)
    assert page.url.endswith("at=41&show=model")
    page.keyboard.press("w")
    expect(page.locator("#why .near a")).to_have_count(5)
    expect(page.locator("#why img")).to_have_count(7)
    loaded = "[...document.querySelectorAll('#why img')].every((each) => each.naturalWidth)"
    pages.until(page, loaded)
    name = page.locator("#why .near img").first.get_attribute("alt").removeprefix("Training image ")
    page.locator("#why .near a").first.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#name")).to_have_text(name)
    page.keyboard.press("l")
    page.locator("#choices button").first.wait_for()
    assert page.locator("#image").get_attribute("data-row") == page.url.rpartition("at=")[2]


def test_labelling_leads_to_what_the_model_says_only_after_the_answer(own, opened):
    page = opened(own, "/label")
    page.wait_for_load_state("networkidle")
    assert page.locator("a[href^='/look']").count() == 0
    now = page.locator("#image").get_attribute("data-row")
    page.keyboard.press("1")
    page.locator("a[href^='/look']").click()
    expect(page.locator("#told table")).to_have_count(1)
    assert page.locator("#image").get_attribute("data-row") == now


def test_hostile_names_are_text_here_too(serve, opened):
    numbers = [1237648720693755910 + each for each in range(9)]
    columns = {pages.HOSTILE[0]: list(pages.HOSTILE) * 3, "objid": numbers}
    bench = serve(collection(9, names=pages.HOSTILE, ids="<svg onload=alert(2)>{}", **columns))
    page = look(opened, bench, "/look?at=2&show=model")
    expect(page.locator("#name")).to_have_text("<svg onload=alert(2)>2")
    expect(page.locator("#told tbody th").first).to_have_text(pages.HOSTILE[0])
    expect(page.locator("#facts dd")).to_have_text([pages.HOSTILE[2], "1237648720693755912"])
    expect(page.locator("#told dl")).to_contain_text("Prediction set, 95")


def test_a_stretch_changes_what_is_seen_and_not_what_is_predicted(sky, opened):
    session = sky.session()
    told = session.post(f"{sky.url}/api/look", json={"rater": "eve", "row": 0}).json()
    assert session.get(f"{sky.url}/api/counts/0").json()["bands"] == 3
    seen = {
        query: session.get(f"{sky.url}/display/0?{query}").content
        for query in ("scale=asinh", "scale=linear", "scale=linear&limits=0..900", "bands=2,1,0",
                      "limits=zscale", "bands=2")
    }  # fmt: skip
    assert len(set(seen.values())) == len(seen)
    assert Image.open(io.BytesIO(seen["bands=2"])).size == (32, 32)
    assert Image.open(io.BytesIO(seen["bands=2,1,0"])).mode == "RGB"
    for query in ("scale=log", "bands=7", "bands=x", "bands=0,1", "limits=9..1"):
        answer = session.get(f"{sky.url}/display/0?{query}")
        assert answer.status_code == 400
        assert "\n" not in answer.json()["error"]
    page = look(opened, sky, "/look?at=0")
    picture = page.locator("#image img")
    packed = picture.get_attribute("src")
    page.get_by_label("Display", exact=True).select_option("linear")
    expect(picture).to_have_attribute(
        "src", "/display/0?scale=linear&limits=percentiles&bands=2%2C1%2C0"
    )
    expect(picture).to_have_js_property("naturalWidth", 32)
    page.get_by_label("or counts").fill("9..1")
    page.get_by_label("or counts").press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("expected zscale")
    page.get_by_label("Limits").select_option("zscale")
    expect(page.get_by_role("alert")).to_be_hidden()
    page.get_by_label("Display", exact=True).select_option("")
    expect(picture).to_have_attribute("src", packed)
    again = session.post(f"{sky.url}/api/look", json={"rater": "eve", "row": 0}).json()
    assert again == told


def test_places_on_the_sky_are_links_that_are_only_followed_by_a_click(sky, opened):
    page = look(opened, sky, "/look?at=1")
    links = page.locator("#links a")
    expect(links).to_have_count(3)
    table = sky.collection.dataset.table
    expected = object_links(table["ra"][1], table["dec"][1])
    assert [each.get_attribute("href") for each in links.all()] == list(expected.values())
    assert {each.get_attribute("rel") for each in links.all()} == {"noreferrer noopener"}
    page.wait_for_load_state("networkidle")  # `opened` fails for any request elsewhere


def test_only_files_of_counts_have_a_stretch(own, session):
    assert not session.get(f"{own.url}/api/image/0").json()["counts"]
    for path in ("/display/0", "/api/counts/0", "/display/999", "/api/image/999"):
        assert session.get(own.url + path).status_code == 400


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp", "tiff", "fits", "fits.gz"])
def test_an_image_that_is_dropped_is_answered_as_by_predict(
    own, session, example_run, counted, tmp_path, kind
):
    path = tmp_path / f"image.{kind}"
    if kind.startswith("fits"):
        written = (counted / "disc" / "disc 1.fits").read_bytes()
        path.write_bytes(gzip.compress(written) if kind.endswith("gz") else written)
    else:
        path.write_bytes(content(PIXELS, kind))
    told = session.post(f"{own.url}/api/uploads?rater=eve", data=path.read_bytes()).json()
    expected = predict(example_run.path, path, device="cpu").iloc[0]
    values = [each["values"][0] for each in told["groups"][0]["answers"]]
    assert values == pytest.approx(expected[["bar", "disc"]].tolist(), abs=1e-6)
    assert told["typicality"] == pytest.approx(expected["typicality"], abs=1e-6)
    assert told["prediction"] == expected["predicted"]
    shown = session.get(f"{own.url}/upload/{told['number']}")
    assert Image.open(io.BytesIO(shown.content)).size == (24, 24)


def test_who_drops_in_an_image_that_is_to_be_labelled_has_seen_its_prediction(own, shapes):
    session, table = own.session(), own.collection.dataset.table
    file = shapes / table["origin"][9]
    told = session.post(f"{own.url}/api/uploads?rater=gil", data=file.read_bytes()).json()
    assert told["prediction"] == own.collection.predicted([9])[0]["prediction"]
    for row in (9, 10):
        own.answer(session, row, "disc", rater="gil")
    assert [each["shown"] for each in pages.answers(own)[-2:]] == [True, False]


def huge() -> bytes:
    """A PNG that says it has four hundred megapixels."""
    header = struct.pack(">IIBBBBB", 20_000, 20_000, 8, 2, 0, 0, 0)
    parts = [(b"IHDR", header), (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in parts
    )


BAD = {
    "empty": (b"", "the file is empty"),
    "page": (b"<script>alert(1)</script>", "not a JPEG, PNG, WebP, TIFF or FITS image"),
    "cut": (content(PIXELS, "png")[:300], "damaged or incomplete"),
    "huge": (huge(), "more than 100 megapixels"),
    "grey": (content(PIXELS[..., 0], "png"), "it is grey, where it should be in colour"),
    "zip": (gzip.compress(bytes(100)), "not a FITS file"),
    "fits": (b"SIMPLE  =" + bytes(3000), "damaged or incomplete"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_one_line_and_the_server_lives(own, session, name):
    bad, reason = BAD[name]
    answer = session.post(f"{own.url}/api/uploads?rater=eve", data=bad)
    assert answer.status_code == 400
    assert reason in answer.json()["error"]
    assert "\n" not in answer.json()["error"]
    good = session.post(f"{own.url}/api/uploads?rater=eve", data=content(PIXELS, "png"))
    assert good.status_code == 200


def test_too_large_and_too_slow_files_are_not_waited_for(own, session, monkeypatch):
    monkeypatch.setattr("hubblefork.workbench.uploads.UPLOAD_SECONDS", 0.3)
    port = int(own.url.rpartition(":")[2])
    for length in (65 << 20, 1000):
        head = f"POST /api/uploads?rater=eve HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
        head += f"Origin: {own.url}\r\n"
        head += f"Cookie: {session.headers['Cookie']}\r\nX-Hubblefork: 1\r\n"
        head += f"Content-Length: {length}\r\n\r\n"
        with socket.create_connection(("127.0.0.1", port), timeout=30) as client:
            client.sendall(head.encode() + b"x")
            assert client.recv(100).startswith(b"HTTP/1.1 413")
    unsaid = (bytes(1 << 20) for _ in range(70))  # its length is not told
    with suppress(OSError):  # it may hang up before all is sent
        assert session.post(f"{own.url}/api/uploads?rater=eve", data=unsaid).status_code == 413
    assert session.get(f"{own.url}/api/about").status_code == 200


def workers() -> list[int]:
    """The processes that decode files for this one."""
    found = []
    for task in Path("/proc/self/task").iterdir():
        for child in (task / "children").read_text().split():
            if b"popen_loky" in Path(f"/proc/{child}/cmdline").read_bytes():
                found.append(int(child))
    return found


needs_proc = pytest.mark.skipif(not Path("/proc/self").exists(), reason="finds processes in /proc")


@needs_proc
def test_a_decoder_may_die_and_others_are_answered(example_run):
    predictor = Predictor.load(example_run.path, "cpu")
    given = content(PIXELS, "png"), predictor.framing, predictor.card.colours
    decoder, before = Decoder(), workers()
    first = decoder.read(*given)
    (worker,) = set(workers()) - set(before)
    os.kill(worker, signal.SIGKILL)
    assert (decoder.read(*given) == first).all()
    os.kill(*(set(workers()) - set(before)), signal.SIGSTOP)
    with ThreadPoolExecutor(1) as pool:
        stuck = pool.submit(decoder.read, *given)
        while not stuck.done():
            for worker in set(workers()) - set(before):
                with suppress(ProcessLookupError):
                    os.kill(worker, signal.SIGKILL)
            time.sleep(0.02)
    with pytest.raises(RequestError, match="ended the process"):
        stuck.result()
    assert (decoder.read(*given) == first).all()


@needs_proc
def test_a_file_that_takes_too_long_is_given_up(own, session, monkeypatch):
    good, before = content(PIXELS, "png"), workers()
    for worker in before:
        with suppress(ProcessLookupError):
            os.kill(worker, signal.SIGKILL)
    assert session.post(f"{own.url}/api/uploads?rater=eve", data=good).status_code == 200
    monkeypatch.setattr("hubblefork.workbench.decoding.DECODING_SECONDS", 0.3)
    # That of this server alone: one of an earlier test would be waited for at the end for ever.
    (worker,) = set(workers()) - set(before)
    os.kill(worker, signal.SIGSTOP)
    answer = session.post(f"{own.url}/api/uploads?rater=eve", data=good)
    assert answer.status_code == 400
    assert "took more than 0.3 seconds" in answer.json()["error"]
    monkeypatch.undo()
    assert session.post(f"{own.url}/api/uploads?rater=eve", data=good).status_code == 200


def test_many_files_at_once_leave_it_alive(own, session):
    import requests

    good, headers = content(PIXELS, "png"), dict(session.headers)

    def send(_: int) -> int:
        url = f"{own.url}/api/uploads?rater=eve"
        return requests.post(url, data=good, headers=headers).status_code

    with ThreadPoolExecutor(40) as pool:
        answered = list(pool.map(send, range(80)))
    assert set(answered) <= {200, 503}
    assert answered.count(200) >= 20
    assert session.post(f"{own.url}/api/uploads?rater=eve", data=good).status_code == 200


def test_files_are_chosen_and_dropped_without_their_names(own, opened, tmp_path):
    page = look(opened, own, "/drop")
    sent = []
    page.on("request", lambda request: sent.append((request.url, str(request.all_headers()))))
    (tmp_path / "secret dragonfly.png").write_bytes(content(PIXELS, "png"))
    (tmp_path / "<b>notes.txt").write_bytes(b"no image")
    page.locator("#files").set_input_files(
        [tmp_path / "secret dragonfly.png", tmp_path / "<b>notes.txt"]
    )
    results = page.locator("#results > li")
    expect(page.locator("#count")).to_have_text("2 done")
    expect(results.nth(0)).to_contain_text("not a JPEG, PNG, WebP, TIFF or FITS image")
    expect(results.nth(0).locator("h3")).to_have_text("<b>notes.txt")
    expect(results.nth(1).locator("table")).to_have_count(1)
    dropped = page.evaluate_handle(
        """(bytes) => {
          const all = new DataTransfer();
          all.items.add(new File([new Uint8Array(bytes)], "secret drop.jpg"));
          return all;
        }""",
        list(content(PIXELS, "jpeg")),
    )
    page.dispatch_event("#zone", "drop", {"dataTransfer": dropped})
    expect(page.locator("#count")).to_have_text("3 done")
    results.nth(0).get_by_role("button", name="Why it says so").click()
    expect(results.nth(0).locator(".near a")).to_have_count(5)
    assert [url for url, _ in sent].count(f"{own.url}/api/uploads?rater=ann") == 3
    assert not [each for each in sent if "secret" in "".join(each)]


@pytest.mark.parametrize(("colours", "width"), [("light", 1280), ("dark", 390)])
def test_both_pages_can_be_used_by_all(sky, opened, colours, width):
    from axe_playwright_python.sync_playwright import Axe

    page = look(opened, sky, "/look?at=1&show=why", width, color_scheme=colours)
    expect(page.locator("#why .near img")).to_have_count(5)
    faults = Axe().run(page).response["violations"]
    again = look(opened, sky, "/drop", width, page.context)
    again.locator("#files").set_input_files(
        {"name": "one.png", "mimeType": "image/png", "buffer": content(PIXELS, "png")}
    )
    expect(again.locator("#results table")).to_have_count(1)
    again.locator("#results summary").click()
    faults += Axe().run(again).response["violations"]
    serious = [each["id"] for each in faults if each["impact"] in ("serious", "critical")]
    assert serious == []
    for each in (page, again):
        assert each.evaluate("document.documentElement.scrollWidth") <= width
        assert each.evaluate(pages.reports._NAMELESS) == []
        assert each.evaluate(pages.reports._FAINT) == []
