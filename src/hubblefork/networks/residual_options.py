"""The options that the residual networks share."""

from collections.abc import Sequence

from hubblefork.core.errors import RequestError


def require_options(network: str, width: int, blocks: Sequence[int], dropout: float) -> None:
    """RequestError where a residual network cannot be made with these options."""
    if width < 1 or not blocks or min(blocks) < 1 or not 0 <= dropout < 1:
        raise RequestError(
            f"{network} needs width >= 1, blocks >= 1 and 0 <= dropout < 1, "
            f"not width={width}, blocks={list(blocks)}, dropout={dropout}"
        )
