"""Views: the fixed one changes nothing but units, the random ones shift and rotate as they say."""

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hubblefork.models.view import View
from hubblefork.networks.symmetries import symmetries

UNIT = {"mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0)}


def blob(side: int = 64, down: float = 0.0, across: float = 0.0) -> torch.Tensor:
    """One image (1, side, side, 3) with a Gaussian spot, its place in units of half a side."""
    place = (torch.arange(side) + 0.5) / side * 2 - 1
    spot = torch.exp(-((place[:, None] - down) ** 2 + (place - across) ** 2) / 0.01)
    return (spot * 255).to(torch.uint8)[None, ..., None].expand(1, side, side, 3).contiguous()


def centre(maps: torch.Tensor) -> tuple[float, float]:
    """Where the light of a (1, 3, H, W) view is, down and across, in units of half a side."""
    light = maps[0, 0].clamp(min=0)
    place = (torch.arange(light.shape[0]) + 0.5) / light.shape[0] * 2 - 1
    return (
        float((light.sum(1) * place).sum() / light.sum()),
        float((light.sum(0) * place).sum() / light.sum()),
    )


def test_the_fixed_view_of_the_packed_size_only_changes_units():
    images = torch.randint(0, 256, (4, 16, 16, 3), dtype=torch.uint8)
    view = View(size=16, mean=(0.5, 0.25, 0.0), std=(0.5, 1.0, 2.0), rotate=90)
    expected = images.permute(0, 3, 1, 2) / 255
    expected = (expected - torch.tensor([0.5, 0.25, 0.0]).view(3, 1, 1)) / torch.tensor(
        [0.5, 1.0, 2.0]
    ).view(3, 1, 1)
    torch.testing.assert_close(view.fixed(images), expected)
    torch.testing.assert_close(view.fixed(images), expected)  # the images are not changed


def test_a_view_without_augmentation_is_the_fixed_one():
    images = torch.randint(0, 256, (2, 24, 24, 3), dtype=torch.uint8)
    view = View(size=16, **UNIT)
    assert torch.equal(view.random(images), view.fixed(images))
    assert view.random(images).shape == (2, 3, 16, 16)


@given(seed=st.integers(0, 10_000), rotate=st.sampled_from([30, 90, 180]), flip=st.booleans())
def test_a_rotated_galaxy_keeps_its_distance_from_the_centre(seed, rotate, flip):
    torch.manual_seed(seed)
    # Nearer to the edge, the reflection that fills the corners would show the spot twice.
    down, across = centre(View(size=64, **UNIT, rotate=rotate, flip=flip).random(blob(down=-0.3)))
    assert math.hypot(down, across) == pytest.approx(0.3, abs=0.01)
    angle = math.degrees(math.atan2(across, -down))
    assert abs(angle) <= rotate + 1


@given(seed=st.integers(0, 10_000), zoom=st.sampled_from([1.1, 1.5]))
def test_zoom_and_shift_stay_within_their_ranges(seed, zoom):
    torch.manual_seed(seed)
    zoomed = centre(View(size=64, **UNIT, zoom=zoom).random(blob(across=0.4)))
    assert 0.4 / zoom - 0.02 <= zoomed[1] <= 0.4 * zoom + 0.02
    shifted = centre(View(size=64, **UNIT, shift=0.1).random(blob()))
    assert max(map(abs, shifted)) <= 0.2 + 0.01  # a tenth of a side is 0.2 half sides


def test_a_field_below_one_shows_the_middle_enlarged():
    images = blob(side=80, down=0.4)
    view = View(size=64, **UNIT, field_of_view=0.8)
    expected = images[:, 8:72, 8:72].permute(0, 3, 1, 2) / 255
    torch.testing.assert_close(view.fixed(images), expected)
    assert centre(view.fixed(images))[0] == pytest.approx(0.5, abs=0.01)
    # Rotated by nearly 0 degrees, the random view is the same.
    torch.testing.assert_close(
        replace(view, rotate=1e-6).random(images), expected, atol=1e-3, rtol=0
    )


@pytest.mark.parametrize(("size", "field"), [(32, 1.0), (24, 0.75)])
def test_no_view_aliases_what_is_finer_than_itself(size, field):
    board = (torch.arange(128)[:, None] + torch.arange(128)) % 2 * 255
    images = board.to(torch.uint8)[None, ..., None].expand(16, 128, 128, 3)
    view = View(size=size, **UNIT, field_of_view=field, rotate=180, flip=True, zoom=1.2, shift=0.05)
    torch.manual_seed(0)
    for seen in (view.fixed(images), view.random(images)):
        assert float(seen.mean()) == pytest.approx(0.5, abs=0.01)
        assert float(seen.std()) < 0.02


def test_views_follow_from_the_seed():
    view = View(size=32, **UNIT, rotate=180, flip=True, zoom=1.3, shift=0.1)
    images = torch.randint(0, 256, (8, 32, 32, 3), dtype=torch.uint8)
    drawn = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        drawn.append(view.random(images))
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])
    assert not torch.equal(drawn[0][0], drawn[0][1])


def test_an_image_is_seen_alike_in_a_part_of_its_batch():
    view = View(size=32, **UNIT, rotate=180, flip=True, zoom=1.3, shift=0.1)
    images = torch.randint(0, 256, (7, 32, 32, 3), dtype=torch.uint8)
    torch.manual_seed(1)
    whole = view.random(images)
    for start, stop in ((0, 3), (3, 5), (5, 7)):
        torch.manual_seed(1)
        own = view.random(images[start:stop], batch=7, start=start)
        torch.testing.assert_close(own, whole[start:stop])


def test_views_are_as_sharp_under_autocast():
    view = View(size=64, **UNIT, rotate=180, zoom=1.3, shift=0.1)
    drawn = []
    for enabled in (False, True):
        torch.manual_seed(3)
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            drawn.append(view.random(blob(across=0.3)))
    torch.testing.assert_close(*drawn)


def test_the_eight_symmetries_are_different_and_closed():
    maps = torch.rand(1, 1, 5, 5)
    transformed = {tuple(each.flatten().tolist()) for each in symmetries(maps)}
    assert len(transformed) == 8
    again = {tuple(each.flatten().tolist()) for each in symmetries(symmetries(maps)[3])}
    assert again == transformed


@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize("angles", [1, 2, 3])
def test_views_are_rotated_by_equal_parts_of_90_degrees_and_can_be_undone(symmetric, angles):
    view = View(size=64, **UNIT, symmetries=symmetric, angles=angles)
    inputs = view.fixed(blob(across=0.4, down=0.1))
    views = list(view.views(inputs))
    assert len(views) == view.number_of_views == angles * (8 if symmetric else 1)
    places = {tuple(round(value, 2) for value in centre(each)) for each in views}
    assert len(places) == len(views)
    assert all(
        math.hypot(*place) == pytest.approx(math.hypot(0.4, 0.1), abs=0.02) for place in places
    )
    back = view.undo_views(torch.cat(views)[:, 0])
    for each in back:
        assert centre(each[None, None]) == pytest.approx(centre(inputs), abs=0.01)
    assert len(list(view.single().views(inputs))) == 1


def test_the_angle_after_the_last_would_be_the_image_rotated_by_90_degrees():
    inputs = torch.rand(2, 3, 32, 32)
    thrice = View(size=32, **UNIT, angles=3)
    rotated = thrice.views(torch.rot90(inputs, 1, (-2, -1)))
    for before, after in zip(thrice.views(inputs), rotated, strict=True):
        torch.testing.assert_close(torch.rot90(before, 1, (-2, -1)), after)


def test_a_view_comes_back_from_json():
    view = View(size=64, mean=(0.1, 0.2, 0.3), std=(1.0, 2.0, 3.0), rotate=180, flip=True)
    assert View.from_json(view.to_json()) == view
