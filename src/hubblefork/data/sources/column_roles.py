"""Which column of a catalogue is what: as the user says, or by the usual spellings.

The roles are id, image (or a column for each band), label, ra, dec, size (of a cut-out, in arcsec),
group and split. `data.sources.ids` knows what ids are called.
"""

import os
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from hubblefork.core.errors import RequestError, nearest
from hubblefork.core.names import normalised
from hubblefork.core.path_options import split_options
from hubblefork.data.sources.ids import find_column, id_columns

# As surveys and other tools call them, in lower case and without underscores; the likeliest first.
_SPELLINGS = {
    "image": ("image", "fileloc", "imagepath", "imagefile", "imageurl", "filepath", "filename",
              "file", "path", "url", "cutout"),
    "label": ("label", "labels", "class", "classname", "morphology"),
    "ra": ("ra", "radeg", "raj2000", "rightascension", "raicrs", "alphaj2000"),
    "dec": ("dec", "decdeg", "dej2000", "decj2000", "declination", "deicrs", "decicrs",
            "deltaj2000", "decl", "dedeg"),
    "size": ("size", "cutoutsize", "sizearcsec"),
    "group": ("group",),
    "split": ("split",),
}  # fmt: skip
ROLES = ("id", *_SPELLINGS)

# Where an image has a file for each band, its columns begin so: image_g, image_r, image_i.
BAND = "image_"
# And an option names them joined by this: image=g_file+r_file+i_file.
_AND = "+"


@dataclass(frozen=True)
class Columns:
    """The column of each role; None, or none, where the table has none.

    images: one column, or one for each band.
    asked: the roles whose columns the user named.
    """

    id: str | None = None
    images: tuple[str, ...] = ()
    label: str | None = None
    ra: str | None = None
    dec: str | None = None
    size: str | None = None
    group: str | None = None
    split: str | None = None
    asked: frozenset[str] = field(default=frozenset(), compare=False)

    def names(self) -> dict[str, str]:
        """Each role with its column; a role of bands is called as their first column's.

        >>> Columns(id="objid", images=("file",)).names()
        {'id': 'objid', 'image': 'file'}
        """
        found = {role: getattr(self, role) for role in ROLES if role != "image"}
        if self.images:
            found["image"] = _AND.join(self.images)
        return {role: found[role] for role in ROLES if found.get(role)}

    def note(self) -> list[str]:
        """One sentence on which column has which role, where its name does not say so."""
        found = self.names()
        if not self.asked and all(role == column for role, column in found.items()):
            return []
        return [f"Columns: {', '.join(f'{role} = {column}' for role, column in found.items())}."]


def parse_columns(text: str | Mapping[str, str] | None) -> dict[str, str]:
    """Return the column of each role that the user names: `id=objid,image=file,ra=RA`, or a dict.

    Raises RequestError for an unknown role, and for one that is named twice.

    >>> parse_columns("id=objid,image=file")
    {'id': 'objid', 'image': 'file'}
    """
    if text is None:
        return {}
    if isinstance(text, Mapping):
        pairs = [(str(role), str(column)) for role, column in text.items()]
    else:
        pairs = [(role.strip(), column) for role, _, column in
                 (each.partition("=") for each in str(text).split(","))]  # fmt: skip
    found: dict[str, str] = {}
    for role, column in pairs:
        if role not in ROLES:
            raise RequestError(
                f"--columns {text}: {role!r} is not a role of a column; {nearest(role, ROLES)}"
            )
        if not column or role in found:
            raise RequestError(f"--columns {text}: expected one column for {role}: {role}=COLUMN")
        found[role] = column
    return found


def asked_of(columns: str | Mapping[str, str] | None, mosaics: str | None) -> dict[str, str]:
    """What the user says of a catalogue, as the options that can stand behind its path."""
    return parse_columns(columns) | ({} if mosaics is None else {"mosaics": mosaics})


def with_options(text: str, asked: Mapping[str, str]) -> str:
    """A source's text with options behind it; those that it has already stay.

    >>> with_options("sky.csv:id=a", {"id": "b", "image": "file"})
    'sky.csv:id=a:image=file'
    """
    there = split_options(text)[1]
    for key, value in asked.items():
        if key == "mosaics":  # with options of its own behind it
            place, colon, rest = value.partition(":")
            value = f"{os.path.abspath(os.path.expanduser(place))}{colon}{rest}"
        elif ":" in value:
            raise RequestError(f"{key}={value}: a name with a colon cannot be given; rename it")
        if key not in there:
            text += f":{key}={value}"
    return text


def find_columns(
    columns: Iterable[str], asked: Mapping[str, str], name: str, encoded: Collection[str] = ()
) -> Columns:
    """Find the column of each role.

    columns: the names of all columns. asked: the column that the user named for a role.
    encoded: columns that hold encoded images. name: the catalogue, as the user gave it.

    Raises RequestError where a column that was asked for is not there.

    >>> found = find_columns(["objID", "RA", "DEC", "z", "file_loc"], {}, "sky.fits")
    >>> found.note()
    ['Columns: id = objID, image = file_loc, ra = RA, dec = DEC.']
    """
    known = list(columns)
    found = {role: _find(role, known, asked, name) for role in _SPELLINGS if role != "image"}
    ids = [find_column(asked["id"], known, name)] if "id" in asked else id_columns(known)
    images = _find_images(known, asked, name, encoded)
    roles = {role: None if column in images else column for role, column in found.items()}
    return Columns(ids[0] if ids else None, images, **roles, asked=frozenset(asked))


def _find(role: str, known: Sequence[str], asked: Mapping[str, str], name: str) -> str | None:
    """The column that the user named for a role, or else the likeliest by its spelling."""
    if role in asked:
        return find_column(asked[role], known, name, role)
    spellings = _SPELLINGS[role]
    able = [column for column in known if _key(column) in spellings]
    return min(able, key=lambda each: (spellings.index(_key(each)), each != role), default=None)


def _find_images(
    known: Sequence[str], asked: Mapping[str, str], name: str, encoded: Collection[str]
) -> tuple[str, ...]:
    """The column of images, or one for each band: named, encoded in the table, or spelt so."""
    if "image" in asked:
        whole = asked["image"]
        parts = [whole] if whole in known else whole.split(_AND)
        return tuple(find_column(each, known, name, "image") for each in parts)
    if encoded:
        return ("image",) if "image" in encoded else tuple(encoded)[:1]
    ids = id_columns(known)
    bands = [each for each in known if each.startswith(BAND) and each not in ids]
    if "image" not in known and len(bands) > 1:
        return tuple(bands)
    if column := _find("image", [each for each in known if each not in ids], {}, name):
        return (column,)
    return tuple(bands)


def degrees_a_unit(column: pa.Field) -> float:
    """Return the degrees in a unit of a column of angles; degrees are meant where it has no unit.

    Raises RequestError for what is no angle.

    >>> degrees_a_unit(pa.field("ra", pa.float64(), metadata={"unit": "arcmin"})) * 60
    1.0
    """
    unit = (column.metadata or {}).get(b"unit", b"deg").decode()
    if unit in ("deg", "degree", "degrees"):
        return 1.0
    from astropy import units

    try:
        return float(units.Unit(unit).to(units.deg))
    except (ValueError, units.UnitConversionError):
        message = f"the column {column.name} is in {unit}; expected an angle, in degrees"
        raise RequestError(message) from None


def is_text(column: str) -> bool:
    """Whether a column is read as text from a file of text, since a number would lose its zeros.

    >>> is_text("objID"), is_text("file_loc"), is_text("ra")
    (True, True, False)
    """
    words = (_key(column) in _SPELLINGS[role] for role in ("image", "label", "group", "split"))
    return any(words) or column.startswith(BAND) or bool(id_columns([column]))


def _key(column: str) -> str:
    return re.sub(r"[\W_]+", "", normalised(column).lower())
