"""Why a network says what it says of one image: maps, deletion, activations, like images.

found = explain_image(predictor, image, "my galaxy")
found.save("folder", "my-galaxy")
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from hubblefork.core.errors import RequestError
from hubblefork.explanation.activations import ActivationMaps, activation_maps
from hubblefork.explanation.attribution import Saliency, saliency, saliency_layer
from hubblefork.explanation.faithfulness import DeletionCurve, deletion_curve
from hubblefork.explanation.features import look
from hubblefork.explanation.neighbours import NeighbourIndex, Neighbours
from hubblefork.explanation.overlay import covered, draw_overlays
from hubblefork.explanation.tiles import save_sheet, sheet
from hubblefork.models.predictor import Predictor
from hubblefork.models.uncertainty import ATYPICAL
from hubblefork.report.explain import Group, Section, Tile
from hubblefork.report.figures import chart_png
from hubblefork.report.run_data import Panel, displayable
from hubblefork.tasks.task import Task

# The method that has a map for any network.
_FINE = "integrated-gradients"

# Like images that are shown, and channels of each layer.
_NEIGHBOURS, _CHANNELS = 5, 16


@dataclass(frozen=True, eq=False)
class Known:
    """Images with labels to compare others with: those that a model was trained on.

    features: (M, F) of the upright images, as `compute_features` gives them.
    ids: of the M images; true: their labels, (M,) classes or (M, 37) fractions of votes; labels:
    the same in words.
    image: gives the image at one of the M places, as uint8 (H, W, C).
    """

    features: np.ndarray
    ids: Sequence[str]
    true: np.ndarray
    labels: Sequence[str]
    image: Callable[[int], np.ndarray]

    @cached_property
    def index(self) -> NeighbourIndex:
        """Finds those that are most like others."""
        return NeighbourIndex(self.features)


@dataclass(frozen=True, eq=False)
class ImageExplanation:
    """All that was found out about one image.

    values: (K,) probabilities of classes, or fractions of votes, which mean what `meaning` says.
    typicality: as `Answers` has it, or None.
    maps: of the answers that the task names as targets. curve: of the first of them.
    layers: what layers answer. neighbours: among the `known` images; None where none are known.
    """

    id: str
    task: Task
    values: np.ndarray
    typicality: float | None
    maps: tuple[Saliency, ...]
    curve: DeletionCurve
    layers: list[ActivationMaps]
    neighbours: Neighbours | None
    known: Known | None

    @property
    def reliable(self) -> bool:
        """Whether the first map points at what the answer hangs on."""
        return _reliable(self.maps[0], self.curve)

    def figure(self) -> Figure:
        """The image beside its map, for each of the answers that have one."""
        return draw_overlays([(found.seen, found.map, self._title(found)) for found in self.maps])

    def save(self, folder: str | Path, stem: str) -> list[Path]:
        """Write `STEM-maps.png`, `STEM-deletion.png` and, of networks that have convolutions,
        `STEM-activations.png`."""
        paths = [Path(folder) / f"{stem}-{name}.png" for name in ("maps", "deletion")]
        save_sheet(self.figure(), paths[0])
        self.curve.save(paths[1])
        if self.layers:
            paths.append(Path(folder) / f"{stem}-activations.png")
            save_sheet(sheet([each.group() for each in self.layers]), paths[2])
        return paths

    def row(self) -> dict[str, Any]:
        """One line of a table: answer, typicality, whether to rely on the map, and neighbours."""
        row = {
            "id": self.id,
            **self.task.row(self.values),
            "typicality": self.typicality,
            "method": self.maps[0].method,
            "reliable": self.reliable,
            "deletion_area": self.curve.area,
            "random_area": self.curve.random_area,
        }
        if self.neighbours is not None:
            rows = self.neighbours.rows[0]
            row["neighbours"] = "|".join(self.known.ids[each] for each in rows)
            row["neighbour_labels"] = "|".join(self.known.labels[each] for each in rows)
        return row

    def section(self) -> Section:
        """This image's part of a page."""
        found = self.maps[0]
        tiles = [
            Tile(found.seen, f"Image {self.id}, as the network sees it", "as the network sees it")
        ]
        tiles += [
            Tile(covered(each.seen, each.map), f"Map of the evidence for {self._name(each)}",
                 f"for {self._title(each)}" if each.map.any() else
                 f"nothing speaks for {self._name(each)}")
            for each in self.maps
        ]  # fmt: skip
        return Section(
            title=self.id.rsplit("/", 1)[-1],  # of a path, its last part
            note=" ".join(self._sentences()),
            sheets=[
                Group(
                    "Where the evidence is",
                    tiles,
                    f"By {found.method}. {self.task.words.maps}",
                ),
                *self._like_images(),
            ],
            charts=list(self._charts()),
            table=self.task.words.table(self.values),
        )

    def _title(self, found: Saliency) -> str:
        return self.task.words.told(self.values, self.task.names.index(found.target))

    def _name(self, found: Saliency) -> str:
        return self.task.words.name(self.task.names.index(found.target))

    def _sentences(self) -> Iterator[str]:
        if "/" in self.id:
            yield f"{self.id}:"
        yield self.task.words.sentence(self.values)
        if self.typicality is not None:
            yield (
                f"Typicality {self.typicality:.2g}: that share of validation images is at least as "
                "unlike the training images"
                + (", so do not rely on the answer." if self.typicality <= ATYPICAL else ".")
            )
        if not self.maps[0].map.any():
            yield "The map is empty: by this method, nothing in the image speaks for the answer."
            return
        yield (
            "Blurring the places of the map costs the answer sooner than blurring random ones: the "
            "map points at what matters."
            if self.reliable
            else "Blurring the places of the map costs the answer no sooner than blurring random "
            "ones: do not rely on this map."
        )

    def _like_images(self) -> Iterator[Group]:
        if self.neighbours is None:
            return
        tiles = [
            Tile(
                displayable(self.known.image(row)),
                f"Training image {self.known.ids[row]}, {self.known.labels[row]}",
                self.known.labels[row],
                {"image": self.known.ids[row], "similarity": f"{typicality:.3f}"},
            )
            for row, typicality in zip(
                self.neighbours.rows[0], self.neighbours.similarity[0], strict=True
            )
        ]
        theirs = self.task.truth(self.known.true[self.neighbours.rows[0]])
        agree = int((theirs == self.task.leading(self.values[None])).sum())
        yield Group("Most like it", tiles, self.task.words.alike(agree, len(tiles)))

    def _charts(self) -> Iterator[Panel]:
        yield Panel(
            "deletion",
            f"Deletion curve of {self.id}",
            f"How the {self.curve.quantity} of ‘{self._name(self.maps[0])}’ falls as the image "
            "is blurred place by place, those of the highest evidence first. The earlier it falls "
            "below the dashed line of random places, the more the map can be relied on.",
            chart_png(self.curve.figure()),
        )
        if self.layers:
            yield Panel(
                "activations",
                f"Activation maps of {self.id}",
                "What layers answer to this image: bright where a channel finds what it looks "
                "for, each channel scaled by itself, crossed out where it answers nothing. The "
                f"{_CHANNELS} channels of each layer that vary most are shown.",
                chart_png(sheet([each.group(_CHANNELS) for each in self.layers])),
            )


def choose_method(predictor: Predictor) -> str:
    """Grad-CAM, or integrated gradients for a network that has no layer for it."""
    try:
        saliency_layer(predictor)
    except RequestError:
        return _FINE
    return "grad-cam"


def explain_image(
    predictor: Predictor,
    image: np.ndarray,
    identifier: str,
    method: str | None = None,
    layer: str | None = None,
    known: Known | None = None,
) -> ImageExplanation:
    """Find out why a network gives its answer to an image.

    Parameters
    ----------
    predictor
        A trained network, of classes or of votes.
    image
        (H, W, C) uint8, framed as `predictor.framing` says.
    identifier
        What the image is called.
    method, layer
        Of the maps, as `saliency` takes them; the layer is also that of the activation maps. By
        default, those that fit the network, unless integrated gradients are measured to fit the
        image better, and its first four convolutions.
    known
        Training images to find like ones among.

    Raises RequestError for an unknown method or layer.

    >>> predictor = Predictor.load(run.path)  # run = hubblefork.train(galaxies, "lenet5")
    >>> image = np.random.default_rng(0).integers(0, 255, (24, 24, 3), np.uint8)
    >>> found = explain_image(predictor, image, "noise")
    >>> [path.name for path in found.save(folder, "noise")]
    ['noise-maps.png', 'noise-deletion.png', 'noise-activations.png']
    """
    task = predictor.task
    answer = predictor.answer(image[None])
    values = answer.values[0]
    targets = [predictor.names[each] for each in task.targets(values)]
    first, curve = _first_map(predictor, image, targets[0], method, layer)
    others = [
        saliency(predictor, image, first.method, each, first.layer or None) for each in targets[1:]
    ]
    neighbours = None
    if known is not None:
        _, sides = next(look(predictor, image[None]))
        neighbours = known.index.nearest(sides, _NEIGHBOURS)
    return ImageExplanation(
        id=identifier,
        task=task,
        values=values,
        typicality=None if answer.typicality is None else float(answer.typicality[0]),
        maps=(first, *others),
        curve=curve,
        layers=activation_maps(predictor, image, [layer] if layer else 4),
        neighbours=neighbours,
        known=known,
    )


def _first_map(
    predictor: Predictor, image: np.ndarray, target: str, method: str | None, layer: str | None
) -> tuple[Saliency, DeletionCurve]:
    """The map of the evidence for an answer, and its deletion curve.

    Where neither method nor layer is asked for, and the usual method's map of this image is no
    better than chance, it is that of integrated gradients, if this one is.
    """
    usual = method or choose_method(predictor)
    first = saliency(predictor, image, usual, target, layer if usual == "grad-cam" else None)
    curve = deletion_curve(predictor, image, first)
    if method or layer or usual == _FINE or _reliable(first, curve):
        return first, curve
    other = saliency(predictor, image, _FINE, target)
    its = deletion_curve(predictor, image, other, random=curve.random)
    return (other, its) if _reliable(other, its) else (first, curve)


def _reliable(found: Saliency, curve: DeletionCurve) -> bool:
    return bool(found.map.any()) and curve.area < curve.random_area
