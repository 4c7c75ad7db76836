"""A trained network that answers: `Predictor.load("runs/...").predict(pictures)`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from hubblefork.data.framing import Framing
from hubblefork.data.task import Task, Votes
from hubblefork.data.views import symmetries
from hubblefork.errors import RequestError
from hubblefork.networks.heads import create_head
from hubblefork.networks.model_file import ModelCard, load_model
from hubblefork.prediction.table import tabulate, tabulate_votes
from hubblefork.training.device import choose_device

# Pictures through the network at once: enough to fill a GPU, small on a laptop.
_BATCH = 256


@dataclass(frozen=True)
class Predictor:
    """A network with everything that its model file says about it.

    Make one with `Predictor.load`. `head` turns the network's numbers into answers; `card` tells
    network, view, framing and task.

    >>> import hubblefork
    >>> run = hubblefork.train(galaxies, "mlp", out=folder / "run",
    ...                        settings={"epochs": 1, "data.size": 24})
    >>> predictor = Predictor.load(run.path)
    >>> predictor.names
    ('bar', 'disc')
    >>> predictor.predict(np.zeros((5, 24, 24, 3), np.uint8)).shape
    (5, 2)
    """

    network: nn.Module
    head: nn.Module
    card: ModelCard
    device: torch.device

    @classmethod
    def load(cls, run: Path | str, device: str = "auto") -> "Predictor":
        """Load a run folder or a model file onto a device (`auto`, `cpu` or `cuda`).

        Raises RequestError where there is no model.
        """
        path = Path(run)
        if not path.exists():
            raise RequestError(f"no run folder or model file at {path}")
        if path.is_dir():
            path = path / "model.safetensors"
            if not path.is_file():
                raise RequestError(
                    f"{run} has no model.safetensors: it is not a run, or its training has not "
                    f"ended; go on with it by --resume"
                )
        network, card = load_model(path)
        place = choose_device(device)
        network = network.to(place, memory_format=torch.channels_last)
        return cls(network, create_head(card.head).to(place), card, place)

    @property
    def task(self) -> Task:
        """What the answers mean: one of several classes, or fractions of votes."""
        return self.card.task

    @property
    def names(self) -> tuple[str, ...]:
        """The class names, or the columns of the votes, in the order of the answers."""
        return self.task.columns if isinstance(self.task, Votes) else self.task.names

    @property
    def framing(self) -> Framing:
        """How a picture has to be cut and scaled before it is given to `predict`."""
        return self.card.framing

    def predict(
        self,
        pictures: np.ndarray,
        rows: Sequence[int] | None = None,
        done: Callable[[int], None] | None = None,
    ) -> np.ndarray:
        """Probabilities of each class, or fractions of votes for each answer.

        Parameters
        ----------
        pictures
            (N, H, W, C) uint8, framed as `framing` says; a memory map is read batch by batch.
        rows
            Which of the pictures, in which order; all where none are given.
        done
            Is called with the number of pictures of each batch that has been predicted.

        Returns (N, outputs) float32: for classes, rows that sum to one. Raises RequestError for
        another shape or type.
        """
        self._check(pictures)
        rows = np.arange(len(pictures)) if rows is None else np.asarray(rows, dtype=np.int64)
        parts = []
        for start in range(0, len(rows), _BATCH):
            batch = torch.from_numpy(pictures[rows[start : start + _BATCH]])
            parts.append(self._predict_batch(batch).cpu().numpy())
            if done:
                done(len(batch))
        return np.concatenate(parts) if parts else np.empty((0, len(self.names)), np.float32)

    @torch.inference_mode()
    def _predict_batch(self, pictures: Tensor) -> Tensor:
        inputs = self.card.view.fixed(pictures.to(self.device))
        turned = symmetries(inputs) if self.card.view.symmetries else [inputs]
        total = torch.zeros(len(inputs), self.card.task.outputs, device=self.device)
        for maps in turned:
            total += self.head(self.network(maps.contiguous(memory_format=torch.channels_last)))
        return total / len(turned)

    def tabulate(
        self, ids: np.ndarray, answers: np.ndarray, true: np.ndarray | None = None
    ) -> pd.DataFrame:
        """The table of what `predict` gave for pictures of these ids; see `prediction.table`."""
        if isinstance(self.task, Votes):
            return tabulate_votes(ids, answers, true)
        return tabulate(ids, self.names, answers, true)

    def _check(self, pictures: np.ndarray) -> None:
        channels = self.card.input_shape[0]
        if pictures.ndim != 4 or pictures.dtype != np.uint8 or pictures.shape[3] != channels:
            raise RequestError(
                f"this model takes pictures as uint8 of shape (N, H, W, {channels}), "
                f"not {pictures.dtype} of shape {pictures.shape}"
            )
        if pictures.shape[1] != pictures.shape[2]:
            raise RequestError(f"this model takes square pictures, not {pictures.shape[1:3]}")
