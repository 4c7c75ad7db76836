"""The network of the `default` recipe: a residual network that knows that a galaxy has no up.

Every filter is used in its eight orientations, the rotations by 90 degrees and their mirror images
(the group D4), so the network does not learn them one by one, and its answer does not depend on
them: group-equivariant convolutions (Cohen and Welling 2016, "Group equivariant convolutional
networks") with the regular representation throughout.

Maps hold eight orientations of each feature: channel 8 f + g is feature f in orientation g. A
turned image turns the maps and permutes the eight; only the mean over both is given to the last
layer.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hubblefork.networks.dropout import Dropout
from hubblefork.networks.requirements import require_size
from hubblefork.networks.residual_options import require_options

ORIENTATIONS = 8

# The stem halves the image, and each later stage halves it again.
_SMALLEST = 16


class EquivariantResNet(nn.Module):
    """A residual network of basic blocks whose filters come in eight orientations.

    Takes (N, C, H, W), gives logits (N, outputs). Where H and W are multiples of 16, the logits of
    an image and of its rotations by 90 degrees and mirror images are the same up to rounding.
    Raises RequestError for images below 16x16 pixels.

    Parameters
    ----------
    input_shape
        (C, H, W) of one image.
    outputs
        The number of classes.
    width
        Features of the first stage, each in eight orientations: 8 x width channels. Each later
        stage doubles them.
    blocks
        Residual blocks in each stage.
    dropout
        Share of features dropped before the last layer while training, in [0, 1).
    """

    def __init__(
        self,
        input_shape: tuple[int, int, int],
        outputs: int,
        width: int = 5,
        blocks: tuple[int, ...] = (1, 1, 1, 1),
        dropout: float = 0.0,
    ):
        super().__init__()
        require_size("equivariant-resnet", input_shape, _SMALLEST)
        require_options("equivariant-resnet", width, blocks, dropout)
        widths = [width * 2**stage for stage in range(len(blocks))]
        self.stem = nn.Sequential(
            Lifting(input_shape[0], width, kernel_size=4, stride=2, padding=1),
            Normalisation(width),
            nn.ReLU(inplace=True),
        )
        self.stages = nn.Sequential(_stage(width, width, blocks[0], halve=False))
        for (before, after), count in zip(pairwise(widths), blocks[1:], strict=True):
            self.stages.append(_stage(before, after, count, halve=True))
        self.drop = Dropout(dropout)
        self.head = nn.Linear(2 * widths[-1], outputs)
        nn.init.zeros_(self.head.bias)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.drop(_invariants(self.stages(self.stem(images)))))


class Residual(nn.Module):
    """Two convolutions beside a short cut; the first halves the maps where asked."""

    def __init__(self, before: int, after: int, halve: bool):
        super().__init__()
        # A kernel of even side, every other pixel of a map of even side: its places are symmetric,
        # as those of a strided 3x3 kernel are not.
        first = {"kernel_size": 4, "stride": 2} if halve else {"kernel_size": 3}
        self.body = nn.Sequential(
            GroupConvolution(before, after, padding=1, **first),
            Normalisation(after),
            nn.ReLU(inplace=True),
            GroupConvolution(after, after, kernel_size=3, padding=1),
            Normalisation(after, first_weight=0.0),
        )
        self.short_cut: nn.Module = nn.Identity()
        if halve:
            self.short_cut = nn.Sequential(
                nn.AvgPool2d(2),
                GroupConvolution(before, after, kernel_size=1),
                Normalisation(after),
            )
        self.relu = nn.ReLU(inplace=True)

    def forward(self, maps: Tensor) -> Tensor:
        return self.relu(self.body(maps) + self.short_cut(maps))


class Lifting(nn.Conv2d):
    """From an image to maps: each filter in eight orientations, (N, C, H, W) -> (N, 8 F, ...)."""

    def __init__(self, channels: int, features: int, kernel_size: int, stride: int, padding: int):
        super().__init__(channels, features, kernel_size, stride, padding, bias=False)
        nn.init.kaiming_normal_(self.weight, nonlinearity="relu")
        self.register_buffer("turns", _turns_of_kernels(kernel_size), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        features, channels, side, _ = self.weight.shape
        filters = _Permuted.apply(self.weight.reshape(features * channels, -1), self.turns)
        filters = filters.view(features, channels, ORIENTATIONS, side, side)
        filters = filters.transpose(1, 2).reshape(features * ORIENTATIONS, channels, side, side)
        return self._conv_forward(images, filters, None)


class GroupConvolution(nn.Conv2d):
    """From maps to maps, (N, 8 A, H, W) -> (N, 8 B, ...), without a bias."""

    def __init__(
        self, before: int, after: int, kernel_size: int, stride: int = 1, padding: int = 0
    ):
        super().__init__(before * ORIENTATIONS, after, kernel_size, stride, padding, bias=False)
        nn.init.normal_(self.weight, std=(2 / self.weight[0].numel()) ** 0.5)
        self.register_buffer("turns", _turns_of_maps(kernel_size), persistent=False)

    def forward(self, maps: Tensor) -> Tensor:
        after, channels, side, _ = self.weight.shape
        before = channels // ORIENTATIONS
        filters = _Permuted.apply(self.weight.reshape(after * before, -1), self.turns)
        filters = filters.view(after, before, ORIENTATIONS, ORIENTATIONS, side, side)
        filters = filters.transpose(1, 2).reshape(
            after * ORIENTATIONS, before * ORIENTATIONS, side, side
        )
        return self._conv_forward(maps, filters, None)


class Normalisation(nn.Module):
    """Batch normalisation with one weight, bias, mean and variance for a feature's orientations.

    While training each channel is normalised by its own batch, which costs nothing extra: the
    orientations of a turned image are alike on average. The running ones are means over them.
    """

    def __init__(self, features: int, first_weight: float = 1.0):
        super().__init__()
        # A block whose last weight is 0 begins as the identity (Goyal et al. 2017), so high
        # learning rates are safe from the first step.
        self.weight = nn.Parameter(torch.full((features,), first_weight))
        self.bias = nn.Parameter(torch.zeros(features))
        channels = features * ORIENTATIONS
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def forward(self, maps: Tensor) -> Tensor:
        mean, variance = self.running_mean, self.running_var
        if not self.training:
            mean, variance = _mean_over_orientations(mean), _mean_over_orientations(variance)
        weight, bias = (p.repeat_interleave(ORIENTATIONS) for p in (self.weight, self.bias))
        return F.batch_norm(maps, mean, variance, weight, bias, self.training)


class _Permuted(torch.autograd.Function):
    """Each row of (R, n) in eight orders: (R, 8, n).

    `turns` (8, n) are permutations. The gradient gathers by their inverses, which is many times
    faster on a processor than the scattering that indexing would do.
    """

    @staticmethod
    def forward(context, rows: Tensor, turns: Tensor) -> Tensor:
        context.save_for_backward(turns)
        return rows.index_select(1, turns.flatten()).view(len(rows), *turns.shape)

    @staticmethod
    def backward(context, gradient: Tensor) -> tuple[Tensor, None]:
        (turns,) = context.saved_tensors
        starts = torch.arange(ORIENTATIONS, device=turns.device).unsqueeze(1) * turns.shape[1]
        back = (turns.argsort(dim=1) + starts).flatten()
        rows = gradient.reshape(len(gradient), -1).index_select(1, back)
        return rows.view(gradient.shape).sum(dim=1), None


def _stage(before: int, after: int, blocks: int, halve: bool) -> nn.Sequential:
    first = Residual(before, after, halve)
    return nn.Sequential(first, *(Residual(after, after, False) for _ in range(blocks - 1)))


def _invariants(maps: Tensor) -> Tensor:
    """(N, 8 F, H, W) -> (N, 2 F): means over the image, their mean and largest orientation."""
    means = maps.mean(dim=(2, 3)).unflatten(1, (-1, ORIENTATIONS))
    return torch.cat([means.mean(dim=2), means.amax(dim=2)], dim=1)


def _mean_over_orientations(values: Tensor) -> Tensor:
    means = values.unflatten(0, (-1, ORIENTATIONS)).mean(dim=1)
    return means.repeat_interleave(ORIENTATIONS)


def _turned(kernel: Tensor, orientation: int) -> Tensor:
    """A kernel (..., k, k) in an orientation: 0 to 3 quarter turns, and 4 to 7 mirrored before."""
    mirrored = kernel.flip(-1) if orientation >= 4 else kernel
    return torch.rot90(mirrored, orientation % 4, (-2, -1))


def _turns_of_kernels(side: int) -> Tensor:
    """(8, k k): which pixel of a filter each pixel of the turned filter is."""
    places = torch.arange(side * side).view(side, side)
    return torch.stack([_turned(places, g).flatten() for g in range(ORIENTATIONS)])


def _turns_of_maps(side: int) -> Tensor:
    """(8, 8 k k): the same for filters over eight orientations, which a turn permutes too.

    A turn by g brings the filter's weights for orientation h to orientation g h.
    """
    places = torch.arange(ORIENTATIONS * side * side).view(ORIENTATIONS, side, side)
    turned = []
    for g in range(ORIENTATIONS):
        maps = _turned(places, g)
        order = [_product(g, h) for h in range(ORIENTATIONS)]
        moved = torch.empty_like(maps)
        moved[order] = maps
        turned.append(moved.flatten())
    return torch.stack(turned)


def _product(after: int, before: int) -> int:
    """The orientation that a turn by `before` and then by `after` comes to."""
    # A mirror turns the sense of the rotation that was made before it.
    turns = after + (-before if after >= 4 else before)
    return turns % 4 + 4 * ((after >= 4) != (before >= 4))
