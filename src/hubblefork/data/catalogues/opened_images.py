"""How rows become images, from the JSON that says so in the plan of a survey."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hubblefork.core.errors import RequestError, first_line
from hubblefork.core.tables.stored import open_table
from hubblefork.data.catalogues.row_images import Cutouts, NamedFiles, StoredBytes
from hubblefork.data.rows import ListedFiles, RowImages, SourceImages
from hubblefork.data.sources import open_source
from hubblefork.sky.mosaics import Mosaics


def images_from_json(told: Mapping[str, Any]) -> RowImages:
    """What `RowImages.to_json` told, opened again.

    Raises RequestError where the table or the source is gone, or has changed where images are found
    by the numbers of their rows.
    """
    match told:
        case {"kind": "files", "columns": columns, "folder": folder}:
            return NamedFiles(columns, folder)
        case {"kind": "bytes", "table": path, "column": column, "stamp": stamp}:
            try:
                images: RowImages = StoredBytes(open_table(Path(path)), column, stamp)
            except (ValueError, OSError) as error:
                raise RequestError(f"{path} cannot be read: {first_line(error)}") from error
            images.check()
            return images
        case {"kind": "listed"}:
            return ListedFiles()
        case {"kind": "cutouts", "mosaics": mosaics, "ra": ra, "dec": dec, "size": size}:
            return Cutouts(Mosaics.from_json(mosaics), ra, dec, size)
        case {"kind": "source", "source": text, "hdu": hdu, "stamp": stamp}:
            source = open_source(text, labelled=False, hdu=hdu)
            if source.stamp() != stamp:
                raise RequestError(f"{text} has changed since it was planned: plan it again")
            return SourceImages(source)
    raise RequestError(f"images of an unknown kind: {told.get('kind')}; plan it again")
