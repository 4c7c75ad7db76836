"""A trained network that answers: `Predictor.load("runs/...").predict(images)`."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import nn

from hubblefork.core.arguments import as_path
from hubblefork.core.device import choose_device, explain_out_of_memory, images_at_once
from hubblefork.core.errors import RequestError
from hubblefork.data.images.framing import Framing
from hubblefork.models.deployed import DeployedModel
from hubblefork.models.input_images import Images, InputImages
from hubblefork.models.model_card import ModelCard
from hubblefork.models.model_file import MODEL_FILE, load_model
from hubblefork.models.uncertainty import Uncertainty
from hubblefork.networks.features import feature_count
from hubblefork.networks.heads import create_head
from hubblefork.tasks.task import Task


@dataclass(frozen=True, eq=False)
class Answers:
    """What a model says of N images.

    values: (N, outputs) float32, probabilities of classes or fractions of votes.
    typicality: (N,) float32 in (0, 1], the fraction of validation images that are at least as far
        from the training images; None where the model had no validation set.
    """

    values: np.ndarray
    typicality: np.ndarray | None


@dataclass(frozen=True, eq=False, repr=False)
class Predictor:
    """A network with everything that its model file says about it.

    Make one with `Predictor.load`. `network` is as it was trained, on `device`; `card` holds view
    and task; `framing` says how an image is cut and scaled; `uncertainty` holds what calibrates the
    answers.

    >>> predictor = Predictor.load(run)  # run = hubblefork.train(galaxies, "lenet5")
    >>> predictor
    <Predictor: lenet5, 24x24x3 pixels to 2 classes, cpu>
    >>> predictor.names
    ('bar', 'disc')
    >>> predictor.predict(np.zeros((5, 24, 24, 3), np.uint8)).shape
    (5, 2)
    """

    network: nn.Module
    card: ModelCard
    device: torch.device
    framing: Framing
    uncertainty: Uncertainty

    @classmethod
    def of(
        cls,
        network: nn.Module,
        card: ModelCard,
        device: torch.device,
        uncertainty: Uncertainty | None = None,
    ) -> "Predictor":
        """Put a network that is in memory onto a device."""
        network = network.to(device).to(memory_format=torch.channels_last)
        return cls(network.eval(), card, device, card.framing, uncertainty or Uncertainty())

    @classmethod
    def load(
        cls, run: str | os.PathLike[str], device: str = "auto", crop: int | None = None
    ) -> "Predictor":
        """Load a run, a run folder or a model file onto a device (`auto`, `cpu` or `cuda`).

        With `crop`, this centre square is kept of each image, in its pixels, instead of that of the
        training images.

        Raises RequestError where there is no model, and for a crop that is no positive number.
        """
        path = _model_file(run)
        network, card, arrays = load_model(path)
        try:
            uncertainty = Uncertainty.from_arrays(arrays)
            uncertainty.check_fits(card.task.exclusive, feature_count(network))
        except RequestError as error:
            raise RequestError(f"{path}: {error}") from error
        predictor = cls.of(network, card, choose_device(device), uncertainty)
        if crop is None:
            return predictor
        return replace(predictor, framing=replace(card.framing, crop=crop))

    def __repr__(self) -> str:
        channels, height, width = self.card.input_shape
        return (
            f"<Predictor: {self.card.network}, {height}x{width}x{channels} pixels to "
            f"{self.task.outputs} {self.task.kind}, {self.device}>"
        )

    @property
    def task(self) -> Task:
        """What the answers mean: one of several classes, or fractions of votes."""
        return self.card.task

    @property
    def names(self) -> tuple[str, ...]:
        """The class names, or the columns of the votes, in the order of the answers."""
        return self.task.names

    @cached_property
    def module(self) -> DeployedModel:
        """The deployed module with the network as it was trained, for looking into its layers."""
        with torch.inference_mode(False):  # wherever it is first asked for, gradients can be taken
            head = create_head(self.card.head, self.card.task).to(self.device)
        return DeployedModel(self.network, head, self.card.view, self.uncertainty.calibration)

    @cached_property
    def prepared(self) -> DeployedModel:
        """The deployed module made ready for prediction: the same answers in less time."""
        return self.module.prepared()

    def single_view(self) -> "Predictor":
        """The same without test-time augmentation."""
        return replace(self, card=replace(self.card, view=self.card.view.single()))

    def predict(
        self,
        images: Images,
        rows: Sequence[int] | np.ndarray | None = None,
        done: Callable[[int], None] | None = None,
    ) -> np.ndarray:
        """Probabilities of each class, or fractions of votes for each answer.

        Parameters
        ----------
        images
            (N, H, W, C) or (H, W, C) uint8, an image of Pillow, or a list of these. Those of
            another size than `framing` has are cut and scaled as it says. A memory map is read
            batch by batch.
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
        images: Images,
        rows: Sequence[int] | np.ndarray | None = None,
        done: Callable[[int], None] | None = None,
    ) -> Answers:
        """The same as `predict`, and how typical each image is of the training images."""
        values: list[np.ndarray] = [np.empty((0, self.task.outputs), np.float32)]
        typicality: list[np.ndarray] = [np.empty(0, np.float32)]
        for answers, features in self.compute(images, rows, done):
            values.append(answers)
            if (found := self.uncertainty.typicality(features)) is not None:
                typicality.append(found)
        known = self.uncertainty.distances is not None
        return Answers(np.concatenate(values), np.concatenate(typicality) if known else None)

    def sets(self, probabilities: np.ndarray, coverage: float) -> np.ndarray:
        """Which classes belong to the set of each image, (N, K) of bool.

        `probabilities` (N, K) are what `predict` gave. Of images like those of the validation
        set, a fraction `coverage` of the sets hold the true class; none is empty. Raises
        RequestError where the validation set was too small for that, or was none.
        """
        return self.uncertainty.sets(probabilities, coverage)

    @torch.inference_mode()
    def compute(
        self,
        images: Images,
        rows: Sequence[int] | np.ndarray | None = None,
        done: Callable[[int], None] | None = None,
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Answers (n, outputs) and features (n, F), float32, batch after batch.

        Takes what `predict` takes.
        """
        given = InputImages(images, self.framing, self.card.colours)
        places = np.arange(len(given)) if rows is None else np.asarray(rows, dtype=np.int64)
        size = self.card.view.size
        most = images_at_once(size)
        elsewhere = "--device cpu, or " if self.device.type != "cpu" else ""
        for start in range(0, len(places), most):
            batch = torch.from_numpy(given.batch(places[start : start + most]))
            with explain_out_of_memory(
                f"to put {len(batch)} images of {size}x{size} through the network at once",
                f"{elsewhere}a model that was trained with a smaller view.size",
            ):
                answers, features = self.prepared(batch.to(self.device))
                found = answers.cpu().numpy(), features.cpu().numpy()
            yield found
            if done:
                done(len(batch))


def _model_file(run: object) -> Path:
    """The model file of a run, a run folder, or a model file."""
    path = as_path(run, "run", "a run, a run folder or a model file")
    if not path.exists():
        raise RequestError(f"no run folder or model file at {path}")
    if not path.is_dir():
        return path  # what is no regular file is told when it is loaded
    if not (path / MODEL_FILE).is_file():
        raise RequestError(
            f"{path} has no {MODEL_FILE}: it is not a run, or its training has not "
            f"ended; go on with it by --resume"
        )
    return path / MODEL_FILE
