"""Companion files: several files of one object, as their names tell.

They are files of one folder and name but for the suffix (`m31.fits`, `m31.jpg`) or the band
(`m31_g.fits`, `m31_r.fits`), and files whose name is that of an object (`J095959.5+021133.png`),
wherever they are. `galaxy_1` and `galaxy_2` are two objects, and so are `disk/1` and `round/1`.
"""

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd

from hubblefork.core.names import normalised, stem
from hubblefork.data.images.read import is_image_name

# Filters by wavelength: GALEX, SDSS and LSST, near infrared, WISE.
_BANDS = ("fuv", "nuv", *"ugrizyjhk", "ks", "w1", "w2", "w3", "w4")
# And those of HST and JWST as in F606W, whose numbers have two units.
_IS_BAND = rf"{'|'.join(_BANDS)}|f\d{{3,4}}(?:w2?|m|n|lp|x)"
_BAND = re.compile(rf"^(?P<object>.+)[_.\- ](?:{_IS_BAND})$", re.IGNORECASE)

_FOLDERS = re.compile(".*/")

# So many digits, leading zeros aside, are no running number: SDSS and Gaia ids, coordinates.
_NAMES_OBJECT = 8


def stems(origins: pd.Series) -> pd.Series:
    """Return the path of each image file without suffixes; missing for images of other origins.

    >>> stems(pd.Series(["a/m31.fits.gz", "m31.v2.jpg", "sky.h5 row 3"])).tolist()
    ['a/m31', 'm31.v2', nan]
    """
    files = origins.map(is_image_name)
    return origins.map(lambda origin: normalised(stem(origin))).where(files, np.nan)


def names_object(text: str) -> bool:
    """Whether a name can only be that of one object, in whatever folder it is.

    >>> names_object("587722981742084144"), names_object("J095959.5+021133")
    (True, True)
    >>> names_object("galaxy_000123")
    False
    """
    return sum(len(run.lstrip("0")) for run in re.findall(r"\d+", text)) >= _NAMES_OBJECT


def bands_in_order(names: Sequence[str]) -> list[int] | None:
    """Return the places of names of bands by increasing wavelength, or as they come where one is of
    HST or JWST; None where one is no name of a band, or stands there twice.

    >>> bands_in_order(["g", "i", "r"]), bands_in_order(["image", "mask"])
    ([0, 2, 1], None)
    """
    plain = [each.lower() for each in names]
    if len(set(plain)) < len(plain) or not all(re.fullmatch(_IS_BAND, each) for each in plain):
        return None
    places = list(range(len(plain)))
    if all(each in _BANDS for each in plain):
        places.sort(key=lambda place: _BANDS.index(plain[place]))
    return places


def object_names(stem: pd.Series) -> pd.Series:
    """Return what names the object of each stem: equal names, one object.

    stem: of image files. A band comes off where the same name has several bands.

    >>> object_names(pd.Series(["a/m31_g", "a/m31_r", "a/m31", "b/m31", "a/vega_i"])).tolist()
    ['a/m31', 'a/m31', 'a/m31', 'b/m31', 'a/vega_i']
    """
    if stem.empty:
        return stem
    without = stem.str.extract(_BAND)["object"]
    alone = without.fillna(stem).str.replace(_FOLDERS, "", regex=True).map(names_object)
    stem, without = (
        each.where(~alone, each.str.replace(_FOLDERS, "", regex=True)) for each in (stem, without)
    )
    bands = stem.str.lower().groupby(without).nunique()
    return stem.where(~without.isin(bands.index[bands > 1]), without)
