"""Why a network says what it says of one picture: maps, deletion, activations, like pictures.

found = explain_picture(predictor, picture, "my galaxy")
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
from hubblefork.explanation.meaning import Meaning, meaning_of
from hubblefork.explanation.neighbours import NeighbourIndex, Neighbours
from hubblefork.explanation.overlay import covered, draw_overlays
from hubblefork.explanation.tiles import save_sheet, sheet
from hubblefork.models.predictor import Predictor
from hubblefork.models.uncertainty import UNLIKE
from hubblefork.report.explain import Group, Section, Tile
from hubblefork.report.figures import chart_png
from hubblefork.report.run_data import Panel, displayable

# The method that has a map for any network.
_FINE = "integrated-gradients"

# Like pictures that are shown, and channels of each layer.
_NEIGHBOURS, _CHANNELS = 5, 16


@dataclass(frozen=True, eq=False)
class Known:
    """Pictures with labels to compare others with: those that a model was trained on.

    features: (M, F) of the upright pictures, as `compute_features` gives them.
    ids: of the M pictures; true: their labels, (M,) classes or (M, 37) fractions of votes; labels:
    the same in words.
    picture: gives the picture at one of the M places, as uint8 (H, W, C).
    """

    features: np.ndarray
    ids: Sequence[str]
    true: np.ndarray
    labels: Sequence[str]
    picture: Callable[[int], np.ndarray]

    @cached_property
    def index(self) -> NeighbourIndex:
        """Finds those that are most like others."""
        return NeighbourIndex(self.features)


@dataclass(frozen=True, eq=False)
class PictureExplanation:
    """All that was found out about one picture.

    values: (K,) probabilities of classes, or fractions of votes, which mean what `meaning` says.
    likeness: as `Answers` has it, or None.
    maps: of the answers that the meaning names as targets. curve: of the first of them.
    layers: what layers answer. neighbours: among the `known` pictures; None where none are known.
    """

    id: str
    meaning: Meaning
    values: np.ndarray
    likeness: float | None
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
        """The picture beside its map, for each of the answers that have one."""
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
        """One line of a table: answer, likeness, whether to rely on the map, and neighbours."""
        row = {
            "id": self.id,
            **self.meaning.row(self.values),
            "likeness": self.likeness,
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
        """This picture's part of a page."""
        found = self.maps[0]
        tiles = [
            Tile(found.seen, f"Picture {self.id}, as the network sees it", "as the network sees it")
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
                Group("Where the evidence is", tiles, f"By {found.method}. {self.meaning.maps}"),
                *self._like_pictures(),
            ],
            charts=list(self._charts()),
            table=self.meaning.table(self.values),
        )

    def _title(self, found: Saliency) -> str:
        return self.meaning.told(self.values, self.meaning.names.index(found.target))

    def _name(self, found: Saliency) -> str:
        return self.meaning.name(self.meaning.names.index(found.target))

    def _sentences(self) -> Iterator[str]:
        if "/" in self.id:
            yield f"{self.id}:"
        yield self.meaning.sentence(self.values)
        if self.likeness is not None:
            yield (
                f"Likeness {self.likeness:.2g}: that share of validation pictures is at least as "
                "unlike the training pictures"
                + (", so do not rely on the answer." if self.likeness <= UNLIKE else ".")
            )
        if not self.maps[0].map.any():
            yield "The map is empty: by this method, nothing in the picture speaks for the answer."
            return
        yield (
            "Blurring the places of the map costs the answer sooner than blurring random ones: the "
            "map points at what matters."
            if self.reliable
            else "Blurring the places of the map costs the answer no sooner than blurring random "
            "ones: do not rely on this map."
        )

    def _like_pictures(self) -> Iterator[Group]:
        if self.neighbours is None:
            return
        tiles = [
            Tile(
                displayable(self.known.picture(row)),
                f"Training picture {self.known.ids[row]}, {self.known.labels[row]}",
                self.known.labels[row],
                {"picture": self.known.ids[row], "similarity": f"{likeness:.3f}"},
            )
            for row, likeness in zip(
                self.neighbours.rows[0], self.neighbours.similarity[0], strict=True
            )
        ]
        theirs = self.meaning.truth(self.known.true[self.neighbours.rows[0]])
        agree = int((theirs == self.meaning.leading(self.values[None])).sum())
        yield Group("Most like it", tiles, self.meaning.alike(agree, len(tiles)))

    def _charts(self) -> Iterator[Panel]:
        yield Panel(
            "deletion",
            f"Deletion curve of {self.id}",
            f"How the {self.curve.quantity} of ‘{self._name(self.maps[0])}’ falls as the picture "
            "is blurred place by place, those of the highest evidence first. The earlier it falls "
            "below the dashed line of random places, the more the map can be relied on.",
            chart_png(self.curve.figure()),
        )
        if self.layers:
            yield Panel(
                "activations",
                f"Activation maps of {self.id}",
                "What layers answer to this picture: bright where a channel finds what it looks "
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


def explain_picture(
    predictor: Predictor,
    picture: np.ndarray,
    identifier: str,
    method: str | None = None,
    layer: str | None = None,
    known: Known | None = None,
) -> PictureExplanation:
    """Find out why a network gives its answer to a picture.

    Parameters
    ----------
    predictor
        A trained network, of classes or of votes.
    picture
        (H, W, C) uint8, framed as `predictor.framing` says.
    identifier
        What the picture is called.
    method, layer
        Of the maps, as `saliency` takes them; the layer is also that of the activation maps. By
        default, those that fit the network, unless integrated gradients are measured to fit the
        picture better, and its first four convolutions.
    known
        Training pictures to find like ones among.

    Raises RequestError for an unknown method or layer.

    >>> import hubblefork
    >>> run = hubblefork.train(galaxies, "lenet5", out=folder / "run",
    ...                        settings={"epochs": 1, "data.size": 24})
    >>> picture = np.random.default_rng(0).integers(0, 255, (24, 24, 3), np.uint8)
    >>> found = explain_picture(Predictor.load(run.path), picture, "noise")
    >>> [path.name for path in found.save(folder, "noise")]
    ['noise-maps.png', 'noise-deletion.png', 'noise-activations.png']
    """
    meaning = meaning_of(predictor.task)
    answer = predictor.answer(picture[None])
    values = answer.values[0]
    targets = [predictor.names[each] for each in meaning.targets(values)]
    first, curve = _first_map(predictor, picture, targets[0], method, layer)
    others = [
        saliency(predictor, picture, first.method, each, first.layer or None)
        for each in targets[1:]
    ]
    neighbours = None
    if known is not None:
        _, sides = next(look(predictor, picture[None]))
        neighbours = known.index.nearest(sides, _NEIGHBOURS)
    return PictureExplanation(
        id=identifier,
        meaning=meaning,
        values=values,
        likeness=None if answer.likeness is None else float(answer.likeness[0]),
        maps=(first, *others),
        curve=curve,
        layers=activation_maps(predictor, picture, [layer] if layer else 4),
        neighbours=neighbours,
        known=known,
    )


def _first_map(
    predictor: Predictor, picture: np.ndarray, target: str, method: str | None, layer: str | None
) -> tuple[Saliency, DeletionCurve]:
    """The map of the evidence for an answer, and its deletion curve.

    Where neither method nor layer is asked for, and the usual method's map of this picture is no
    better than chance, it is that of integrated gradients, if this one is.
    """
    usual = method or choose_method(predictor)
    first = saliency(predictor, picture, usual, target, layer if usual == "grad-cam" else None)
    curve = deletion_curve(predictor, picture, first)
    if method or layer or usual == _FINE or _reliable(first, curve):
        return first, curve
    other = saliency(predictor, picture, _FINE, target)
    its = deletion_curve(predictor, picture, other, random=curve.random)
    return (other, its) if _reliable(other, its) else (first, curve)


def _reliable(found: Saliency, curve: DeletionCurve) -> bool:
    return bool(found.map.any()) and curve.area < curve.random_area
