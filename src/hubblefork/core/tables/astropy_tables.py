"""Tables of astropy and of Arrow, each as the other."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from hubblefork.core.tables.columns import (
    as_arrow,
    as_numpy,
    field,
    is_vector,
    nested_columns,
    note,
    simple,
)

if TYPE_CHECKING:
    from astropy.table import Table


def to_astropy(table: pa.Table) -> "Table":
    """Return a table of astropy: units and descriptions kept, masked where values are missing.

    Dates and decimals are text. ValueError for nested columns other than vectors of one length.

    >>> from hubblefork.core.tables.columns import field
    >>> schema = pa.schema([field("z", pa.float32(), description="redshift"), ("n", pa.int64())])
    >>> print(to_astropy(pa.table({"z": [0.1, None], "n": [1, 2]}, schema)))
     z   n
    --- ---
    0.1   1
     --   2
    """
    from astropy.table import Column, MaskedColumn, Table

    for name, kind in nested_columns(table.schema).items():
        if not is_vector(table.schema.field(name).type):
            raise ValueError(f"column {name!r} ({kind}) cannot be a column of astropy")
    found = Table()
    for each, column in zip(table.schema, simple(table).columns, strict=True):
        values, mask = as_numpy(column)
        about = {"unit": note(each, "unit"), "description": note(each, "description")}
        made = MaskedColumn(values, mask=mask, **about) if mask.any() else Column(values, **about)
        found[each.name] = made
    return found


def from_astropy(table: "Table") -> pa.Table:
    """Return a table of Arrow: what is masked is null, and units are kept.

    Quantities are numbers with a unit, times are text (ISO 8601), bytes are text. Of sky positions
    (SkyCoord) there are two columns, right ascension and declination (ICRS, degrees): `ra` and
    `dec`, or where there are such already or several positions, `NAME.ra` and `NAME.dec`.

    Raises ValueError for complex numbers and other objects, by the name of the column.

    >>> from astropy.coordinates import SkyCoord
    >>> from astropy.table import QTable
    >>> sky = SkyCoord([10.5], [-3], unit="deg")
    >>> from_astropy(QTable({"id": [7], "sky": sky})).column_names
    ['id', 'ra', 'dec']
    """
    from astropy.coordinates import SkyCoord

    positions = [name for name in table.colnames if isinstance(table[name], SkyCoord)]
    plain = len(positions) == 1 and not {"ra", "dec"} & set(table.colnames)
    fields, columns = [], []
    for name in table.colnames:
        column = table[name]
        parts = {name: column}
        if name in positions:
            before = "" if plain else f"{name}."
            parts = {
                f"{before}ra": column.icrs.ra.to("deg"),
                f"{before}dec": column.icrs.dec.to("deg"),
            }
        for part, values in parts.items():
            try:
                cells = _cells(values)
            except (pa.ArrowException, ValueError, TypeError) as error:
                raise ValueError(f"column {part!r}: {error}") from None
            unit = getattr(values, "unit", None)
            fields.append(field(part, cells.type, unit, column.info.description))
            columns.append(cells)
    return pa.Table.from_arrays(columns, schema=pa.schema(fields))


def _cells(column: Any) -> pa.Array:
    from astropy.table import Column, MaskedColumn
    from astropy.time import Time
    from astropy.units import Quantity

    mask = getattr(column, "mask", None)
    mask = None if mask is None else np.asarray(mask)
    if isinstance(column, Time):
        return as_arrow(np.asarray(column.unmasked.isot), mask)
    if not isinstance(column, Column | MaskedColumn | Quantity):
        raise ValueError(f"a {type(column).__name__}; expected numbers, text or times")
    values = np.asarray(column.unmasked if hasattr(column, "unmasked") else np.ma.getdata(column))
    if values.dtype.kind == "O":
        if mask is None:
            mask = np.zeros(len(values), bool)
        return pa.array(
            [None if hidden else value for value, hidden in zip(values, mask, strict=True)]
        )
    if values.dtype.names:
        raise ValueError("records; expected a column for each of their parts")
    return as_arrow(values, mask)
