"""Where pictures and labels come from: one reader for each kind of input.

`open_source` chooses the reader by what was given: a known name, a directory or a catalogue.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from hubblefork.errors import RequestError, nearest

if TYPE_CHECKING:
    from hubblefork.data.sources.base import Source

SOURCES = {
    "simulated": "simulated galaxies in the ten Galaxy10 classes; or simulated:N:seedS",
    "simulated:votes": "the same galaxies with the votes of their volunteers: 37 fractions",
    "DIRECTORY": "one folder of pictures a class, or train/, val/ and test/ folders of such",
    "CATALOGUE.csv": "a table with id, image, label and, if known, split, group, ra, dec",
    "CATALOGUE.parquet": "the same as a Parquet file",
}


def open_source(text: str | Path) -> "Source":
    """Open the source that `text` names.

    A known name wins over a directory of that name: write `./simulated` for the directory.
    Raises RequestError where there is no such source, or where it cannot be used.
    """
    name = str(text)
    if name.split(":")[0] == "simulated":
        from hubblefork.data.sources.simulated import SimulatedSource

        return SimulatedSource.parse(name)

    path = Path(text).expanduser()
    if path.is_dir():
        from hubblefork.data.sources.folder import open_folder

        return open_folder(path, name)
    if path.suffix.lower() in (".csv", ".parquet") and path.is_file():
        from hubblefork.data.sources.catalogue import open_catalogue

        return open_catalogue(path, name)
    if path.exists():
        raise RequestError(
            f"{name}: a source is a directory, a .csv or .parquet catalogue, or a name "
            "(hubblefork list sources)"
        )
    if len(path.parts) > 1 or path.suffix:
        raise RequestError(f"{name}: no such file or directory")
    hint = nearest(name.split(":")[0], ["simulated"])
    raise RequestError(f"{name}: neither a file or directory nor a known source; {hint}")
