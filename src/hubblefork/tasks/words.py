"""How labels and answers are said: the part of a task that pages, tables and messages read."""

from abc import ABC, abstractmethod

import numpy as np
import pandas as pd

from hubblefork.core.text import percent


class AnswerWords(ABC):
    """Words for the answers of a task.

    names: of the K numbers, in words that need no others. quantity: what each of the numbers is.
    constant: what always giving the same answer is called. changed: what it is called where an
    answer becomes another. agreed: images whose leading answer is the true one. maps: what is to be
    seen in maps of the evidence. compared: what is to be seen in the nearest training images of the
    worst answers.
    """

    names: tuple[str, ...]
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
        """(N,) each answer (N, K) in words like those of a label."""

    @abstractmethod
    def beside(self, label: str) -> str:
        """What a label says, as it stands beside an answer."""

    @abstractmethod
    def sentence(self, values: np.ndarray) -> str:
        """The answer (K,) to one image in a sentence."""

    @abstractmethod
    def table(self, values: np.ndarray) -> pd.DataFrame:
        """The answer (K,) to one image as a page shows it, in text."""

    @abstractmethod
    def alike(self, agree: int, number: int) -> str:
        """What to say of nearest training images, of which so many have the leading answer."""

    @abstractmethod
    def pooled_score(self, k: int, value: str) -> str:
        """What to say of the score of the k nearest training images' labels."""

    def told(self, values: np.ndarray, target: int) -> str:
        """One of the numbers (K,) of an image, with its name."""
        return f"{self.names[target]}, {percent(values[target], 0)}"

    def summary(self, values: np.ndarray) -> str:
        """The answer (K,) to one image in a few words."""
        return str(self.answers(values[None])[0])
