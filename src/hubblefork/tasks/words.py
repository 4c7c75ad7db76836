"""Labels and predictions in words, for pages, tables and messages."""

from abc import ABC, abstractmethod

import numpy as np
import pandas as pd

from hubblefork.core.text import percent


class AnswerWords(ABC):
    """Words for the predictions of a task.

    names: of the K outputs, understandable without context. quantity: what each output is.
    baseline, constant: the name of the baseline that predicts the same for all images, and what
    it does. changed: the fraction of changed
    predictions. agreed: images whose predicted answer is the true one. maps: explains the maps of
    the evidence. compared: explains the nearest training images of the worst predictions.
    """

    names: tuple[str, ...]
    baseline: str
    quantity: str
    constant: str
    changed: str
    agreed: str
    maps: str
    compared: str

    @abstractmethod
    def labels(self, true: np.ndarray) -> np.ndarray:
        """(N,) each label in words."""

    @abstractmethod
    def answers(self, values: np.ndarray) -> np.ndarray:
        """(N,) each prediction (N, K) in words like those of a label."""

    @abstractmethod
    def beside(self, label: str) -> str:
        """A label in words, to be shown next to a prediction."""

    @abstractmethod
    def sentence(self, values: np.ndarray) -> str:
        """The prediction (K,) for one image in a sentence."""

    @abstractmethod
    def table(self, values: np.ndarray) -> pd.DataFrame:
        """The prediction (K,) for one image as a table of text."""

    @abstractmethod
    def alike(self, agree: int, number: int) -> str:
        """A sentence on the nearest training images, of which `agree` have the predicted answer."""

    @abstractmethod
    def pooled_score(self, k: int, value: str) -> str:
        """A sentence on the score of predicting by the labels of the k nearest training images."""

    def told(self, values: np.ndarray, target: int) -> str:
        """One of the outputs (K,) of an image, with its name."""
        return f"{self.names[target]}, {percent(values[target], 0)}"

    def summary(self, values: np.ndarray) -> str:
        """The prediction (K,) for one image in a few words."""
        return str(self.answers(values[None])[0])
