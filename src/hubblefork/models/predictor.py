"""A trained network for prediction: `Predictor.load("runs/...").predict(images)`."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from torch import Tensor, nn

from hubblefork.core.device import choose_device, explain_out_of_memory, images_at_once
from hubblefork.core.errors import RequestError
from hubblefork.data.images.framing import Framing
from hubblefork.models.deployed import DeployedModel, Output
from hubblefork.models.find import find_model
from hubblefork.models.input_images import Images, InputImages
from hubblefork.models.model_card import ModelCard
from hubblefork.models.model_file import load_model
from hubblefork.models.uncertainty import Uncertainty
from hubblefork.networks.features import feature_count
from hubblefork.networks.heads import create_head
from hubblefork.tasks.task import Task


@dataclass(frozen=True, eq=False)
class Answers:
    """The predictions of a model for N images.

    values: (N, outputs) float32, probabilities of classes or fractions of votes.
    typicality: (N,) float32 in (0, 1], the fraction of validation images that are at least as far
        from the training images; None if the model had no validation set.
    """

    values: np.ndarray
    typicality: np.ndarray | None


@dataclass(frozen=True, eq=False, repr=False)
class Predictor:
    """A network with the contents of its model file, ready to predict.

    Make one with `Predictor.load`. `network` is as it was trained, on `device`; `card` has view and
    task; `framing` is how an image is cropped and scaled; `uncertainty` has the calibration and the
    reference for prediction sets and typicality.

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
        """A predictor of a network in memory, which is moved to the device."""
        network = network.to(device).to(memory_format=torch.channels_last)
        return cls(network.eval(), card, device, card.framing, uncertainty or Uncertainty())

    @classmethod
    def load(
        cls, run: str | os.PathLike[str], device: str = "auto", crop: int | None = None
    ) -> "Predictor":
        """Load a run, a model file, a shipped name or `hf:OWNER/NAME` onto a device.

        device: `auto`, `cpu` or `cuda`.

        With `crop`, each image is cropped to this central square, in its pixels, instead of that
        of the training images.

        Raises RequestError if there is no model, and for a crop that is not a positive number.
        """
        path = find_model(run)
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
        """The meaning of the outputs: one of several classes, or fractions of votes."""
        return self.card.task

    @property
    def names(self) -> tuple[str, ...]:
        """The class names, or the columns of the votes, in the order of the outputs."""
        return self.task.names

    @property
    def knows_typicality(self) -> bool:
        """Whether the model had a validation set, by whose distances typicality is told."""
        return self.uncertainty.distances is not None

    @cached_property
    def module(self) -> DeployedModel:
        """The deployed module with the network as it was trained, to inspect its layers."""
        with torch.inference_mode(False):  # so that gradients can be computed
            head = create_head(self.card.head, self.card.task).to(self.device)
        return DeployedModel(self.network, head, self.card.view, self.uncertainty.calibration)

    @cached_property
    def prepared(self) -> DeployedModel:
        """The deployed module prepared for prediction: the same outputs in less time."""
        return self.module.prepared()

    def outputs(self, images: Tensor) -> Output:
        """What the deployed module gives for packed images (N, H, H, C) uint8."""
        output: Output = self.prepared(images.to(self.device))
        return output

    @property
    def parallel(self) -> bool:
        """Whether a `twin` for each of several threads is faster than one after another."""
        return self.device.type == "cpu"

    def twin(self) -> "Predictor":
        """This predictor for another thread: with the same weights and answers."""
        return replace(self, network=self.prepared.network)

    def single_view(self) -> "Predictor":
        """This predictor without test-time augmentation."""
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
            another size than the packed one are cropped and scaled by `framing`. A memory map is
            read batch by batch.
        rows
            Indices of the images to predict, in this order; default: all.
        done
            Called with the number of images of each predicted batch.

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
        """The same as `predict`, together with the typicality of each image."""
        values: list[np.ndarray] = [np.empty((0, self.task.outputs), np.float32)]
        typicality: list[np.ndarray] = [np.empty(0, np.float32)]
        for answers, features in self.compute(images, rows, done):
            values.append(answers)
            if (found := self.uncertainty.typicality(features)) is not None:
                typicality.append(found)
        known = np.concatenate(typicality) if self.knows_typicality else None
        return Answers(np.concatenate(values), known)

    def sets(self, probabilities: np.ndarray, coverage: float) -> np.ndarray:
        """Which classes are in the prediction set of each image, (N, K) of bool.

        `probabilities` (N, K) are those of `predict`. For images from the same distribution as the
        validation set, a fraction `coverage` of the sets contain the true class; no set is empty.
        Raises RequestError if the validation set was too small for this coverage, or was empty.
        """
        return self.uncertainty.sets(probabilities, coverage)

    @torch.inference_mode()
    def compute(
        self,
        images: Images,
        rows: Sequence[int] | np.ndarray | None = None,
        done: Callable[[int], None] | None = None,
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Outputs (n, outputs) and features (n, F), float32, batch after batch.

        The arguments are those of `predict`.
        """
        given = InputImages(images, self.framing, self.card.colours)
        places = np.arange(len(given)) if rows is None else np.asarray(rows, dtype=np.int64)
        size = self.card.view.size
        most = images_at_once(size)
        elsewhere = "--device cpu, or " if self.device.type != "cpu" else ""
        for start in range(0, len(places), most):
            batch = torch.from_numpy(given.batch(places[start : start + most]))
            with explain_out_of_memory(
                f"to predict {len(batch)} images of {size}x{size} pixels at once",
                f"{elsewhere}a model that was trained with a smaller view.size",
            ):
                answers, features = self.outputs(batch)
                found = answers.cpu().numpy(), features.cpu().numpy()
            yield found
            if done:
                done(len(batch))
