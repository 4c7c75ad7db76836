"""What networks ask of their input and their options."""

from collections.abc import Sequence

from hubblefork.core.errors import RequestError


def require_size(network: str, input_shape: tuple[int, int, int], least: int) -> None:
    """RequestError where an image (C, H, W) is below `least` pixels on a side."""
    _, height, width = input_shape
    if min(height, width) < least:
        raise RequestError(
            f"{network} needs images of at least {least}x{least} pixels, "
            f"not {height}x{width}: raise --size, and view.size where the recipe sets it"
        )


def require_residual_options(
    network: str, width: int, blocks: Sequence[int], dropout: float
) -> None:
    """RequestError where a residual network cannot be made with these options."""
    if width < 1 or not blocks or min(blocks) < 1 or not 0 <= dropout < 1:
        raise RequestError(
            f"{network} needs width >= 1, blocks >= 1 and 0 <= dropout < 1, "
            f"not width={width}, blocks={list(blocks)}, dropout={dropout}"
        )
