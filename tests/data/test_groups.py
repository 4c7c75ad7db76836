"""Rows that show the same thing, held against astropy's own matching on the sky."""

import numpy as np
import pandas as pd
from astropy import units
from astropy.coordinates import SkyCoord, search_around_sky
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from hubblefork.data.groups import SAME_POSITION_ARCSEC, find_groups

# Where a catalogue wraps, and where right ascensions crowd.
_MIDDLES = [(150.0, 2.0), (0.0, -45.0), (359.999, 60.0), (20.0, 89.99), (200.0, -90.0)]


@settings(max_examples=20)
@given(st.sampled_from(_MIDDLES), st.integers(2, 60), st.integers(0, 2**32 - 1))
def test_positions_are_tied_as_astropy_ties_them(middle, number, seed):
    random = np.random.default_rng(seed)
    around = SkyCoord(*middle, unit="deg")
    places = around.directional_offset_by(
        random.uniform(0, 360, number) * units.deg, random.uniform(0, 300, number) * units.arcsec
    )
    table = pd.DataFrame({"ra": places.ra.deg, "dec": places.dec.deg})
    group, tied_by = find_groups(table)
    first, second, _, _ = search_around_sky(places, places, SAME_POSITION_ARCSEC * units.arcsec)
    graph = coo_array((np.ones(len(first)), (first, second)), shape=(number, number))
    expected = connected_components(graph, directed=False)[1]
    same = group[:, None] == group
    np.testing.assert_array_equal(same, expected[:, None] == expected)
    assert tied_by == ["sky positions within 36 arcsec"]
