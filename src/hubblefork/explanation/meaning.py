"""What the numbers that a network gives for an image mean: classes, or votes of volunteers.

All of `hubblefork explain` asks the meaning how an answer is named, which answers are worth a map,
and how answers are measured; nothing else there needs to know what kind of labels there are.
"""

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import pandas as pd

from hubblefork.core.text import percent
from hubblefork.evaluation import scores
from hubblefork.evaluation.scores import Score
from hubblefork.evaluation.vote_metrics import votes_error
from hubblefork.sky.decision_tree import GALAXY_ZOO_2
from hubblefork.sky.tree_words import KINDS, describe, follow, kinds, short_name, short_question
from hubblefork.tasks.task import Classes, Task

# Classes of the table of probabilities: with more, the rest is below a hundredth or so each.
_CLASSES = 10

# Answers down the tree that get maps: each costs a second or so, and a reader's patience too.
_MAPS = 4

_FIRST = GALAXY_ZOO_2.question(1).columns


class Meaning(ABC):
    """The meaning of K numbers.

    `true` are labels as a dataset has them: (N,) classes, or (N, 37) fractions of volunteers.
    `values` are answers (N, K): probabilities of classes, or fractions.

    names: of the K numbers, as the model has them. measure: of a `Score`. quantity: what each
    number is. changed: what it is called where an answer becomes another. agreed: images whose
    leading answer is the true one. maps: what is to be seen in maps of the evidence. compared: what
    is to be seen in like training images of the worst answers.
    """

    names: tuple[str, ...]
    measure: str
    quantity: str
    changed: str
    agreed: str
    maps: str
    compared: str

    @abstractmethod
    def leading(self, values: np.ndarray) -> np.ndarray:
        """(N,) the first thing that is answered, as an index of `names`."""

    @abstractmethod
    def truth(self, true: np.ndarray) -> np.ndarray:
        """(N,) what `leading` would have to be."""

    @abstractmethod
    def tally(self, true: np.ndarray, values: np.ndarray) -> np.ndarray:
        """(N,) what each image adds to the score."""

    @abstractmethod
    def score(self, tally: np.ndarray) -> Score:
        """The score of what `tally` gave."""

    @abstractmethod
    def baseline(self, true: np.ndarray) -> float:
        """The score of always giving the same answer, the best that there is for these labels."""

    @abstractmethod
    def pooled(self, true: np.ndarray) -> np.ndarray:
        """Answers (N, K) that several labels for each image, (N, k) or (N, k, 37), add up to."""

    @abstractmethod
    def worst(self, true: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Places of the answers that are wrong, those to look at first standing first."""

    @abstractmethod
    def kinds(self, true: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
        """(N,) which kind each label is of, and the names of the kinds: few enough to colour."""

    @abstractmethod
    def name(self, target: int) -> str:
        """One of the K numbers in words that need no others."""

    @abstractmethod
    def words(self, true: np.ndarray) -> np.ndarray:
        """(N,) each label in words."""

    @abstractmethod
    def said(self, values: np.ndarray) -> np.ndarray:
        """(N,) each answer in words like those of a label."""

    @abstractmethod
    def held(self, words: str) -> str:
        """What a label says, as it stands beside what the network says."""

    @abstractmethod
    def targets(self, values: np.ndarray) -> list[int]:
        """Which of the numbers (K,) of one image are worth a map of the evidence."""

    @abstractmethod
    def row(self, values: np.ndarray) -> dict[str, Any]:
        """The answer (K,) to one image as columns of a table; `predicted` is the leading one."""

    @abstractmethod
    def sentence(self, values: np.ndarray) -> str:
        """The answer (K,) to one image in a sentence."""

    @abstractmethod
    def table(self, values: np.ndarray) -> pd.DataFrame:
        """The answer (K,) to one image as a page shows it, in text."""

    @abstractmethod
    def alike(self, agree: int, number: int) -> str:
        """What to say of like training images, of which so many have the leading answer."""

    @abstractmethod
    def pooled_score(self, k: int, value: str) -> str:
        """What to say of the score of the k nearest training images' labels."""

    def told(self, values: np.ndarray, target: int) -> str:
        """One of the numbers (K,) of an image, with its name."""
        return f"{self.name(target)}, {percent(values[target], 0)}"

    def summary(self, values: np.ndarray) -> str:
        """The answer (K,) to one image in a few words."""
        return str(self.said(values[None])[0])


def meaning_of(task: Task) -> Meaning:
    """The meaning of a model's answers.

    >>> meaning_of(Classes(("bar", "disc"))).told(np.array([0.25, 0.75]), 1)
    'disc, 75\\xa0%'
    """
    return OfClasses(task.names) if isinstance(task, Classes) else OfVotes()


class OfClasses(Meaning):
    """K probabilities, of classes that exclude one another."""

    measure = "accuracy"
    quantity = "probability"
    changed = "Answers that changed"
    agreed = "correctly classified images"
    maps = (
        "Bright where the evidence for a class is, with a line around the places above one half; "
        "the predicted class, then the runner-up."
    )
    compared = (
        "The surest mistakes, each followed by the training images that the network finds most "
        "like it. If they have the wrong class too, the network sees no difference; if one of them "
        "is labelled wrongly, it learnt that."
    )

    def __init__(self, names: tuple[str, ...]):
        self.names = names
        self._words = np.array(names, dtype=object)

    def leading(self, values: np.ndarray) -> np.ndarray:
        return values.argmax(axis=1)

    def truth(self, true: np.ndarray) -> np.ndarray:
        return true

    def tally(self, true: np.ndarray, values: np.ndarray) -> np.ndarray:
        return values.argmax(axis=1) == true

    def score(self, tally: np.ndarray) -> Score:
        return scores.accuracy(tally)

    def baseline(self, true: np.ndarray) -> float:
        return float(np.bincount(true).max() / len(true))

    def pooled(self, true: np.ndarray) -> np.ndarray:
        counts = np.zeros((len(true), len(self.names)))
        np.add.at(counts, (np.arange(len(true))[:, None], true), 1 / true.shape[1])
        return counts

    def worst(self, true: np.ndarray, values: np.ndarray) -> np.ndarray:
        places = np.flatnonzero(values.argmax(axis=1) != true)
        return places[np.argsort(-values[places].max(axis=1, initial=0), kind="stable")]

    def kinds(self, true: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
        return true, self.names

    def name(self, target: int) -> str:
        return self.names[target]

    def words(self, true: np.ndarray) -> np.ndarray:
        return self._words[true]

    def said(self, values: np.ndarray) -> np.ndarray:
        return self._words[values.argmax(axis=1)]

    def held(self, words: str) -> str:
        return f"in truth {words}"

    def summary(self, values: np.ndarray) -> str:
        return self.told(values, int(values.argmax()))

    def targets(self, values: np.ndarray) -> list[int]:
        return self._order(values)[:2]

    def row(self, values: np.ndarray) -> dict[str, Any]:
        best, second = self._order(values)[:2]
        return {
            "predicted": self.names[best],
            "probability": values[best],
            "runner_up": self.names[second],
            "p_runner_up": values[second],
        }

    def sentence(self, values: np.ndarray) -> str:
        best, second = self._order(values)[:2]
        return (
            f"‘{self.names[best]}’ with {percent(values[best])}; next comes "
            f"‘{self.names[second]}’ with {percent(values[second])}."
        )

    def table(self, values: np.ndarray) -> pd.DataFrame:
        rows = self._order(values)[:_CLASSES]
        return pd.DataFrame(
            {
                "Class": [self.names[each] for each in rows],
                "Probability": [percent(values[each]) for each in rows],
            }
        )

    def alike(self, agree: int, number: int) -> str:
        return (
            "The training images that the network finds most like this one, with their labels; "
            f"{agree} of {number} have the predicted class."
        )

    def pooled_score(self, k: int, value: str) -> str:
        return f"The commonest label of the {k} nearest training images is right for {value}."

    def _order(self, values: np.ndarray) -> list[int]:
        """The classes by probability, the highest first."""
        return np.argsort(-values, kind="stable").tolist()


class OfVotes(Meaning):
    """37 fractions of volunteers, down the Galaxy Zoo 2 tree."""

    names = GALAXY_ZOO_2.columns
    measure = "rmse"
    quantity = "fraction"
    changed = "First answers that changed"
    agreed = "galaxies to which the network gives the volunteers' own first answer"
    maps = (
        "Bright where the evidence for an answer is, with a line around the places above one "
        "half; the answers that the network's fractions lead to down the tree, up to four of them, "
        "those of the questions that most volunteers come to. A bare ‘no’ is left out: nothing in "
        "an image shows it."
    )
    compared = (
        "The galaxies whose fractions are farthest from the volunteers', each followed by the "
        "training galaxies that the network finds most like it, with what most of their "
        "volunteers saw. Where these look like it and were seen otherwise, the network had "
        "nothing better to learn from."
    )

    def leading(self, values: np.ndarray) -> np.ndarray:
        return values[:, _FIRST].argmax(axis=1)

    def truth(self, true: np.ndarray) -> np.ndarray:
        return self.leading(true)

    def tally(self, true: np.ndarray, values: np.ndarray) -> np.ndarray:
        return votes_error(true, values).squared

    def score(self, tally: np.ndarray) -> Score:
        return scores.rmse(tally)

    def baseline(self, true: np.ndarray) -> float:
        return float(np.sqrt(true.var(axis=0, dtype=float).mean()))

    def pooled(self, true: np.ndarray) -> np.ndarray:
        return true.mean(axis=1)

    def worst(self, true: np.ndarray, values: np.ndarray) -> np.ndarray:
        return np.argsort(-self.tally(true, values), kind="stable")

    def kinds(self, true: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
        return kinds(true), KINDS

    def name(self, target: int) -> str:
        return short_name(self.names[target])

    def words(self, true: np.ndarray) -> np.ndarray:
        return describe(true)

    def said(self, values: np.ndarray) -> np.ndarray:
        return describe(values)

    def held(self, words: str) -> str:
        return f"volunteers: {words}"

    def targets(self, values: np.ndarray) -> list[int]:
        steps = [
            (place, float(GALAXY_ZOO_2.reached(values[None], question)[0]))
            for question, place in follow(values)
            if GALAXY_ZOO_2.answers[self.names[place]].text != "no"
        ]
        asked = sorted(steps, key=lambda step: -step[1])[:_MAPS]
        return [step[0] for step in steps if step in asked]

    def row(self, values: np.ndarray) -> dict[str, Any]:
        places = [place for _, place in follow(values)]
        return {
            "predicted": self.name(places[0]),
            "fraction": values[places[0]],
            "looks": self.summary(values),
            "path": "|".join(self.name(place) for place in places),
            "fractions": "|".join(f"{values[place]:.4g}" for place in places),
        }

    def sentence(self, values: np.ndarray) -> str:
        (_, first), *_ = follow(values)
        return (
            f"Its fractions lead down the tree to ‘{self.summary(values)}’; the first answer, "
            f"‘{self.name(first)}’, has {percent(values[first])}. Fractions are of all volunteers, "
            "not only of those who come to a question."
        )

    def table(self, values: np.ndarray) -> pd.DataFrame:
        rows = []
        for question, _ in follow(values):
            own = values[question.columns]
            first, second = np.argsort(-own, kind="stable")[:2]
            rows.append(
                {
                    "Question": short_question(question.number),
                    "Asked": percent(GALAXY_ZOO_2.reached(values[None], question)[0], 0),
                    "Commonest answer": question.answers[first].text,
                    "Its fraction": percent(own[first]),
                    "Next answer": question.answers[second].text,
                    "Fraction of the next": percent(own[second]),
                }
            )
        return pd.DataFrame(rows)

    def alike(self, agree: int, number: int) -> str:
        return (
            "The training galaxies that the network finds most like this one, with what most of "
            f"their volunteers saw; for {agree} of {number} it begins with the same answer."
        )

    def pooled_score(self, k: int, value: str) -> str:
        return (
            f"The mean fractions of the {k} nearest training galaxies miss the volunteers' by "
            f"{value} (RMSE)."
        )
