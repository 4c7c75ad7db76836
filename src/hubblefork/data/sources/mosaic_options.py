"""The options of a catalogue that say which mosaics its images are cut from."""

from collections.abc import Mapping

from hubblefork.core.errors import RequestError
from hubblefork.sky.mosaics import Mosaics

# Of these, `size` may be a number of arcsec here, and names a column otherwise.
MOSAIC_OPTIONS = ("mosaics", "bands", "edges", "size")


def open_mosaics(options: Mapping[str, str], hdu: str | None = None) -> Mosaics | None:
    """Return the mosaics of `mosaics=PLACE`, with `size`, `bands` and `edges`; None without them.

    Raises RequestError where they cannot be used, and for options that need them.
    """
    if "mosaics" not in options:
        if alone := [each for each in ("bands", "edges") if each in options]:
            raise RequestError(
                f"{alone[0]}={options[alone[0]]} is of mosaics: name them, mosaics=FOLDER"
            )
        return None
    own = [f":{key}={options[key]}" for key in ("bands", "edges", "hdu") if key in options]
    if _is_number(options.get("size", "")):
        own.append(f":size={options['size']}")
    return Mosaics.open(options["mosaics"] + "".join(own), hdu)


def _is_number(text: str) -> bool:
    try:
        return float(text) == float(text)
    except ValueError:
        return False
