"""Read text from an HDF5 file in a process of its own, and print it as JSON.

HDF5 keeps text of any length in heaps. On a damaged heap its library takes gigabytes, crashes or
never returns, and only ending the process helps. `read_text` runs this file as a program.
"""

import json
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

# A million names take a second or two. A heap that takes longer is damaged.
_SECONDS = 30

# Room for the library itself, and for ten million names.
_MOST_BYTES = 4 << 30


def read_text(path: Path, key: str, attribute: str | None = None) -> list[str]:
    """Return the text in the array `key`, or in one of its attributes, value after value.

    Raises ValueError where it is damaged.
    """
    # -P: the modules beside this file must not shadow those that h5py imports.
    command = [sys.executable, "-P", __file__]
    request = json.dumps([str(path), key, attribute])
    try:
        done = subprocess.run(
            command, input=request, capture_output=True, text=True, timeout=_SECONDS, check=True
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        raise ValueError(f"the text of {attribute or key}") from None
    return json.loads(done.stdout)


def _serve() -> None:
    """Answer one request."""
    import h5py
    import numpy as np

    with suppress(ImportError):  # Windows has no such limits
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (_MOST_BYTES, _MOST_BYTES))
    path, key, attribute = json.load(sys.stdin)
    with h5py.File(path, "r", locking="best-effort") as file:
        item = file[key]
        values = item[()] if attribute is None else item.attrs[attribute]
    words = [
        word.decode("utf-8", "backslashreplace") if isinstance(word, bytes) else str(word)
        for word in np.ravel(values).tolist()
    ]
    json.dump(words, sys.stdout)


if __name__ == "__main__":
    _serve()
