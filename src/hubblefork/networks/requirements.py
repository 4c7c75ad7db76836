"""The smallest image that a network accepts."""

from hubblefork.core.errors import RequestError


def require_size(network: str, input_shape: tuple[int, int, int], least: int) -> None:
    """RequestError where an image (C, H, W) is below `least` pixels on a side."""
    _, height, width = input_shape
    if min(height, width) < least:
        raise RequestError(
            f"{network} needs images of at least {least}x{least} pixels, "
            f"not {height}x{width}: raise --size, and view.size where the recipe sets it"
        )
