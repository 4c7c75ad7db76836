"""HTML pages from their templates, whole files that need nothing else, with the images in them."""

import base64
import hashlib
import io
import re
from datetime import datetime
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup, escape
from PIL import Image

from hubblefork.core.arguments import as_path
from hubblefork.core.errors import RequestError
from hubblefork.core.files import replacing
from hubblefork.core.outputs import check_file
from hubblefork.core.text import percent, several
from hubblefork.report.components import Page
from hubblefork.report.image_groups import shown

# Pixels of an image's longer side: twice the width at which a page shows it.
_TILE = 320

# Words of up to fifteen letters with a hyphen, such as edge-on.
_HYPHENATED = re.compile(r"(?<!\S)(?=\S{3,15}(?!\S))[\w,]+(-[\w,]+)+")

# Bytes of a page that hold the line that says what made it, with room to spare.
_HEAD = 1000

# The same of one among many in a row. Of a smaller image than the second, the pixels themselves are
# shown: the weights of a filter.
_SMALL_TILE, _PIXELS = 128, 16


def render_page(page: Page, maker: str, script: str | None = None, about: str = "") -> str:
    """A page as text. Whatever stands in names and notes is shown, never obeyed.

    maker: the verb that makes such pages. script: the name of a file whose lines are the only ones
    that a browser may run in the page: it compares their hash with the one in the page's policy.
    about: as `check_page` takes it.
    """
    code = Markup(_read(script)) if script else ""
    return render_part(
        "page.html",
        page=page,
        origin=_origin(maker, about),
        css=Markup(stylesheet()),
        script=code,
        digest=base64.b64encode(hashlib.sha256(code.encode()).digest()).decode("ascii"),
    )


def render_part(template: str, package: str = __package__, **what: Any) -> Markup:
    """Fill the template of this name, a file of `package`."""
    return Markup(_templates(package).get_template(template).render(**what))


@cache
def _templates(package: str) -> Environment:
    """The templates of a package, each of which is compiled once."""
    environment = Environment(
        loader=FunctionLoader(lambda name: _read(name, package)),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "percent": percent,
        "several": several,
        "prose": _prose,
        "whole": _whole,
        "shown": shown,
        "thumbnail": _thumbnail,
        "source": lambda image: image if isinstance(image, str) else jpeg(image),
    }
    return environment


def write_page(
    page: Page, path: str | Path, maker: str, script: str | None = None, about: str = ""
) -> None:
    """Write a page, whole or not at all."""
    text = render_page(page, maker, script, about)
    with replacing(Path(path)) as file:
        file.write(text)


def now() -> str:
    """The time as a page shows it."""
    return f"{datetime.now():%Y-%m-%d %H:%M}"


def check_page(path: str | Path, maker: str, about: str = "") -> Path:
    """The path of a page for this verb to write.

    about: what is shown, where a page of something else is not to be replaced. RequestError where
    it is not called like a page, and where it would replace a file that this verb did not make: a
    run's report, say.
    """
    page = as_path(path, "out", "the name of a page, such as page.html")
    if page.suffix.lower() not in (".html", ".htm") or page.is_dir():
        raise RequestError(f"--out {page}: expected the name of a page, such as page.html")

    def is_former(there: Path) -> bool:
        with there.open("rb") as file:
            return _origin(maker, about).encode() in file.read(_HEAD)

    check_file(page, is_former, f"a page by `{maker}`" + " of the same source" * bool(about))
    return page


def stylesheet() -> str:
    """The style sheet of all pages: colours for light and dark, letters, cards and tables."""
    return _read("template.css")


def _read(name: str, package: str = __package__) -> str:
    return resources.files(package).joinpath(name).read_text("utf-8")


def _prose(text: str) -> Markup:
    """Text in which words between backticks are code, which is not broken where it is short, and
    else not in its options.
    """

    def code(found: re.Match[str]) -> str:
        if len(found[1]) <= 30:
            return f'<code class="word">{found[1]}</code>'
        words = re.sub(r"(?<!\S)--?[\w-]+", r'<span class="word">\g<0></span>', found[1])
        return f"<code>{words}</code>"

    return Markup(re.sub("`([^`]+)`", code, str(escape(text))))


def _whole(text: str) -> Markup:
    """Text whose words are not broken at a hyphen, but where they are long; names_with_underscores
    and paths are broken behind one of these.
    """
    text = re.sub(_HYPHENATED, r'<span class="word">\g<0></span>', str(escape(text)))
    return Markup(re.sub(r"(?<=\w)[_/](?=\w)", r"\g<0><wbr>", text))


def _origin(maker: str, about: str) -> Markup:
    """The line by which a page of this verb is known; a path in it would tell of the machine."""
    digest = hashlib.sha256(about.encode("utf-8", "surrogateescape")).hexdigest()[:16]
    of = f" {digest}" if about else ""
    return Markup('<meta name="generator" content="hubblefork {}{}">').format(maker, of)


def _thumbnail(image: np.ndarray) -> str:
    """An image of a row, as a data URI: of one with few pixels, each is shown."""
    if max(image.shape[:2]) >= _PIXELS:
        return jpeg(image, _SMALL_TILE, 85)
    buffer = io.BytesIO()
    enlarged = image.repeat(_PIXELS // 2, 0).repeat(_PIXELS // 2, 1)
    Image.fromarray(enlarged).save(buffer, "PNG")
    return _data_uri("image/png", buffer.getvalue())


def jpeg(image: np.ndarray, side: int = _TILE, quality: int = 90) -> str:
    """An image as a data URI, made smaller if it is longer than `side`."""
    pillow = Image.fromarray(image)
    pillow.thumbnail((side, side), Image.Resampling.LANCZOS)
    return _jpeg_uri(pillow, quality)


def _jpeg_uri(image: Image.Image, quality: int) -> str:
    buffer = io.BytesIO()
    # Colour at full resolution: in a galaxy of 60 pixels, the blue arms are a few wide.
    image.save(buffer, "JPEG", quality=quality, subsampling=0)
    return _data_uri("image/jpeg", buffer.getvalue())


def _data_uri(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"
