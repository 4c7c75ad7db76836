"""What was computed from a large file is kept in the cache until the file changes."""

import hashlib
from collections.abc import Callable
from pathlib import Path

from hubblefork.core.cache import cache_folder
from hubblefork.core.files import replacing
from hubblefork.core.progress import progress

# Read at once while a file is hashed: enough to be fast, little enough to show progress.
_BLOCK = 8 << 20


def remembered(path: Path, question: str, find: Callable[[], str]) -> str:
    """Return the answer to a question about the file `path`, from the cache if it is there.

    The answer is computed again when the file's size or modification time changes.

    >>> path = folder / "a.bin"
    >>> _ = path.write_bytes(b"four")
    >>> remembered(path, "length", lambda: "4"), remembered(path, "length", lambda: "another")
    ('4', '4')
    """
    state = path.stat()
    words = f"{path.resolve()}\0{state.st_size}\0{state.st_mtime_ns}\0{question}"
    name = hashlib.sha256(words.encode("utf-8", "surrogateescape")).hexdigest()
    answer = cache_folder() / "remembered" / name
    if not answer.exists():
        found = find()
        with replacing(answer) as file:
            file.write(found)
    return answer.read_text(encoding="utf-8")


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in lower case; a file is read only once.

    >>> path = folder / "empty"
    >>> path.touch()
    >>> file_sha256(path)[:16]
    'e3b0c44298fc1c14'
    """
    return remembered(path, "sha256", lambda: _sha256(path))


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with (
        open(path, "rb") as file,
        progress(f"fingerprint of {path.name}", path.stat().st_size, "bytes") as done,
    ):
        while block := file.read(_BLOCK):
            digest.update(block)
            done(len(block))
    return digest.hexdigest()
