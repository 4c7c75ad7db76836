"""Near duplicates: images of the same object whose bytes differ.

A copy saved again, scaled down, rotated by 90 degrees, flipped or brightened is the classic leak
between the subsets of a split. For galaxies it is hard to find: all are smooth blobs in the middle
of a dark image, which look alike to an ordinary perceptual hash. What distinguishes them is their
small-scale structure. So an image is first *flattened*: a high-pass filter removes what varies
slowly, and the remainder is divided by its local standard deviation.

1. Each image gets numbers that are invariant to rotations by 90 degrees and flips: the absolute
   values of the lowest frequencies (DCT) of its flattened form.
2. Images with similar numbers become candidates, by hashing instead of comparing all pairs.
3. Candidates are compared by their flattened pixels, in all eight orientations.

`python benchmarks/near_duplicates.py SOURCE` measures true and false positives.
"""

import math
import zlib
from zipfile import BadZipFile

import numpy as np

from hubblefork.core.files import replacing
from hubblefork.core.progress import progress, say
from hubblefork.data.dataset import PackedDataset
from hubblefork.data.images.blank import BLANK

# The similarity above which two images show the same object. The most similar of 25,913 real
# galaxies reach 0.66, of 4,000 simulated ones 0.73; copies of the real ones are above it, also at
# JPEG quality 40 or shifted by a hundredth of their width (benchmarks/near_duplicates.py).
SAME = 0.8

# Side of a flattened image: fine enough for stars and spiral arms, coarse enough for copies at half
# the size, or shifted by a pixel, to be similar.
_SIDE = 20
FLAT_SHAPE = (_SIDE, _SIDE)
# Standard deviations in pixels of the flattening's Gaussians: of the high-pass filter, and of the
# local standard deviation.
_SMOOTH, _AROUND = 0.8, 1.5
# A flattened image is kept in bytes: its values are a few hundredths, and rarely above a quarter.
_STEPS = 400.0
# Added before the square root, so that the noise of a black sky stays small.
_BLACK = 4.0

# Frequencies along each side, of the invariant numbers.
_LOW = 6
# Rounds of hashing: each finds a fifth to a half of the strongly altered copies; for others a
# handful would be enough.
_ROUNDS = 32
# Width of a bucket over the typical distance of two images, and the fraction of random pairs that
# are in the same bucket of this width.
_WIDTH, _BY_CHANCE = 1.25, 0.44
# An image is compared with so many of its neighbours in a bucket, and in the end with so many of
# the nearest: many similar images cannot fill the memory.
_NEXT, _MOST = 8, 8

_BLOCK = 512

# A group of near duplicates may have so many images, or this fraction of all.
_COPIES, _COPIES_FRACTION = 10, 0.05

# Raised whenever the rules here would find other pairs.
_VERSION = 1


def near_duplicates(dataset: PackedDataset) -> tuple[np.ndarray, np.ndarray]:
    """Return the near duplicates in a packed dataset, found once and kept beside its images.

    Pairs (n, 2) of rows and their similarity (n,), as `near_pairs` gives them, of the first of
    identical images each.
    """
    path = dataset.path / f"near_duplicates-{_VERSION}.npz"
    if path.exists():
        try:
            with np.load(path) as kept:
                return kept["pairs"], kept["similarity"]
        except (OSError, ValueError, KeyError, EOFError, zlib.error, BadZipFile):
            say(f"{path} is damaged; looking for near duplicates again")
    distinct = np.flatnonzero(~dataset.table["digest"].duplicated())
    pairs, similarity = near_pairs(dataset.images, distinct)
    with replacing(path, binary=True) as file:
        np.savez(file, pairs=pairs, similarity=similarity)
    return pairs, similarity


def near_pairs(
    images: np.ndarray, rows: np.ndarray, least: float = SAME
) -> tuple[np.ndarray, np.ndarray]:
    """Find the pairs of images that show the same object, also rotated or flipped.

    images: (N, H, W, C) uint8, H equal to W; read in blocks, so that it may be a memory map.
    rows: the images to compare; leave out all but one of identical ones. Blank ones are like none.
    least: the smallest similarity of a pair.

    Returns pairs (n, 2) of rows, the lower one first, and their similarity (n,) from `least` to 1,
    the most similar first. Each image is paired with its few most similar ones, not with every
    one of many copies. Memory: about 2 kB an image. Time grows with N log N.

    >>> sky = np.random.default_rng(0).integers(0, 256, (9, 40, 40, 3), dtype=np.uint8)
    >>> sky[7] = np.rot90(sky[2])
    >>> near_pairs(sky, np.arange(9))[0]
    array([[2, 7]])
    """
    rows = np.sort(rows)
    flat, blank = flattened(images, rows)
    rows, flat = rows[~blank], flat[~blank]
    pairs, similarity = _similar(flat, _candidates(_invariants(flat)), least)
    return rows[pairs], similarity


def similar_across(flat: np.ndarray, others: np.ndarray, least: float = SAME) -> np.ndarray:
    """Find the pairs (n, 2) of a flattened image (N, 20, 20) and one of the others (M, 20, 20) that
    show the same object; the others are counted from N on. Both are as `flattened` gives them.
    """
    both = np.concatenate([flat, others])
    among_others = np.arange(len(both)) >= len(flat)
    return _similar(both, _candidates(_invariants(both), among_others), least)[0]


def without_crowds(pairs: np.ndarray, number: int) -> tuple[np.ndarray, int]:
    """Return the pairs (n, 2) among so many images that can be copies, and how many images cannot.

    One object is seldom copied more than ten times, or in a twentieth of all images. Drawn shapes,
    or views of one empty sky, all look alike, and a chain of them is no object.

    >>> without_crowds(np.array([[0, 1], [1, 2], [7, 9]]), 20)[1]
    0
    >>> without_crowds(np.array([[n, n + 1] for n in range(15)] + [[17, 19]]), 20)
    (array([[17, 19]]), 16)
    """
    group = connected(pairs, number)
    size = np.bincount(group, minlength=1)
    crowd = size > max(_COPIES, number * _COPIES_FRACTION)
    return pairs[~crowd[group[pairs[:, 0]]]], int(size[crowd].sum())


def connected(pairs: np.ndarray, number: int) -> np.ndarray:
    """Return which group each of so many rows is in (number,), where pairs (n, 2) connect them.

    >>> connected(np.array([[0, 2]]), 3)
    array([0, 1, 0], dtype=int32)
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(len(pairs), bool), tuple(pairs.T)), shape=(number, number))
    return connected_components(graph, directed=False)[1]


def _similar(flat: np.ndarray, pairs: np.ndarray, least: float) -> tuple[np.ndarray, np.ndarray]:
    """Return those of the pairs (n, 2) of flattened images that are similar, the most so first."""
    similarity = np.empty(len(pairs), np.float32)
    for start in range(0, len(pairs), _BLOCK):
        block = slice(start, start + _BLOCK)
        similarity[block] = _similarity(*(flat[each] / _STEPS for each in pairs[block].T))
    order = np.argsort(-similarity, kind="stable")
    order = order[similarity[order] >= least]
    return pairs[order], similarity[order]


def flattened(images: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return these rows of images, flattened, in steps of 1/400 (n, 20, 20) int8; and which are
    blank (n,).
    """
    flat = np.empty((len(rows), _SIDE, _SIDE), np.int8)
    blank = np.empty(len(rows), bool)
    with progress("looking for duplicates", len(rows)) as done:
        for start in range(0, len(rows), _BLOCK):
            block = slice(start, start + _BLOCK)
            read = images[rows[block]]
            flat[block] = np.round(flatten(read) * _STEPS).clip(-127, 127)
            blank[block] = grey_of(read).std(axis=(1, 2)) < BLANK
            done(len(read))
    return flat, blank


def compare(images: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the similarity of images and others, one by one, in the best of eight orientations.

    Both are (n, H, W, C) uint8, of any size; the result (n,) is the correlation of the flattened
    images: 1 for the same image, about 0 for different ones.
    """
    return _similarity(flatten(images), flatten(others))


def flatten(images: np.ndarray) -> np.ndarray:
    """Return the small-scale structure of (n, H, W, C) uint8, as (n, 20, 20) of mean 0 and norm 1.

    The square root of the brightness minus its blurred form, over its local standard deviation: a
    star at the edge counts as much as the bright core. An image without contrast becomes 0.
    """
    from scipy.ndimage import gaussian_filter

    average = _averaging(images.shape[1])
    grey = average @ grey_of(images) @ average.T
    level = np.sqrt(grey + _BLACK)
    rough = level - gaussian_filter(level, (0, _SMOOTH, _SMOOTH))
    around = np.sqrt(gaussian_filter(rough**2, (0, _AROUND, _AROUND)))
    # Half the mean standard deviation is a floor: otherwise noise would look like stars.
    floor = around.mean(axis=(1, 2), keepdims=True) / 2
    flat = rough / np.maximum(around + floor, 1e-6)
    flat -= flat.mean(axis=(1, 2), keepdims=True)
    return flat / np.maximum(np.linalg.norm(flat, axis=(1, 2), keepdims=True), 1e-6)


def grey_of(images: np.ndarray) -> np.ndarray:
    """Return the mean (n, H, W) float32 of the channels of (n, H, W, C) uint8.

    Channel by channel, which is five times as fast as the mean over the last, short axis.
    """
    total = images[..., 0].astype(np.float32)
    for channel in range(1, images.shape[3]):
        total += images[..., channel]
    return total / images.shape[3]


def _averaging(side: int) -> np.ndarray:
    """Return the matrix (20, side) that averages a line of pixels to 20, by area."""
    edges = np.linspace(0, side, _SIDE + 1)
    pixel = np.arange(side)
    overlap = np.minimum(edges[1:, None], pixel + 1) - np.maximum(edges[:-1, None], pixel)
    return (overlap.clip(min=0) * _SIDE / side).astype(np.float32)


def _similarity(flat: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the correlation of flattened images (n, 20, 20) in the best of eight orientations."""
    best = np.full(len(flat), -1, np.float32)
    for side in (others, others[:, :, ::-1]):
        for quarter in range(4):
            rotated = np.rot90(side, quarter, (1, 2))
            np.maximum(best, np.einsum("nij,nij->n", flat, rotated), out=best)
    return best


def _invariants(flat: np.ndarray) -> np.ndarray:
    """Return numbers (n, 36) of flattened images that are invariant to rotations and flips.

    They are the absolute values of the lowest frequencies: a flip changes only their signs, and a
    rotation by 90 degrees transposes them.
    """
    from scipy.fft import dctn

    numbers = np.empty((len(flat), _LOW * _LOW), np.float32)
    upper = np.triu(np.ones((_LOW, _LOW), bool))
    for start in range(0, len(flat), _BLOCK):
        block = flat[start : start + _BLOCK].astype(np.float32) / _STEPS
        size = np.abs(dctn(block, axes=(1, 2), norm="ortho")[:, :_LOW, :_LOW])
        swapped = size.transpose(0, 2, 1)
        larger, smaller = np.maximum(size, swapped), np.minimum(size, swapped)
        numbers[start : start + _BLOCK] = np.where(upper, larger, smaller).reshape(len(block), -1)
    return numbers


def _candidates(numbers: np.ndarray, side: np.ndarray | None = None) -> np.ndarray:
    """Return pairs (n, 2) of indices whose numbers are near, a few for each index.

    side: (n,); where given, pairs of one side are left out.

    Hashing by random directions cut into buckets (Datar et al. 2004, Proc. SCG 20, 253).
    """
    count = len(numbers)
    if count < 2:
        return np.empty((0, 2), np.int64)
    random = np.random.default_rng(0)
    # With so many hashes, a bucket holds a few images by chance.
    hashes = max(1, round(math.log(max(1, count / 4)) / -math.log(_BY_CHANCE)))
    pairs, distances = np.empty(0, np.int64), np.empty(0, np.float32)
    for _ in range(_ROUNDS):
        directions = random.normal(size=(numbers.shape[1], hashes + 1)).astype(np.float32)
        along = numbers @ directions
        width = np.maximum(_WIDTH * math.sqrt(2) * along.std(axis=0), 1e-6)
        cells = np.floor(along / width + random.random(hashes + 1)).astype(np.int64)
        # One whole number for each combination of cells; a collision costs one comparison.
        bucket = cells[:, :-1] @ random.integers(1, 2**62, hashes)
        order = np.lexsort((along[:, -1], bucket))
        new = []
        for step in range(1, min(_NEXT, count - 1) + 1):
            together = np.flatnonzero(bucket[order[:-step]] == bucket[order[step:]])
            if side is not None:
                one, other = side[order[together]], side[order[together + step]]
                together = together[one != other]
            ends = np.sort(np.stack([order[together], order[together + step]]), axis=0)
            new.append((ends[0] * count + ends[1], _distance(numbers, *ends)))
        pairs, distances = _nearest(
            np.concatenate([pairs, *(each for each, _ in new)]),
            np.concatenate([distances, *(each for _, each in new)]),
            count,
        )
    return np.stack(np.divmod(pairs, count), axis=1)


def _distance(numbers: np.ndarray, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return the squared distance (n,) of the numbers at these indices."""
    squared = np.empty(len(one), np.float32)
    for start in range(0, len(one), 1 << 16):
        block = slice(start, start + (1 << 16))
        apart = numbers[one[block]] - numbers[other[block]]
        squared[block] = np.einsum("ij,ij->i", apart, apart)
    return squared


def _nearest(pairs: np.ndarray, distances: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Keep each pair once, and of the pairs of each first index the nearest few."""
    pairs, first = np.unique(pairs, return_index=True)
    distances = distances[first]
    owner = pairs // count
    order = np.lexsort((distances, owner))
    rank = np.arange(len(order)) - np.searchsorted(owner, owner)
    keep = np.sort(order[rank < _MOST])
    return pairs[keep], distances[keep]
