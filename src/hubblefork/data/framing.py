"""How a picture is cut and scaled before it is packed: a centred square, a size, colour or grey."""

from dataclasses import asdict, dataclass
from typing import Any

from hubblefork.errors import RequestError


@dataclass(frozen=True)
class Framing:
    """The square that is kept of every picture, and the form it is packed in.

    crop: side of the square kept around the centre, in pixels of the original picture. None keeps
        the largest centred square. A picture smaller than the crop is left out with a reason:
        filling or enlarging it would change the scale that the crop is there to keep.
    size: side of the packed picture in pixels. None leaves the kept square as it is.
    grey: pack one channel of luma instead of red, green and blue.

    Raises RequestError where a side is not a positive whole number.

    >>> Framing(crop=212, size=106).channels
    3
    >>> Framing(size=0)
    Traceback (most recent call last):
    hubblefork.errors.RequestError: size is 0; expected a whole number of pixels from 1 to 10,000
    """

    crop: int | None = None
    size: int | None = None
    grey: bool = False

    def __post_init__(self) -> None:
        for name in ("crop", "size"):
            side = getattr(self, name)
            whole = isinstance(side, int) and not isinstance(side, bool)
            # 10,000 squared is the largest picture that is decoded at all (pictures.MOST_PIXELS).
            if side is not None and not (whole and 1 <= side <= 10_000):
                raise RequestError(
                    f"{name} is {side!r}; expected a whole number of pixels from 1 to 10,000"
                )

    @property
    def channels(self) -> int:
        """Channels of a packed picture: 3, or 1 if grey."""
        return 1 if self.grey else 3

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def __str__(self) -> str:
        crop = f"centre {self.crop} pixels" if self.crop else "centre square"
        size = f", resized to {self.size}x{self.size}" if self.size else ""
        return crop + size + (", grey" if self.grey else "")
