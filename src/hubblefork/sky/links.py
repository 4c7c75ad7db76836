"""Links to an object in the viewers of sky surveys, by its position."""


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
