"""A trained network that answers: `Predictor.load("runs/...").predict(images)`."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from hubblefork.core.device import choose_device, images_at_once, telling_of_memory
from hubblefork.core.errors import RequestError
from hubblefork.data.images.framing import Framing
from hubblefork.models.model_file import MODEL_FILE, ModelCard, load_model
from hubblefork.models.uncertainty import Trust
from hubblefork.networks.features import Features
from hubblefork.networks.heads import create_head
from hubblefork.tasks.task import Task


@dataclass(frozen=True, eq=False)
class Answers:
    """What a model says of N images.

    values: (N, outputs) float32, probabilities of classes or fractions of votes.
    typicality: (N,) float32 in (0, 1], the share of validation images that are at least as unlike
        the training images; None where the model had no validation set.
    """

    values: np.ndarray
    typicality: np.ndarray | None


@dataclass(frozen=True)
class Predictor:
    """A network with everything that its model file says about it.

    Make one with `Predictor.load`. `head` turns the network's numbers into answers; `card` tells
    network, view and task; `framing` is how an image has to be cut and scaled before it is given
    to `predict`; `trust` calibrates the answers.

    >>> predictor = Predictor.load(run.path)  # run = hubblefork.train(galaxies, "lenet5")
    >>> predictor.names
    ('bar', 'disc')
    >>> predictor.predict(np.zeros((5, 24, 24, 3), np.uint8)).shape
    (5, 2)
    """

    network: nn.Module
    head: nn.Module
    card: ModelCard
    device: torch.device
    framing: Framing
    trust: Trust

    @classmethod
    def of(
        cls, network: nn.Module, card: ModelCard, device: torch.device, trust: Trust | None = None
    ) -> "Predictor":
        """Put a network that is in memory onto a device."""
        network = network.to(device, memory_format=torch.channels_last).eval()
        head = create_head(card.head, card.task).to(device)
        return cls(network, head, card, device, card.framing, trust or Trust())

    @classmethod
    def load(cls, run: Path | str, device: str = "auto", crop: int | None = None) -> "Predictor":
        """Load a run folder or a model file onto a device (`auto`, `cpu` or `cuda`).

        With `crop`, this centre square is kept of each image, in its pixels, in the place of the
        one that the model was trained on.

        Raises RequestError where there is no model, and for a crop that is no positive number.
        """
        path = Path(run)
        if not path.exists():
            raise RequestError(f"no run folder or model file at {path}")
        if path.is_dir():
            path = path / MODEL_FILE
            if not path.is_file():
                raise RequestError(
                    f"{run} has no {MODEL_FILE}: it is not a run, or its training has not "
                    f"ended; go on with it by --resume"
                )
        network, card, arrays = load_model(path)
        predictor = cls.of(network, card, choose_device(device), Trust.from_arrays(arrays))
        if crop is None:
            return predictor
        return replace(predictor, framing=replace(card.framing, crop=crop))

    @property
    def task(self) -> Task:
        """What the answers mean: one of several classes, or fractions of votes."""
        return self.card.task

    @property
    def names(self) -> tuple[str, ...]:
        """The class names, or the columns of the votes, in the order of the answers."""
        return self.task.names

    def one_sided(self) -> "Predictor":
        """The same, looking at each image from one side only."""
        return replace(self, card=replace(self.card, view=self.card.view.one_sided()))

    def predict(
        self,
        images: np.ndarray,
        rows: Sequence[int] | None = None,
        done: Callable[[int], None] | None = None,
    ) -> np.ndarray:
        """Probabilities of each class, or fractions of votes for each answer.

        Parameters
        ----------
        images
            (N, H, W, C) uint8, framed as `framing` says; a memory map is read batch by batch.
        rows
            Which of the images, in which order; all where none are given.
        done
            Is called with the number of images of each batch that has been predicted.

        Returns (N, outputs) float32: for classes, rows that sum to one. Raises RequestError for
        another shape or type.
        """
        return self.answer(images, rows, done).values

    def answer(
        self,
        images: np.ndarray,
        rows: Sequence[int] | None = None,
        done: Callable[[int], None] | None = None,
    ) -> Answers:
        """The same as `predict`, and how like each image is to those that were learnt from."""
        values, distances = [], []
        for raw, features in self.compute(images, rows, done):
            values.append(self.trust.calibrated(raw))
            if self.trust.distances:
                distances.append(self.trust.outliers.distance(features))
        answers = np.concatenate(values) if values else np.empty((0, len(self.names)), np.float32)
        if not self.trust.distances:
            return Answers(answers, None)
        return Answers(answers, self.trust.typicality(np.concatenate([[], *distances])))

    def sets(self, probabilities: np.ndarray, coverage: float) -> np.ndarray:
        """Which classes belong to the set of each image, (N, K) of bool.

        `probabilities` (N, K) are what `predict` gave. Of images like those of the validation
        set, the sets hold the true class of a share `coverage`; none is empty. Raises
        RequestError where the validation set was too small for that, or was none.
        """
        return self.trust.sets(probabilities, coverage)

    def compute(
        self,
        images: np.ndarray,
        rows: Sequence[int] | None = None,
        done: Callable[[int], None] | None = None,
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """What the network itself gives, before calibration, batch after batch.

        Takes what `predict` takes. Gives answers (n, outputs) and features (n, F), float32, both
        averaged over the sides that the view says.
        """
        self._check(images)
        rows = np.arange(len(images)) if rows is None else np.asarray(rows, dtype=np.int64)
        size = self.card.view.size
        most = images_at_once(size)
        elsewhere = "--device cpu, or " if self.device.type != "cpu" else ""
        with Features(self.network) as features:
            for start in range(0, len(rows), most):
                batch = torch.from_numpy(images[rows[start : start + most]])
                with telling_of_memory(
                    f"to put {len(batch)} images of {size}x{size} through the network at once",
                    f"{elsewhere}a model that was trained with a smaller view.size",
                ):
                    answers, found = self._compute_batch(batch, features)
                yield answers.cpu().numpy(), found.cpu().numpy()
                if done:
                    done(len(batch))

    @torch.inference_mode()
    def _compute_batch(self, images: Tensor, features: Features) -> tuple[Tensor, Tensor]:
        inputs = self.card.view.fixed(images.to(self.device))
        sides = self.card.view.sides(inputs)
        answers, found = 0.0, 0.0
        for maps in sides:
            raw = self.network(maps.contiguous(memory_format=torch.channels_last))
            answers = answers + self.head(raw)
            found = found + features.last
        return answers / len(sides), found / len(sides)

    def _check(self, images: np.ndarray) -> None:
        channels = self.card.input_shape[0]
        if images.ndim != 4 or images.dtype != np.uint8 or images.shape[3] != channels:
            raise RequestError(
                f"this model takes images as uint8 of shape (N, H, W, {channels}), "
                f"not {images.dtype} of shape {images.shape}"
            )
        if images.shape[1] != images.shape[2]:
            raise RequestError(f"this model takes square images, not {images.shape[1:3]}")
