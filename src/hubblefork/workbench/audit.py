"""The random audit: images in a random order, so that what is answered is a sample of all.

Labels of images that were chosen by a model say little of how often it is right. Those of the audit
do, however the others were chosen: by them accuracy is measured, and a model calibrated.
"""

import hashlib
from collections.abc import Sequence

import numpy as np

from hubblefork.workbench.store import Answer, Labels

AUDIT = "random-audit"


def random_order(images: Sequence[tuple[str, str]]) -> np.ndarray:
    """(N,) rows of images, given by id and digest, in a random order.

    It is the same for all raters and after any restart: that of a digest of each image's id and
    content. Where images are added, the others stay in their order.
    """
    drawn = [
        hashlib.sha256(repr((AUDIT, image)).encode("utf-8", "surrogatepass")).digest()
        for image in images
    ]
    return np.array(sorted(range(len(drawn)), key=drawn.__getitem__), np.int64)


def is_random(answer: Answer) -> bool:
    """Whether an image came in its turn of the audit, without a filter or a click."""
    return answer.queue == f"queue={AUDIT}"


def random_sample(labels: Labels) -> list[Answer]:
    """The standing answers of raters to the images that they were given by the audit.

    An answer that was corrected later, in whatever queue, still belongs to the sample.
    """
    drawn = {(each.rater, each.image, each.digest) for each in labels.given() if is_random(each)}
    return [each for each in labels.standing() if (each.rater, each.image, each.digest) in drawn]
