"""Counts as people look at them."""

import numpy as np
import pytest
from astropy.visualization import AsinhStretch, ImageNormalize, LinearStretch, ZScaleInterval

from hubblefork.core.errors import RequestError
from hubblefork.sky.display import Display, displayed


@pytest.fixture
def counts() -> np.ndarray:
    random = np.random.default_rng(0)
    return random.lognormal(3, 1, (24, 20, 5)).astype(np.float32)


@pytest.mark.parametrize(("scale", "stretch"), [("asinh", AsinhStretch), ("linear", LinearStretch)])
def test_each_band_is_shown_as_astropy_does(counts, scale, stretch):
    shown = displayed(counts, Display(scale, "zscale", (3, 2, 0)))
    for place, band in enumerate((3, 2, 0)):
        values = counts[..., band]
        norm = ImageNormalize(values, interval=ZScaleInterval(), stretch=stretch(), clip=True)
        np.testing.assert_allclose(shown[..., place], 255 * norm(values), atol=0.51)


def test_limits_are_black_and_white(counts):
    shown = displayed(counts, Display("linear", "10..40", (1,)))
    values = counts[..., 1]
    assert (shown[values <= 10] == 0).all()
    assert (shown[values >= 40] == 255).all()
    assert shown[(values > 11) & (values < 39)].min() > 0


def test_what_is_unknown_is_black(counts):
    counts[:, 4] = np.nan
    counts[:, 5] = np.inf
    counts[..., 1] = np.nan
    counts[..., 2] = 7
    shown = displayed(counts, Display("asinh", "percentiles", (0, 1, 2)))
    assert not shown[:, 4:6].any()
    assert shown[..., 0].std() > 30
    assert not shown[..., 1].any()
    assert len(np.unique(shown[:, :4, 2])) == 1


@pytest.mark.parametrize(
    "given",
    [{"scale": "log"}, {"limits": "5..2"}, {"limits": "nan..2"}, {"limits": "1"}, {"limits": ""},
     {"bands": (0, 1)}, {"bands": ()}, {"bands": (-1,)}, {"bands": (5,)}, {"limits": "0..inf"}],
)  # fmt: skip
def test_anything_else_is_one_line(counts, given):
    with pytest.raises(RequestError) as error:
        displayed(counts, Display(**given))
    assert "expected" in str(error.value)
