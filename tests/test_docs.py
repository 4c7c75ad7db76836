"""The documentation is complete: every public name, every page, and links that lead somewhere."""

import re
from pathlib import Path

import pytest

import hubblefork

_ROOT = Path(__file__).parents[1]
_DOCS = sorted(_ROOT.glob("docs/**/*.md"))
_PAGES = [*_DOCS, *_ROOT.glob("*.md")]


def test_the_reference_has_every_public_name():
    page = (_ROOT / "docs/api.md").read_text()
    documented = set(re.findall(r"hubblefork\.(\w+)", page))
    assert documented == set(hubblefork.__all__)


def test_every_page_is_in_a_table_of_contents():
    listed = set()
    for page in _DOCS:
        for entries in re.findall(r"```{toctree}\n(.*?)```", page.read_text(), re.DOTALL):
            listed |= set(re.findall(r"^([\w/]+)$", entries, re.MULTILINE))
    names = {page.relative_to(_ROOT / "docs").with_suffix("").as_posix() for page in _DOCS}
    pages = {name for name in names if not name.endswith("_table")}
    assert pages - {"index"} == listed


@pytest.mark.parametrize("page", _PAGES, ids=lambda page: page.name)
def test_links_lead_to_files_and_headings(page):
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if not link.startswith(("https://", "http://")):
            name, _, heading = link.partition("#")
            target = page.parent / name if name else page
            assert target.exists(), link
            headings = re.findall(r"^#+ (.*)$", target.read_text(), re.MULTILINE) if heading else []
            anchors = {re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in headings}
            assert not heading or heading in anchors, link
