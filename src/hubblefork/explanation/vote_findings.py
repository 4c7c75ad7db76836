"""The sections on single galaxies of a model of votes: farthest from the volunteers, and nearest.

They stand where a classifier's page has its mistakes and its right answers.
"""

import numpy as np
import pandas as pd

from hubblefork.core.text import percent, several
from hubblefork.evaluation.vote_metrics import largest_errors, question_column
from hubblefork.explanation.test_set import Finding, Part
from hubblefork.report.explain import Group, Section, Tile
from hubblefork.sky.decision_tree import GALAXY_ZOO_2, Question

# Galaxies that are shown: each map costs a second or so. Of the nearest, so many of each kind, or
# the page would show the commonest kind alone.
_FARTHEST, _OF_KIND = 12, 2

# Questions that are named of each galaxy, those that miss most first.
_MISSED = 2

_QUESTIONS = GALAXY_ZOO_2.questions
_COLUMNS = [question_column(question) for question in _QUESTIONS]


def find_farthest(part: Part) -> Finding:
    """The galaxies whose fractions are farthest from the volunteers', and what misses most."""
    table = largest_errors(part.ids, part.labels, part.values, GALAXY_ZOO_2)
    cards = [
        Group(
            f"RMSE {row['rmse']:.3f}: said {part.said_words[row['row']]}",
            [part.tile(row["row"], part.held(row["row"])), *_of_question(part, row)],
            f"{row['id']}. Missed most: {_missed(part, row)}.",
        )
        for row in table.head(_FARTHEST).to_dict("records")
    ]
    note = (
        f"The {several(len(cards), 'galaxy', 'galaxies')} of {len(part):,} whose 37 fractions are "
        "farthest from the volunteers'. Beside each image, the same below a map of the "
        "evidence, on the question that misses most, for the network's commonest answer and, where "
        "it is another one, for the volunteers'. Look whether the network saw the wrong thing, or "
        "whether you would have voted as it did. The table tells for how many of all test "
        "galaxies a question is the one that misses most. All galaxies are in errors.csv, with "
        "the error on each question."
    )
    words = {"said": part.said_words[table["row"]], "volunteers": part.true_words[table["row"]]}
    counts = table[_COLUMNS].to_numpy().argmax(axis=1)
    missed = _by_question(table, np.bincount(counts, minlength=len(_QUESTIONS)))
    return Finding(
        Section("Farthest from the volunteers", note, cards=cards, table=_shown(missed, len(part))),
        {"errors.csv": table.drop(columns="row").assign(**words)},
        {"questions": missed.to_dict("records")},
    )


def _by_question(table: pd.DataFrame, counts: np.ndarray) -> pd.DataFrame:
    """One row a question, the one that misses most for most galaxies first."""
    rows = pd.DataFrame(
        {
            "question": [question.number for question in _QUESTIONS],
            "text": [question.short for question in _QUESTIONS],
            "galaxies": counts,
            "rmse": np.sqrt((table[_COLUMNS].to_numpy() ** 2).mean(axis=0)),
        }
    )
    return rows.sort_values("galaxies", ascending=False, kind="stable")


def _shown(missed: pd.DataFrame, number: int) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "Question": missed["text"],
            "Missed most for": [percent(each / number) for each in missed["galaxies"]],
            "RMSE over all galaxies": [f"{each:.4f}" for each in missed["rmse"]],
        }
    )


def _worst_questions(row: dict) -> list[Question]:
    errors = np.array([row[column] for column in _COLUMNS])
    return [_QUESTIONS[place] for place in np.argsort(-errors, kind="stable")[:_MISSED]]


def _of_question(part: Part, row: dict) -> list[Tile]:
    """Maps for the commonest answer to the question that misses most: said, and volunteers'."""
    place = row["row"]
    number = _worst_questions(row)[0].number
    given = [
        GALAXY_ZOO_2.commonest(votes[[place]])[0, number - 1]
        for votes in (part.values, part.labels)
    ]
    return [part.map_tile(place, int(each)) for each in dict.fromkeys(given)]


def _missed(part: Part, row: dict) -> str:
    """The answers that miss most, one for each of the questions that do."""
    said, told = part.values[row["row"]], part.labels[row["row"]]
    parts = []
    for question in _worst_questions(row):
        error = np.abs(said - told)[question.columns]
        answer = question.columns.start + int(error.argmax())
        name = GALAXY_ZOO_2.answer_name(GALAXY_ZOO_2.columns[answer])
        parts.append(f"‘{name}’ {percent(said[answer], 0)}, volunteers {percent(told[answer], 0)}")
    return "; ".join(parts)


def find_nearest(part: Part) -> Finding:
    """Of each kind of galaxy, those whose fractions are nearest to the volunteers'."""
    table = largest_errors(part.ids, part.labels, part.values, GALAXY_ZOO_2)[::-1]
    kind = GALAXY_ZOO_2.kind_of(part.labels)[table["row"]]
    cards = [
        Group(
            f"{GALAXY_ZOO_2.kinds[number].name}: RMSE {row.rmse:.3f}",
            [part.tile(row.row, part.held(row.row)), *part.map_tiles(row.row)],
            str(row.id),
        )
        for number in np.unique(kind)
        for row in table[kind == number].head(_OF_KIND).itertuples()
    ]
    note = (
        "Of each kind of galaxy, as most of its volunteers saw it, those whose fractions are "
        "nearest to theirs: the image, and the evidence for the first answers that the network's "
        "fractions lead to. The light should lie where you would look too."
    )
    return Finding(Section("Nearest to the volunteers", note, cards=cards))
