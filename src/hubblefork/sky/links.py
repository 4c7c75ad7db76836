"""Links to an object in the viewers of sky surveys, by its position."""

from collections.abc import Mapping

import pandas as pd

# Right ascension and declination in degrees, by the id of an image.
Positions = Mapping[str, tuple[float, float]]


def positions_of(table: pd.DataFrame) -> dict[str, tuple[float, float]]:
    """The positions of a table's images; none where it has no columns id, ra and dec.

    >>> positions_of(pd.DataFrame({"id": ["a"], "ra": [150.1], "dec": [2.2]}))
    {'a': (150.1, 2.2)}
    """
    if not {"id", "ra", "dec"} <= set(table):
        return {}
    ra, dec = (pd.to_numeric(table[each], errors="coerce") for each in ("ra", "dec"))
    return dict(zip(table["id"], zip(ra, dec, strict=True), strict=True))


def links_of(identifier: str, positions: Positions) -> dict[str, str]:
    """The links to one of these images; none where its position is not known."""
    place = positions.get(identifier)
    return object_links(*place) if place else {}


def object_links(ra: float, dec: float) -> dict[str, str]:
    """The page of each viewer, by its name; none where the position is not known.

    ra, dec: in degrees, ICRS.

    >>> object_links(150.1, 2.2)["Aladin"]
    'https://aladin.cds.unistra.fr/AladinLite/?target=150.10000%20%2B2.20000&fov=0.03'
    >>> object_links(float("nan"), 2.2)
    {}
    """
    if not (0 <= ra <= 360 and -90 <= dec <= 90):
        return {}
    place = f"ra={ra:.5f}&dec={dec:.5f}"
    # A plus sign in a query is a blank.
    target = f"{ra:.5f}%20{dec:+.5f}".replace("+", "%2B")
    return {
        "Legacy Survey": f"https://www.legacysurvey.org/viewer?{place}&layer=ls-dr10&zoom=15",
        "SDSS": f"https://skyserver.sdss.org/dr18/VisualTools/navi?{place}&scale=0.2",
        "Aladin": f"https://aladin.cds.unistra.fr/AladinLite/?target={target}&fov=0.03",
    }
