"""Common parts of the residual networks: their options, and stages of blocks."""

from collections.abc import Callable, Sequence

from torch import Tensor, nn

from hubblefork.core.errors import RequestError
from hubblefork.networks.requirements import require_size

# The stem halves the image, and each stage after the first halves it again: 16 pixels leave one.
_SMALLEST = 16


def check_residual(
    network: str,
    input_shape: tuple[int, int, int],
    width: int,
    blocks: Sequence[int],
    dropout: float,
) -> None:
    """RequestError where a residual network cannot be made for such images with these options."""
    require_size(network, input_shape, _SMALLEST)
    if width < 1 or not blocks or min(blocks) < 1 or not 0 <= dropout < 1:
        raise RequestError(
            f"{network} needs width >= 1, blocks >= 1 and 0 <= dropout < 1, "
            f"not width={width}, blocks={list(blocks)}, dropout={dropout}"
        )


class ResidualBlock(nn.Module):
    """The sum of a body and a shortcut."""

    def __init__(self, body: nn.Sequential, short_cut: nn.Module):
        super().__init__()
        self.body = body
        self.short_cut = short_cut
        self.relu = nn.ReLU(inplace=True)

    def forward(self, maps: Tensor) -> Tensor:
        return self.relu(self.body(maps) + self.short_cut(maps))


def stages(
    block: Callable[[int, int, bool], ResidualBlock], widths: Sequence[int], blocks: Sequence[int]
) -> nn.Sequential:
    """Stages of blocks; the first block of each stage except the first halves the maps.

    block: called with the number of its input and output channels, and whether it halves the maps.
    widths: the channels of each stage. blocks: the number of blocks of each stage.
    """
    made, before = nn.Sequential(), widths[0]
    for number, (width, count) in enumerate(zip(widths, blocks, strict=True)):
        first = block(before, width, number > 0)
        made.append(nn.Sequential(first, *(block(width, width, False) for _ in range(count - 1))))
        before = width
    return made
