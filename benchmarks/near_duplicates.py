"""What the search for near duplicates finds: copies of a source's images, planted among them.

    python benchmarks/near_duplicates.py SOURCE [--crop PIXELS] [--size 80] [--copies 400]

For each kind of copy, as many images are copied from their originals, packed, and sought among
all images of the source. First come the pairs that the source has without any planted copies:
look at them with `hubblefork inspect`. The likeliest pair below the threshold shows how near
images of different things come to it.
"""

import argparse
import io
import time
from collections.abc import Callable

import numpy as np
from PIL import Image

from hubblefork.data.duplicates import SAME, near_pairs
from hubblefork.data.images.decoded import DecodedImage
from hubblefork.data.images.framing import Framing, frame
from hubblefork.data.packing import pack
from hubblefork.data.sources import open_source


def saved(image: Image.Image, quality: int = 90) -> Image.Image:
    """The image as JPEG of this quality gives it back."""
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return Image.open(file)


def smaller(image: Image.Image) -> Image.Image:
    return image.resize((image.width // 2, image.height // 2), Image.Resampling.BICUBIC)


def brighter(image: Image.Image) -> Image.Image:
    return image.point(lambda value: min(255, round(1.1 * value)))


def moved(image: Image.Image) -> Image.Image:
    """Moved by a hundredth of the width, as in a cut-out with another centre."""
    by = max(1, round(image.width / 100))
    return image.transform(image.size, Image.Transform.AFFINE, (1, 0, by, 0, 1, by))


COPIES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "JPEG, quality 70": lambda image: saved(image, 70),
    "JPEG, quality 40": lambda image: saved(image, 40),
    "half the size": lambda image: saved(smaller(image)),
    "turned by 90 degrees": lambda image: saved(image.transpose(Image.Transpose.ROTATE_90)),
    "mirrored": lambda image: saved(image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)),
    "brighter by a tenth": lambda image: saved(brighter(image)),
    "half, turned, brighter, quality 70": lambda image: saved(
        brighter(smaller(image).transpose(Image.Transpose.TRANSVERSE)), 70
    ),
    "moved by a hundredth": lambda image: saved(moved(image)),
    "turned by 45 degrees": lambda image: saved(image.rotate(45, Image.Resampling.BICUBIC)),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source")
    parser.add_argument("--crop", type=int, help="centre square to keep, in pixels")
    parser.add_argument("--size", type=int, default=80, help="side of the packed images")
    parser.add_argument("--copies", type=int, default=400, help="of each kind")
    asked = parser.parse_args()

    source = open_source(asked.source, labelled=False)
    dataset = pack(source, Framing(asked.crop, asked.size))
    images = np.asarray(dataset.images)
    start = time.perf_counter()
    pairs, similarity = near_pairs(images, np.arange(len(images)), least=0)
    seconds = time.perf_counter() - start
    own = similarity >= SAME
    print(f"{asked.source}: {len(images):,} images, {seconds:.1f} s")
    print(f"pairs of its own: {own.sum():,}; likeliest other pair: {similarity[~own].max():.2f}")

    number = min(asked.copies, len(images))
    rows = np.sort(np.random.default_rng(0).choice(len(images), number, replace=False))
    places = np.flatnonzero(source.table["id"].isin(dataset.table["id"].iloc[rows]))
    read = source.read(places, Framing(asked.crop))
    originals = [Image.fromarray(each.pixels) for each in read if isinstance(each, DecodedImage)]
    known = {tuple(pair) for pair in pairs[own].tolist()}
    print(f"\n| {len(originals)} copies, each | found | false pairs | least alike |")
    print("|---|---|---|---|")
    for name, copy in COPIES.items():
        copies = [frame(np.asarray(copy(each)), Framing(size=asked.size)) for each in originals]
        together = np.concatenate([images, copies])
        pairs, similarity = near_pairs(together, np.arange(len(together)))
        true = {(row, len(images) + place) for place, row in enumerate(rows.tolist())}
        found = {tuple(pair): alike for pair, alike in zip(pairs.tolist(), similarity, strict=True)}
        hits = true & found.keys()
        least = f"{min(found[pair] for pair in hits):.2f}" if hits else "-"
        # A copy of an image that has a near duplicate of its own is rightly like that one too.
        origin = np.append(np.arange(len(images)), rows)
        others = {tuple(sorted(origin[list(pair)].tolist())) for pair in found.keys() - true}
        false = len(others - known)
        print(f"| {name} | {len(hits)} | {false} | {least} |", flush=True)


if __name__ == "__main__":
    main()
