"""Pages, messages and documents use the field's words: some that were used before do not return."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import hubblefork

_ROOT = Path(__file__).parents[1]
_PACKAGE = Path(hubblefork.__file__).parent

# Each with what is said instead.
_UNWANTED = {
    r"(right|wrong)ly|named right": "correctly classified, misclassified, wrong",
    r"(mis)?taken for (an?|the|another|what)": "misclassified as",
    r"in truth": "true",
    r"by luck": "by chance",
    r"(less|more) is better": "lower is better, higher is better",
    r"(held|hold) \w+ ?\w* ?against|measured against each other": "compared with",
    r"pictures?": "image",
    r"shares? of": "fraction of",
    r"surest|less sure": "highest confidence",
    r"likeness": "typicality",
    r"favour_rare|average_weights|head_epochs": "logit_adjustment, ema_decay, freeze_epochs",
    r"anew|afresh|whence|thereby|hereby|lest": "again, so",
    r"(is|are|be) no (answer|file|folder|table|page|number|position|catalogue|image|model)s? (?!in)"
    r"(to|of|by|from|that|at)": "is not a",
    r"are called by": "are identified by",
}
_PATTERN = re.compile(rf"\b({'|'.join(_UNWANTED)})\b", re.IGNORECASE)


def texts(path: Path) -> Iterator[str]:
    """What of a file is read by people: of Python, all text, and of others everything."""
    if path.suffix != ".py":
        yield path.read_text()
        return
    for node in ast.walk(ast.parse(path.read_text())):
        # A word alone is a key.
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
            yield node.value


def test_unwanted_words_are_found():
    assert _PATTERN.search("It is taken for a spiral.")
    assert _PATTERN.search("The share of spirals")
    assert not _PATTERN.search("images that are shared, of an image of no class")


@pytest.mark.parametrize("kind", ["src", "docs"])
def test_the_words_are_those_of_the_field(kind):
    suffixes = {".py", ".html", ".toml"}
    of_src = [path for path in _PACKAGE.rglob("*") if path.suffix in suffixes]
    of_docs = [_ROOT / "README.md", _ROOT / "CONTRIBUTING.md", *_ROOT.glob("docs/*.md")]
    found = [
        f"{path.relative_to(_ROOT)}: {match[0]}"
        for path in (of_src if kind == "src" else of_docs)
        for text in texts(path)
        for match in _PATTERN.finditer(text)
    ]
    assert found == []
