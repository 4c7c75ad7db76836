"""Which image of a FITS file is read, and which of all files of a source: chosen by its name.

Files of one survey may hold science images, errors, weights and masks in any order, so that a place
in the file names nothing. An image is known by its name: EXTNAME, PRIMARY for the first part of a
file, or its number where it has none.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from hubblefork.core.errors import first_few

# FITS files may be compressed as a whole (.gz), or their images in them (.fz).
FITS_SUFFIXES = tuple(
    suffix + packed for suffix in (".fits", ".fit", ".fts") for packed in ("", ".gz", ".fz")
)


def _words(name: str) -> set[str]:
    return set(re.findall("[A-Z]+", name))


# Names that surveys give to what is to be seen, the likeliest first.
_SCIENCE = tuple(map(_words, ("SCI SCIENCE", "PRIMARY", "IMAGE IMG DATA FLUX SIGNAL")))

# And to what belongs to it: uncertainties, weights, masks, exposures, models, tables of distortion.
_COMPANIONS = _words(
    "AREA BACK BACKGROUND BAD BADPIX BKG BPM CHI CON CONTEXT COV COVERAGE CTX DQ ERR ERROR ERRORS "
    "EXP EXPMAP EXPOSURE FLAG FLAGS HITS IMARR INVVAR IVAR MASK MASKS MODEL MSK NEXP NOISE PSF "
    "QUAL QUALITY RESIDUAL RMS SAMP SEG SEGM SEGMAP SEGMENTATION SIGMA SKY SNR STAT STD STDDEV "
    "TIME UNC UNCERT UNCERTAINTY VAR VARIANCE WCSDVARR WEIGHT WEIGHTS WGT WHT WMAP WT"
)
_OTHER, _COMPANION = len(_SCIENCE), len(_SCIENCE) + 1


class FitsError(ValueError):
    """A FITS file that cannot be used, with the reason in plain words."""


@dataclass(frozen=True)
class Part:
    """A part of a FITS file (an HDU).

    number: its place in the file, from 0; name: in capitals, empty where it has none.
    shape: its axes, slowest first, without those of length 1; () for what is no image.
    about: its size, or what it is, in words.
    version: EXTVER, which tells parts of one name from each other.
    """

    number: int
    name: str
    shape: tuple[int, ...]
    about: str
    version: int = 1

    @property
    def is_image(self) -> bool:
        return len(self.shape) in (2, 3)

    @property
    def key(self) -> str:
        """What names an image in every file of a source: its name, or else its number."""
        return self.name or str(self.number)

    @property
    def bands(self) -> int:
        """The number of bands of an image, whose axes `read_fits` explains."""
        if len(self.shape) == 2:
            return 1
        return 3 if colours_are_last(self.shape) else self.shape[0]

    @property
    def plane(self) -> tuple[int, int]:
        """The rows and columns of an image."""
        bands_first = len(self.shape) == 3 and not colours_are_last(self.shape)
        rows, columns = self.shape[1:] if bands_first else self.shape[:2]
        return rows, columns

    def __str__(self) -> str:
        return f"HDU {self.number} {self.name or '(no name)'} ({self.about})"


def colours_are_last(shape: tuple[int, ...]) -> bool:
    """Whether three axes are those of a colour image: its first axis (the last here) has colours.

    >>> colours_are_last((64, 64, 3)), colours_are_last((3, 64, 64))
    (True, False)
    """
    return shape[2] in (3, 4) and shape[0] > 4


def choose_image(parts: Sequence[Part], key: str | None = None) -> Part:
    """Return the image of a file that is called `key`; None: the likeliest one to be looked at.

    That is SCI, or else PRIMARY, or else IMAGE, DATA or the like, or else the first that is not
    called as errors, weights, masks and other companions are (ERR, WHT, DQ...). Of several of one
    name it is the one of the lowest EXTVER.

    Raises FitsError where there is none, also where there are only companions.

    >>> parts = [Part(1, "WHT", (8, 8), "8x8"), Part(2, "SCI", (8, 8), "8x8")]
    >>> choose_image(parts).name, choose_image(parts, "WHT").number
    ('SCI', 1)
    """
    images = [part for part in parts if part.is_image]
    if key is None and images:
        key = min(images, key=lambda part: _rank(part.key)).key
        if _rank(key) == _COMPANION:
            raise FitsError(f"its only images are {first_few(images)}; :hdu={key} reads {key}")
    if key is not None:
        images = [part for part in images if part.key == key.upper()]
    if not images:
        wanted = "image of two or three axes" if key is None else f"image {key.upper()}"
        raise FitsError(f"no {wanted} among {first_few(parts)}")
    return min(images, key=lambda part: part.version)


def common_image(files: Sequence[Sequence[Part]], key: str | None = None) -> str | None:
    """Return what the image to read is called in all files of a source.

    key: a name, or the number of a part, which stands for the name that it has in most files.

    None where no file has several images, so that each has its only one. Otherwise the likeliest
    name among all files (see `choose_image`); of two, the one in more of them.

    >>> first = [Part(1, "WHT", (8, 8), "8x8"), Part(2, "SCI", (8, 8), "8x8")]
    >>> second = [Part(1, "SCI", (8, 8), "8x8"), Part(2, "WHT", (8, 8), "8x8")]
    >>> common_image([first, second]), common_image([first, second, second], "1")
    ('SCI', 'SCI')
    """
    images = [[part for part in parts if part.is_image] for parts in files]
    # Counted once a file; names stand in the order in which they were met.
    number = Counter(key for parts in images for key in dict.fromkeys(part.key for part in parts))
    if key is not None:
        named = Counter(p.key for parts in images for p in parts if str(p.number) == key)
        return key.upper() if key.upper() in number or not named else named.most_common(1)[0][0]
    if not number:
        return None
    best = min(number, key=lambda name: (_rank(name), -number[name]))
    if all(len(parts) < 2 for parts in images) and _rank(best) < _COMPANION:
        return None
    return best


def _rank(key: str) -> int:
    words = _words(key)
    if words & _COMPANIONS:
        return _COMPANION
    return next((rank for rank, names in enumerate(_SCIENCE) if words & names), _OTHER)
