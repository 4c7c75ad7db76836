"""Companion files: several files of one object, as their names tell.

They are files of one folder and name but for the suffix (`m31.fits`, `m31.jpg`) or the band
(`m31_g.fits`, `m31_r.fits`), and files whose name is that of an object (`J095959.5+021133.png`),
wherever they are. `galaxy_1` and `galaxy_2` are two objects, and so are `disk/1` and `round/1`.
"""

import re

import numpy as np
import pandas as pd

from hubblefork.core.names import normalised, stem
from hubblefork.data.images.read import is_image_name

# Filters: SDSS and LSST, near infrared, WISE, GALEX, and those of HST and JWST as in F606W.
_BAND = re.compile(
    r"^(?P<object>.+)[_.\- ](?:[ugrizyjhk]|ks|w[1-4]|nuv|fuv|f\d{3,4}(?:w2?|m|n|lp|x))$",
    re.IGNORECASE,
)

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
