"""The path down the Galaxy Zoo 2 tree that the commonest answers lead, and short words for it."""

import numpy as np

from hubblefork.sky.decision_tree import GALAXY_ZOO_2, Question

# The questions, as short as a caption has room for.
_QUESTIONS = {
    1: "Smooth, or a disk?",
    2: "Edge-on?",
    3: "A bar?",
    4: "Spiral arms?",
    5: "How large a bulge?",
    6: "Anything odd?",
    7: "How round?",
    8: "What is odd?",
    9: "What bulge, edge-on?",
    10: "How tightly wound?",
    11: "How many arms?",
}

# What an answer that says nothing by itself, such as "yes" or "tight", is about.
_TOPICS = {
    2: "edge-on",
    3: "bar",
    4: "spiral",
    5: "bulge",
    6: "odd",
    9: "bulge",
    10: "winding",
    11: "arms",
}

# The answers that make up what a galaxy looks like. A caption has no room for the others: what it
# has not, how large its bulge is, how tightly its arms are wound.
_LOOKS = {
    "Class1.1": "smooth",
    "Class1.2": "disk",
    "Class1.3": "star or artefact",
    "Class2.1": "edge-on",
    "Class3.1": "barred",
    "Class4.1": "spiral",
    "Class7.1": "round",
    "Class7.2": "in between",
    "Class7.3": "cigar shaped",
    "Class8.1": "ring",
    "Class8.2": "lens or arc",
    "Class8.3": "disturbed",
    "Class8.4": "irregular",
    "Class8.5": "odd",
    "Class8.6": "merger",
    "Class8.7": "dust lane",
    "Class11.1": "1 arm",
    "Class11.2": "2 arms",
    "Class11.3": "3 arms",
    "Class11.4": "4 arms",
    "Class11.5": "more than 4 arms",
}

# What `kinds` tells apart.
KINDS = ("smooth", "edge-on disk", "spiral", "disk without arms", "star or artefact")


def follow(fractions: np.ndarray) -> list[tuple[Question, int]]:
    """Follow the commonest answers of one galaxy from the first question to the end of the tree.

    fractions: (37,). Gives each question with the place of its commonest answer among the 37.

    >>> votes = np.zeros(37)
    >>> for column in ("Class1.1", "Class7.2", "Class6.2"):
    ...     votes[GALAXY_ZOO_2.index(column)] = 1
    >>> [(question.number, GALAXY_ZOO_2.columns[place]) for question, place in follow(votes)]
    [(1, 'Class1.1'), (7, 'Class7.2'), (6, 'Class6.2')]
    """
    return _follow(commonest(fractions[None])[0])


def commonest(fractions: np.ndarray) -> np.ndarray:
    """The commonest answer to each question (N, 11), as its place among the 37 of (N, 37)."""
    return np.stack(
        [
            question.columns.start + fractions[:, question.columns].argmax(axis=1)
            for question in GALAXY_ZOO_2.questions
        ],
        axis=1,
    )


def _follow(places: np.ndarray) -> list[tuple[Question, int]]:
    steps, following = [], 1
    while following is not None:
        question, place = GALAXY_ZOO_2.question(following), int(places[following - 1])
        steps.append((question, place))
        following = GALAXY_ZOO_2.answers[GALAXY_ZOO_2.columns[place]].next
    return steps


def describe(fractions: np.ndarray) -> np.ndarray:
    """What most volunteers see in each galaxy (N, 37), in a few words: (N,) text.

    >>> votes = np.zeros((1, 37))
    >>> for column in ("Class1.2", "Class2.2", "Class3.2", "Class4.1", "Class11.2", "Class6.2"):
    ...     votes[0, GALAXY_ZOO_2.index(column)] = 1
    >>> str(describe(votes)[0])
    'disk, spiral, 2 arms'
    """
    # Far fewer paths are different than there are galaxies.
    different, number = np.unique(commonest(fractions), axis=0, return_inverse=True)
    words = [
        ", ".join(
            _LOOKS[GALAXY_ZOO_2.columns[place]]
            for _, place in _follow(places)
            if GALAXY_ZOO_2.columns[place] in _LOOKS
        )
        for places in different
    ]
    return np.array(words, dtype=object)[number]


def kinds(fractions: np.ndarray) -> np.ndarray:
    """Which of `KINDS` most volunteers see in each galaxy (N, 37): (N,) indices.

    >>> votes = np.zeros((1, 37))
    >>> votes[0, [GALAXY_ZOO_2.index(column) for column in ("Class1.2", "Class2.1")]] = 1
    >>> KINDS[kinds(votes)[0]]
    'edge-on disk'
    """
    first, edge_on, _, spiral, *_ = np.array(GALAXY_ZOO_2.columns)[commonest(fractions)].T
    told = (first == "Class1.1", first == "Class1.3", edge_on == "Class2.1", spiral == "Class4.1")
    return np.select(told, (0, 4, 1, 2), default=3)


def short_question(number: int) -> str:
    """The question with this number, in a few words."""
    return _QUESTIONS[number]


def short_name(column: str) -> str:
    """An answer in words that can be understood without its question.

    >>> short_name("Class4.1"), short_name("Class1.1")
    ('spiral: yes', 'smooth')
    """
    topic = _TOPICS.get(int(column.removeprefix("Class").partition(".")[0]))
    text = GALAXY_ZOO_2.answers[column].text
    return f"{topic}: {text}" if topic else text
