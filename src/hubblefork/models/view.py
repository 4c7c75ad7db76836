"""What the network sees of packed images: one affine resample of a whole batch, on its device.

A `View` is made once, kept in the model file, and used alike in training, evaluation and
prediction: training draws random views, everything else uses the fixed one.
"""

import math
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True)
class View:
    """How packed uint8 images become the float input of a network.

    Parameters
    ----------
    size
        Side of the network's input, in pixels.
    field_of_view
        Share of the packed image's side that the view shows around the centre, in (0, 1]. What
        lies outside fills the corners of turned images with real sky.
    mean, std
        One number a channel, for pixel values in [0, 1]: the input is (value - mean) / std.
    rotate
        Training images are turned by up to this many degrees either way, in [0, 180].
    flip
        Whether half of the training images are mirrored left-right.
    zoom
        Training images are scaled by exp(U(-ln zoom, ln zoom)); 1 leaves them as they are.
    shift
        Training images are moved by up to this share of their side along each axis.
    symmetries
        Whether predictions are averaged over the eight rotations by 90 degrees and mirror images.
    angles
        Predictions are averaged over the view turned by so many equal parts of 90 degrees.
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
        """A view of training, another for each image: (N, H, W, C) uint8 -> (N, C, size, size).

        Draws from torch's global generator of the images' device. Where the images are those
        from `start` on of a larger `batch`, each is seen as it would be in the whole of it.
        """
        if not self.augments:
            return self.fixed(images)
        maps = _to_maps(images)
        side = round(self.size / self.field_of_view)
        if maps.shape[-1] > side:
            # The sampling below looks at single pixels: without this, those between would be lost.
            maps = F.interpolate(maps, (side, side), mode="bilinear", antialias=True)
        matrices = self._random_matrices(batch or len(maps), maps.device)
        matrices = matrices[start : start + len(maps)]
        shape = [len(maps), maps.shape[1], self.size, self.size]
        # Under autocast, affine_grid would round its places to bfloat16: to a pixel or two.
        with torch.autocast(maps.device.type, enabled=False):
            grid = F.affine_grid(matrices, shape, align_corners=False)
        # Reflection fills the corners of a turned image with what a sky or a lawn looks like.
        maps = F.grid_sample(maps, grid, padding_mode="reflection", align_corners=False)
        return self._normalise(maps)

    def sides(self, inputs: Tensor) -> list[Tensor]:
        """Inputs (N, C, H, H), as `fixed` gives them, on every side that predictions look from."""
        turned = [inputs]
        for part in range(1, self.angles):
            # Training filled the corners in the same way.
            turned.append(_turned(inputs, 90 * part / self.angles, "reflection"))
        if not self.symmetries:
            return turned
        return [side for each in turned for side in symmetries(each)]

    @property
    def number_of_sides(self) -> int:
        """How many `sides` there are."""
        return self.angles * (8 if self.symmetries else 1)

    def upright(self, maps: Tensor) -> Tensor:
        """Undo `sides`: maps (sides, H, H), one of each, to the same as if never turned.

        What no side shows, in the corners, is 0.
        """
        number = self.number_of_sides // self.angles
        back = []
        for part, group in enumerate(maps.split(number)):
            straight = torch.stack([_unturned(each, side) for side, each in enumerate(group)])
            angle = 90 * part / self.angles
            back.append(_turned(straight[:, None], -angle, "zeros")[:, 0] if part else straight)
        return torch.cat(back)

    def one_sided(self) -> "View":
        """The same, with predictions that look from one side only."""
        return replace(self, symmetries=False, angles=1)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "View":
        tuples = {key: tuple(value[key]) for key in ("mean", "std")}
        return cls(**{**value, **tuples})

    def _random_matrices(self, count: int, device: torch.device) -> Tensor:
        """(N, 2, 3) matrices from places in the view to places in the image, both in [-1, 1]."""
        draw = torch.rand(5, count, device=device) * 2 - 1
        angle = draw[0] * math.radians(self.rotate)
        scale = torch.exp(draw[1] * math.log(self.zoom)) / self.field_of_view
        mirror = torch.where(draw[2] < 0, -1.0, 1.0) if self.flip else torch.ones_like(angle)
        # A view is 2 x field_of_view units wide in these coordinates.
        across, down = 2 * self.field_of_view * self.shift * draw[3:]
        cos, sin = torch.cos(angle) / scale, torch.sin(angle) / scale
        rows = torch.stack([cos * mirror, -sin, across, sin * mirror, cos, down], dim=1)
        return rows.view(count, 2, 3)

    def _normalise(self, maps: Tensor) -> Tensor:
        mean = maps.new_tensor(self.mean).view(1, -1, 1, 1)
        std = maps.new_tensor(self.std).view(1, -1, 1, 1)
        return maps.sub_(255 * mean).div_(255 * std)


def symmetries(maps: Tensor) -> list[Tensor]:
    """The eight rotations by 90 degrees and mirror images of square (N, C, H, H) images.

    >>> len(symmetries(torch.zeros(1, 3, 4, 4)))
    8
    """
    mirrored = maps.flip(-1)
    return [torch.rot90(side, turns, (-2, -1)) for side in (maps, mirrored) for turns in range(4)]


def _unturned(each: Tensor, side: int) -> Tensor:
    """Undo the symmetry of this number."""
    straight = torch.rot90(each, -(side % 4), (-2, -1))
    return straight.flip(-1) if side >= 4 else straight


def _turned(maps: Tensor, degrees: float, outside: str) -> Tensor:
    """Maps (N, C, H, H) about their middle, anticlockwise as `symmetries` turns them."""
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    matrix = maps.new_tensor([[cos, -sin, 0.0], [sin, cos, 0.0]]).expand(len(maps), 2, 3)
    grid = F.affine_grid(matrix, list(maps.shape), align_corners=False)
    return F.grid_sample(maps, grid, padding_mode=outside, align_corners=False)


def _to_maps(images: Tensor) -> Tensor:
    """(N, H, W, C) uint8 -> (N, C, H, W) float32 in [0, 255]; the memory stays channels-last."""
    return images.permute(0, 3, 1, 2).to(torch.float32)
