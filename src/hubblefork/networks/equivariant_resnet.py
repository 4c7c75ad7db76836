"""The network of the `default` recipe: a residual network that is equivariant under the group D4.

Every filter is used in eight orientations, rotated by multiples of 90 degrees and flipped (the
group D4). The network need not learn each orientation, and its output does not depend on that of
the image: group-equivariant convolutions (Cohen and Welling 2016, "Group equivariant convolutional
networks") with the regular representation in all layers.

Maps contain eight orientations of each feature: channel 8 f + g is feature f in orientation g. If
the image is rotated or flipped, so are the maps, and the eight are permuted; the input of the last
layer is the mean over the map, as the mean and the maximum of the eight.

In training, the eight copies of each filter are computed for every batch; for prediction they are
computed once: see `hubblefork.networks.inference`.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hubblefork.networks.dropout import Dropout
from hubblefork.networks.residual import ResidualBlock, check_residual, stages
from hubblefork.networks.symmetries import symmetries

ORIENTATIONS = 8


class EquivariantResNet(nn.Module):
    """A residual network of basic blocks whose filters come in eight orientations.

    Takes (N, C, H, W), returns logits (N, outputs). If H and W are multiples of 16, they are the
    same up to rounding for an image that is rotated by 90 degrees or flipped.
    Raises RequestError for images below 16x16 pixels.

    The parameters are those of `CompactResNet`, but `width` counts the features of the first stage,
    each in eight orientations: 8 x width channels.
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
        check_residual("equivariant-resnet", input_shape, width, blocks, dropout)
        widths = [width * 2**stage for stage in range(len(blocks))]
        self.stem = nn.Sequential(
            Lifting(input_shape[0], width, kernel_size=4, stride=2, padding=1),
            Normalisation(width),
            nn.ReLU(inplace=True),
        )
        self.stages = stages(Residual, widths, blocks)
        self.drop = Dropout(dropout)
        self.head = nn.Linear(2 * widths[-1], outputs)
        nn.init.zeros_(self.head.bias)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.drop(_invariants(self.stages(self.stem(images)))))


class Residual(ResidualBlock):
    """Two convolutions and a shortcut; with `halve`, the first convolution halves the maps."""

    def __init__(self, before: int, after: int, halve: bool):
        # With stride 2 on maps of even size, a kernel of even size is placed symmetrically; one of
        # 3x3 is not.
        first = {"kernel_size": 4, "stride": 2} if halve else {"kernel_size": 3}
        body = nn.Sequential(
            GroupConvolution(before, after, padding=1, **first),
            Normalisation(after),
            nn.ReLU(inplace=True),
            GroupConvolution(after, after, kernel_size=3, padding=1),
            Normalisation(after, first_weight=0.0),
        )
        short_cut: nn.Module = nn.Identity()
        if halve:
            short_cut = nn.Sequential(
                nn.AvgPool2d(2),
                GroupConvolution(before, after, kernel_size=1),
                Normalisation(after),
            )
        super().__init__(body, short_cut)


class Lifting(nn.Conv2d):
    """From an image to maps: each filter in eight orientations, (N, C, H, W) -> (N, 8 F, ...)."""

    def __init__(self, channels: int, features: int, kernel_size: int, stride: int, padding: int):
        super().__init__(channels, features, kernel_size, stride, padding, bias=False)
        nn.init.kaiming_normal_(self.weight, nonlinearity="relu")
        self.register_buffer("orders", _orders_of_kernels(kernel_size), persistent=False)

    def filters(self) -> Tensor:
        """(8 F, C, k, k): each filter in its eight orientations."""
        features, channels, side, _ = self.weight.shape
        filters = _Permuted.apply(self.weight.reshape(features * channels, -1), self.orders)
        filters = filters.view(features, channels, ORIENTATIONS, side, side)
        return filters.transpose(1, 2).reshape(features * ORIENTATIONS, channels, side, side)

    def forward(self, images: Tensor) -> Tensor:
        return self._conv_forward(images, self.filters(), None)

    def for_inference(self) -> nn.Conv2d:
        return _plain_convolution(self, self.filters())


class GroupConvolution(nn.Conv2d):
    """From maps to maps, (N, 8 A, H, W) -> (N, 8 B, ...), without a bias."""

    def __init__(
        self, before: int, after: int, kernel_size: int, stride: int = 1, padding: int = 0
    ):
        super().__init__(before * ORIENTATIONS, after, kernel_size, stride, padding, bias=False)
        nn.init.normal_(self.weight, std=(2 / self.weight[0].numel()) ** 0.5)
        self.register_buffer("orders", _orders_of_maps(kernel_size), persistent=False)

    def filters(self) -> Tensor:
        """(8 B, 8 A, k, k): each filter in its eight orientations."""
        after, channels, side, _ = self.weight.shape
        before = channels // ORIENTATIONS
        filters = _Permuted.apply(self.weight.reshape(after * before, -1), self.orders)
        filters = filters.view(after, before, ORIENTATIONS, ORIENTATIONS, side, side)
        return filters.transpose(1, 2).reshape(
            after * ORIENTATIONS, before * ORIENTATIONS, side, side
        )

    def forward(self, maps: Tensor) -> Tensor:
        return self._conv_forward(maps, self.filters(), None)

    def for_inference(self) -> nn.Conv2d:
        return _plain_convolution(self, self.filters())


class Normalisation(nn.Module):
    """Batch normalisation with one weight, bias, mean and variance for a feature's orientations.

    In training each channel is normalised by its own batch statistics, which is faster: for images
    in random orientations, the eight have the same distribution. In evaluation mode the running
    statistics are averaged over them.
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, features: int, first_weight: float = 1.0):
        super().__init__()
        # A block whose last weight is 0 is the identity at first (Goyal et al. 2017), so that
        # training is stable with a high learning rate.
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

    def for_inference(self) -> nn.BatchNorm2d:
        plain = nn.BatchNorm2d(len(self.running_mean), device=self.weight.device)
        plain.running_mean = _mean_over_orientations(self.running_mean)
        plain.running_var = _mean_over_orientations(self.running_var)
        for name in ("weight", "bias"):
            values = getattr(self, name).detach().repeat_interleave(ORIENTATIONS)
            setattr(plain, name, nn.Parameter(values))
        return plain


class _Permuted(torch.autograd.Function):
    """Each row of (R, n) in eight orders: (R, 8, n).

    `orders` (8, n) are permutations. The gradient gathers by their inverses, which is many times
    faster on a processor than the scattering that indexing would do.
    """

    @staticmethod
    def forward(context, rows: Tensor, orders: Tensor) -> Tensor:
        context.save_for_backward(orders)
        return rows.index_select(1, orders.flatten()).view(len(rows), *orders.shape)

    @staticmethod
    def backward(context, gradient: Tensor) -> tuple[Tensor, None]:
        (orders,) = context.saved_tensors
        starts = torch.arange(ORIENTATIONS, device=orders.device).unsqueeze(1) * orders.shape[1]
        back = (orders.argsort(dim=1) + starts).flatten()
        rows = gradient.reshape(len(gradient), -1).index_select(1, back)
        return rows.view(gradient.shape).sum(dim=1), None


def _invariants(maps: Tensor) -> Tensor:
    """(N, 8 F, H, W) -> (N, 2 F): means over the image, their mean and largest orientation."""
    means = maps.mean(dim=(2, 3)).unflatten(1, (-1, ORIENTATIONS))
    return torch.cat([means.mean(dim=2), means.amax(dim=2)], dim=1)


def _mean_over_orientations(values: Tensor) -> Tensor:
    means = values.unflatten(0, (-1, ORIENTATIONS)).mean(dim=1)
    return means.repeat_interleave(ORIENTATIONS)


def _plain_convolution(layer: nn.Conv2d, filters: Tensor) -> nn.Conv2d:
    """The convolution of a layer, with these filters."""
    after, before, side, _ = filters.shape
    # The device "meta" draws no random weights, which would change all later random numbers.
    plain = nn.Conv2d(before, after, side, bias=False, device="meta")
    plain.stride, plain.padding = layer.stride, layer.padding
    plain.weight = nn.Parameter(filters.contiguous(memory_format=torch.channels_last))
    return plain


def _orders_of_kernels(side: int) -> Tensor:
    """(8, k k): which pixel of a filter each pixel of the oriented filter is."""
    # On the CPU also where a network is sketched without memory: torch would import its compiler.
    pixels = torch.arange(side * side, device="cpu").view(1, 1, side, side)
    return torch.stack([each.flatten() for each in symmetries(pixels)])


def _orders_of_maps(side: int) -> Tensor:
    """(8, 8 k k): the same for filters over eight orientations, which are permuted too.

    Orientation g brings the filter's weights for orientation h to orientation g h.
    """
    pixels = torch.arange(ORIENTATIONS * side * side, device="cpu")
    pixels = pixels.view(1, ORIENTATIONS, side, side)
    orders = []
    for g, (oriented,) in enumerate(symmetries(pixels)):
        moved = torch.empty_like(oriented)
        moved[[_product(g, h) for h in range(ORIENTATIONS)]] = oriented
        orders.append(moved.flatten())
    return torch.stack(orders)


def _product(after: int, before: int) -> int:
    """The product of `before` and then `after`, numbered as by `symmetries`."""
    # A flip reverses the direction of the rotation before it.
    rotations = after + (-before if after >= 4 else before)
    return rotations % 4 + 4 * ((after >= 4) != (before >= 4))
