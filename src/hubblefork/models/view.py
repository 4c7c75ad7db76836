"""Preprocessing and augmentation: one affine resample of a whole batch, on its device.

A `View` is made once, saved in the model file, and used in training, evaluation and prediction:
training draws random views, everything else uses the fixed one.
"""

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from hubblefork.networks.symmetries import symmetries, undo_symmetry


@dataclass(frozen=True)
class View:
    """Conversion of packed uint8 images to the float input of a network.

    Parameters
    ----------
    size
        Side of the network's input, in pixels.
    field_of_view
        Fraction of the packed image's side that the view shows around the centre, in (0, 1]. The
        margin outside it fills the corners of rotated images with real sky.
    mean, std
        One number per channel, for pixel values in [0, 1]: the input is (value - mean) / std.
    rotate
        Training images are rotated by up to this many degrees in either direction, in [0, 180].
    flip
        Whether half of the training images are flipped left to right.
    zoom
        Training images are scaled by exp(U(-ln zoom, ln zoom)); 1: no scaling.
    shift
        Training images are shifted by up to this fraction of their side along each axis.
    symmetries
        Test-time augmentation: predictions are averaged over the eight rotations by 90 degrees
        and reflections.
    angles
        Test-time augmentation: predictions are averaged over rotations by this many equal parts
        of 90 degrees.
    """

    size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    field_of_view: float = 1.0
    rotate: float = 0.0
    flip: bool = False
    zoom: float = 1.0
    shift: float = 0.0
    symmetries: bool = False
    angles: int = 1

    @property
    def augments(self) -> bool:
        """Whether a random view differs from the fixed one."""
        return self.rotate > 0 or self.flip or self.zoom != 1 or self.shift > 0

    @property
    def number_of_views(self) -> int:
        """How many `views` predictions are averaged over."""
        return self.angles * (8 if self.symmetries else 1)

    def fixed(self, images: Tensor) -> Tensor:
        """The view of evaluation: (N, H, W, C) uint8 -> (N, C, size, size) float32."""
        side = images.shape[1]
        edge = round((1 - self.field_of_view) / 2 * side)
        maps = _to_maps(images[:, edge : side - edge, edge : side - edge])
        if maps.shape[-2:] != (self.size, self.size):
            # antialias matters when the packed image is much larger than the view.
            shape = (self.size, self.size)
            maps = F.interpolate(maps, shape, mode="bilinear", antialias=True)
        return self._normalise(maps)

    def random(self, images: Tensor, batch: int | None = None, start: int = 0) -> Tensor:
        """A random view of each image, for training: (N, H, W, C) uint8 -> (N, C, size, size).

        Draws from torch's global generator of the images' device. If the images are those from
        `start` on of a larger `batch`, their views are the same as in the whole batch.
        """
        if not self.augments:
            return self.fixed(images)
        maps = _to_maps(images)
        side = round(self.size / self.field_of_view)
        if maps.shape[-1] > side:
            # The sampling below interpolates neighbouring pixels only, without antialiasing.
            maps = F.interpolate(maps, (side, side), mode="bilinear", antialias=True)
        matrices = self._random_matrices(batch or len(maps), maps.device)
        matrices = matrices[start : start + len(maps)]
        shape = [len(maps), maps.shape[1], self.size, self.size]
        # Under autocast, affine_grid would round its coordinates to bfloat16, by a pixel or two.
        with torch.autocast(maps.device.type, enabled=False):
            grid = F.affine_grid(matrices, shape, align_corners=False)
        # Reflection fills the corners of a rotated image with similar background.
        maps = F.grid_sample(maps, grid, padding_mode="reflection", align_corners=False)
        return self._normalise(maps)

    def views(self, inputs: Tensor) -> Iterator[Tensor]:
        """Test-time augmentation: inputs (N, C, H, H), as `fixed` returns them, in every view."""
        for part in range(self.angles):
            # The corners are filled as in training.
            rotated = _rotated(inputs, 90 * part / self.angles, "reflection") if part else inputs
            yield from symmetries(rotated) if self.symmetries else [rotated]

    def undo_views(self, maps: Tensor) -> Tensor:
        """Undo `views`: maps (views, H, H), one of each, to maps in the orientation of the image.

        Corners outside the view are 0.
        """
        back = []
        for part, group in enumerate(maps.split(self.number_of_views // self.angles)):
            straight = torch.stack([undo_symmetry(each, k) for k, each in enumerate(group)])
            angle = 90 * part / self.angles
            back.append(_rotated(straight[:, None], -angle, "zeros")[:, 0] if part else straight)
        return torch.cat(back)

    def single(self) -> "View":
        """This view without test-time augmentation."""
        return replace(self, symmetries=False, angles=1)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "View":
        tuples = {key: tuple(value[key]) for key in ("mean", "std")}
        return cls(**{**value, **tuples})

    def _random_matrices(self, count: int, device: torch.device) -> Tensor:
        """(N, 2, 3) matrices from positions in the view to those in the image, both in [-1, 1]."""
        draw = torch.rand(5, count, device=device) * 2 - 1
        angle = draw[0] * math.radians(self.rotate)
        scale = torch.exp(draw[1] * math.log(self.zoom)) / self.field_of_view
        flip = torch.where(draw[2] < 0, -1.0, 1.0) if self.flip else torch.ones_like(angle)
        # A view is 2 x field_of_view units wide in these coordinates.
        across, down = 2 * self.field_of_view * self.shift * draw[3:]
        cos, sin = torch.cos(angle) / scale, torch.sin(angle) / scale
        rows = torch.stack([cos * flip, -sin, across, sin * flip, cos, down], dim=1)
        return rows.view(count, 2, 3)

    def _normalise(self, maps: Tensor) -> Tensor:
        mean = maps.new_tensor(self.mean).view(1, -1, 1, 1)
        std = maps.new_tensor(self.std).view(1, -1, 1, 1)
        return maps.sub_(255 * mean).div_(255 * std)


def _rotated(maps: Tensor, degrees: float, outside: str) -> Tensor:
    """Maps (N, C, H, H) rotated about their centre, anticlockwise as `symmetries` does."""
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    matrix = maps.new_tensor([[[cos, -sin, 0.0], [sin, cos, 0.0]]])
    grid = F.affine_grid(matrix, [1, *maps.shape[1:]], align_corners=False)
    grid = grid.expand(maps.shape[0], -1, -1, -1)
    return F.grid_sample(maps, grid, padding_mode=outside, align_corners=False)


def _to_maps(images: Tensor) -> Tensor:
    """(N, H, W, C) uint8 -> (N, C, H, W) float32 in [0, 255]; the memory stays channels-last."""
    return images.permute(0, 3, 1, 2).to(torch.float32)
