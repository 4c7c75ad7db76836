import numpy as np
import pytest
from astropy.visualization import make_lupton_rgb
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hubblefork.core.errors import RequestError
from hubblefork.sky.stretch import Stretch, choose_bands, to_bytes

SIDE = 64


def galaxy(bands: int = 1, arms: float = 0.0, brightness: float = 200.0) -> np.ndarray:
    """Counts (64, 64, bands): a core of this many times the noise, which is 1, with a disc."""
    random = np.random.default_rng(5)
    y, x = np.mgrid[:SIDE, :SIDE] - SIDE / 2 + 0.5
    radius, angle = np.hypot(x, y), np.arctan2(y, x)
    disc = np.exp(-radius / 9) * (1 + arms * np.cos(2 * angle - radius / 3))
    light = brightness * (np.exp(-((radius / 2) ** 2)) + 0.15 * disc)
    return light[..., None] + random.normal(0, 1, (SIDE, SIDE, bands))


def test_the_sky_is_nearly_black_and_the_core_is_white():
    for bands in (1, 3):
        scaled = to_bytes(galaxy(bands), Stretch())
        assert np.median(scaled[:6]) < 15
        assert scaled[SIDE // 2, SIDE // 2].min() > 230


def test_faint_arms_are_seen_beside_a_bright_core():
    counts = galaxy(arms=0.5)
    scaled = to_bytes(counts, Stretch())[..., 0].astype(float)
    y, x = np.mgrid[:SIDE, :SIDE] - SIDE / 2 + 0.5
    radius, angle = np.hypot(x, y), np.arctan2(y, x)
    ring, wave = (radius > 8) & (radius < 16), np.cos(2 * angle - radius / 3)
    # At 5 to 10 % of the core's brightness, arms are a sixth of the whole range above the gaps.
    arms, gaps = scaled[ring & (wave > 0.7)].mean(), scaled[ring & (wave < -0.7)].mean()
    assert arms - gaps > 40


@pytest.mark.parametrize("bands", [1, 3])
@pytest.mark.parametrize("unit", [1e-9, 1.0, 1e9])
def test_a_sky_with_nothing_in_it_stays_dark_in_any_unit(bands, unit):
    counts = np.random.default_rng(0).normal(100, 7, (SIDE, SIDE, bands)) * unit
    scaled = to_bytes(counts, Stretch())
    assert np.percentile(scaled, 99) < 60
    # By percentiles alone its noise would fill the whole range.
    assert np.percentile(to_bytes(counts, Stretch(noise=0)), 99) > 200


def test_the_unit_and_the_level_of_the_sky_do_not_matter():
    counts = galaxy(3)
    plain = to_bytes(counts, Stretch()).astype(int)
    moved = to_bytes(1e-9 * counts + np.array([3e-7, 1e-7, 5e-7]), Stretch())
    assert np.abs(plain - moved).max() <= 2


def test_colours_are_those_of_lupton_by_astropy():
    counts = galaxy(3) * [2.0, 1.0, 0.5]
    softening, white = 12.0, 300.0
    ours = to_bytes(counts, Stretch(limits=(0.0, white), softening=softening)).astype(int)
    # astropy's curve through the same black, white and slope.
    q = 10 * np.sinh(0.1 * np.arcsinh(softening))
    theirs = make_lupton_rgb(
        *np.moveaxis(counts, 2, 0), minimum=0, stretch=q * white / softening, Q=q
    )
    assert np.abs(ours - theirs).max() <= 1  # it cuts off what we round


def test_red_light_is_red_and_balance_changes_it():
    counts = galaxy(3) * [3.0, 1.0, 1.0]
    red, green, blue = to_bytes(counts, Stretch())[30:34, 30:34].mean(axis=(0, 1))
    assert red > green + 30
    assert green == pytest.approx(blue, abs=20)
    even = to_bytes(counts, Stretch(balance=(1.0, 3.0, 3.0)))[30:34, 30:34].mean(axis=(0, 1))
    assert np.ptp(even) < 20


@pytest.mark.parametrize("bands", [2, 5])
def test_other_bands_are_each_scaled_by_themselves(bands):
    counts = galaxy(bands)
    counts[..., 1] = 1e6 + 1e4 * counts[..., 0]
    scaled = to_bytes(counts, Stretch()).astype(int)
    assert np.abs(scaled[..., 1] - scaled[..., 0]).max() <= 1
    alone = to_bytes(counts[..., :1], Stretch()).astype(int)
    assert np.array_equal(scaled[..., :1], alone)


def test_without_lupton_three_bands_are_each_scaled_by_themselves():
    counts = galaxy(3) * [1.0, 10.0, 100.0]
    scaled = to_bytes(counts, Stretch(lupton=False))
    assert scaled[30:34, 30:34].mean(axis=(0, 1)) == pytest.approx([250, 250, 250], abs=12)


def test_limits_keep_the_brightness_of_images_comparable():
    limits = Stretch(limits=(0.0, 500.0))
    faint, bright = (to_bytes(galaxy(brightness=b), limits).max() for b in (50, 400))
    assert bright > faint + 60
    assert to_bytes(np.array([[[-5.0], [0.0], [500.0], [9e9]]]), limits).ravel().tolist() == [
        0, 0, 255, 255
    ]  # fmt: skip


def test_what_is_not_finite_is_black_and_changes_nothing_else():
    for bands in (1, 3):
        counts = galaxy(bands)
        plain = to_bytes(counts, Stretch()).astype(int)
        counts[:, :3], counts[:3], counts[0, 0] = np.nan, np.inf, -np.inf
        scaled = to_bytes(counts, Stretch()).astype(int)
        assert not scaled[:3].any()
        assert not scaled[:, :3].any()
        assert np.abs(scaled - plain)[3:, 3:].max() < 20
        assert not to_bytes(np.full((4, 4, bands), np.nan), Stretch()).any()


@pytest.mark.parametrize("unit", [1e-9, 1.0, 1e9])
@pytest.mark.parametrize("missing", [[0], [2], [0, 1]])
def test_an_unknown_band_does_not_change_the_others(missing, unit):
    counts = unit * galaxy(3)
    empty = counts.copy()
    counts[..., missing], empty[..., missing] = np.nan, 0
    for stretch in (Stretch(), Stretch(noise=0), Stretch(lupton=False)):
        np.testing.assert_array_equal(to_bytes(counts, stretch), to_bytes(empty, stretch))
    counts[3, 3, missing] = 5 * unit  # nor does one of which hardly anything is known
    difference = to_bytes(counts, Stretch()).astype(int) - to_bytes(empty, Stretch())
    assert not difference.any()


def test_bands_that_are_nowhere_known_together_are_shown_in_any_unit():
    counts = galaxy(3)
    counts[:32, :, 0], counts[32:, :, 1], counts[..., 2] = np.nan, np.nan, np.inf
    plain = to_bytes(counts, Stretch()).astype(int)
    assert (plain.max(axis=2) > 0).mean() > 0.65  # 30 % of each band is black
    assert np.median(plain[:6, :, 1]) < 15
    for unit in (1e-9, 1e9):
        assert np.abs(to_bytes(unit * counts, Stretch()) - plain).max() <= 2


@pytest.mark.parametrize("bands", [1, 2, 3])
def test_light_in_a_few_pixels_is_shown_in_any_unit(bands):
    counts = np.zeros((SIDE, SIDE, bands))
    counts[30, 30], counts[30, 31] = 8.0, 4.0  # less than the percentile leaves out, no noise
    for unit in (1e-9, 1.0, 1e9):
        scaled = to_bytes(unit * counts, Stretch())
        assert (scaled[30, 30] == 255).all()
        assert scaled[30, 31, 0] == 200
        assert np.count_nonzero(scaled) == 2 * bands


@pytest.mark.parametrize("bands", [1, 3])
def test_an_image_without_contrast_is_black(bands):
    assert not to_bytes(np.full((5, 5, bands), 7.0), Stretch()).any()


numbers = st.floats(width=32, allow_nan=True, allow_infinity=True)


@pytest.mark.filterwarnings("error")
@settings(max_examples=150)
@given(
    arrays(np.float32, st.tuples(st.integers(1, 5), st.integers(1, 5), st.integers(1, 4)),
           elements=numbers),
    st.booleans(),
)  # fmt: skip
def test_any_counts_become_bytes_without_a_warning(counts, lupton):
    before = counts.copy()
    scaled = to_bytes(counts, Stretch(lupton=lupton))
    assert scaled.shape == counts.shape
    assert scaled.dtype == np.uint8
    assert scaled.flags.c_contiguous
    assert np.array_equal(counts, before, equal_nan=True)


def test_bands_are_chosen_and_ordered():
    counts = np.arange(5.0).reshape(1, 1, 5)
    three = counts[..., :3]
    assert choose_bands(three, Stretch(), blue_first=True).ravel().tolist() == [2, 1, 0]
    assert choose_bands(three, Stretch(), blue_first=False).ravel().tolist() == [0, 1, 2]
    assert choose_bands(counts, Stretch(), blue_first=True).ravel().tolist() == [0, 1, 2, 3, 4]
    for blue_first in (True, False):
        chosen = choose_bands(counts, Stretch(bands=(3, 1)), blue_first)
        assert chosen.ravel().tolist() == [3, 1]
    with pytest.raises(ValueError, match="it has 3 bands, but band 4 is requested"):
        choose_bands(three, Stretch(bands=(0, 4)), blue_first=True)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"low": 60, "high": 40}, "low 60, high 40 was given; expected 0 <= low < high <= 100"),
        ({"high": float("nan")}, "expected 0 <= low < high <= 100"),
        ({"noise": -1}, "noise -1 was given; expected 0 or more"),
        ({"softening": 0}, "softening 0 was given; expected a number above 0"),
        ({"bands": []}, "bands [] was given; expected one band or more, counted from 0"),
        ({"bands": [-1]}, "bands [-1] was given"),
        ({"balance": [1, 1]}, "balance [1, 1] was given; expected three numbers above 0"),
        ({"limits": [2, 1]}, "limits [2, 1] was given; expected two counts"),
        ({"limits": [0, float("inf")]}, "limits [0, inf] was given"),
    ],
)
def test_values_out_of_range_are_refused(wrong, said):
    with pytest.raises(RequestError) as caught:
        Stretch(**wrong)
    assert said in str(caught.value)
