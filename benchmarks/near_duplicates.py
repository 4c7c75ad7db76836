"""Recall and false positives of the search for near duplicates, on planted copies of images.

    python benchmarks/near_duplicates.py SOURCE [--crop PIXELS] [--size 80] [--copies 400]

For each kind of change, COPIES images are copied from their originals, changed, packed, and
searched for among all images of the source. The pairs that the source has without planted copies
are printed first; `hubblefork inspect` shows them. The most similar pair below the threshold shows
how close images of different objects come to it.
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
    """Save the image as JPEG of this quality, and read it again."""
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return Image.open(file)


def smaller(image: Image.Image) -> Image.Image:
    return image.resize((image.width // 2, image.height // 2), Image.Resampling.BICUBIC)


def brighter(image: Image.Image) -> Image.Image:
    return image.point(lambda value: min(255, round(1.1 * value)))


def shifted(image: Image.Image) -> Image.Image:
    """Shifted by 1 % of the width, as a cut-out with another centre."""
    by = max(1, round(image.width / 100))
    return image.transform(image.size, Image.Transform.AFFINE, (1, 0, by, 0, 1, by))


COPIES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "JPEG, quality 70": lambda image: saved(image, 70),
    "JPEG, quality 40": lambda image: saved(image, 40),
    "half the size": lambda image: saved(smaller(image)),
    "rotated by 90 degrees": lambda image: saved(image.transpose(Image.Transpose.ROTATE_90)),
    "flipped": lambda image: saved(image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)),
    "10 % brighter": lambda image: saved(brighter(image)),
    "half, rotated, brighter, quality 70": lambda image: saved(
        brighter(smaller(image).transpose(Image.Transpose.TRANSVERSE)), 70
    ),
    "shifted by 1 %": lambda image: saved(shifted(image)),
    "rotated by 45 degrees": lambda image: saved(image.rotate(45, Image.Resampling.BICUBIC)),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source")
    parser.add_argument("--crop", type=int, help="side of the centre square to keep, in pixels")
    parser.add_argument("--size", type=int, default=80, help="side of the packed images, in pixels")
    parser.add_argument("--copies", type=int, default=400, help="number of copies of each kind")
    asked = parser.parse_args()

    source = open_source(asked.source, labelled=False)
    dataset = pack(source, Framing(asked.crop, asked.size))
    images = np.asarray(dataset.images)
    start = time.perf_counter()
    pairs, similarity = near_pairs(images, np.arange(len(images)), least=0)
    seconds = time.perf_counter() - start
    own = similarity >= SAME
    print(f"{asked.source}: {len(images):,} images, {seconds:.1f} s")
    print(f"pairs in the source: {own.sum():,}; next similarity: {similarity[~own].max():.2f}")

    number = min(asked.copies, len(images))
    rows = np.sort(np.random.default_rng(0).choice(len(images), number, replace=False))
    places = np.flatnonzero(source.table["id"].isin(dataset.table["id"].iloc[rows]))
    read = source.read(places, Framing(asked.crop))
    originals = [Image.fromarray(each.pixels) for each in read if isinstance(each, DecodedImage)]
    known = {tuple(pair) for pair in pairs[own].tolist()}
    print(f"\n| {len(originals)} copies, each | found | false pairs | lowest similarity |")
    print("|---|---|---|---|")
    for name, copy in COPIES.items():
        copies = [frame(np.asarray(copy(each)), Framing(size=asked.size)) for each in originals]
        together = np.concatenate([images, copies])
        pairs, similarity = near_pairs(together, np.arange(len(together)))
        true = {(row, len(images) + place) for place, row in enumerate(rows.tolist())}
        found = dict(zip(map(tuple, pairs.tolist()), similarity, strict=True))
        hits = true & found.keys()
        least = f"{min(found[pair] for pair in hits):.2f}" if hits else "-"
        # A copy of an image that has a near duplicate in the source correctly matches that one too.
        origin = np.append(np.arange(len(images)), rows)
        others = {tuple(sorted(origin[list(pair)].tolist())) for pair in found.keys() - true}
        false = len(others - known)
        print(f"| {name} | {len(hits)} | {false} | {least} |", flush=True)


if __name__ == "__main__":
    main()
