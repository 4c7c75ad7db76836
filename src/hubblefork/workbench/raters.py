"""How far raters agree with one another, and with the labels that came with the images."""

from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from hubblefork.evaluation.agreement import (
    cohen_kappa,
    fleiss_kappa,
    gwet_ac1,
    krippendorff_alpha,
    observed_agreement,
)
from hubblefork.workbench.data import Collection
from hubblefork.workbench.export import export_table
from hubblefork.workbench.questions import Question, Questions
from hubblefork.workbench.store import Labels, read_labels

MEASURES = {
    "observed_agreement": observed_agreement,
    "fleiss_kappa": fleiss_kappa,
    "krippendorff_alpha": krippendorff_alpha,
    "gwet_ac1": gwet_ac1,
}


def agreement(labels: Labels) -> pd.DataFrame:
    """How far raters agree about each question, all of them together and each two.

    Of a decision tree, an image counts for a question with the raters who were asked it.

    Returns one row for each question that two raters have answered for one image, and for each two
    raters: question, raters (`all`, or two names joined by `, `), images (with two or more
    answers), then the measures of `evaluation.agreement`: observed_agreement, cohen_kappa (of two
    raters), fleiss_kappa, krippendorff_alpha and gwet_ac1; NaN where there is none.

    >>> from hubblefork.tasks.classes import Classes
    >>> from hubblefork.workbench.store import LabelStore
    >>> with LabelStore.open(folder / "labels.jsonl", Classes(("disc", "bar"))) as store:
    ...     for rater, given in {"ann": "ddbb", "bob": "dbbb"}.items():
    ...         for place, answer in enumerate(given):
    ...             word = "disc" if answer == "d" else "bar"
    ...             _ = store.answer(rater, (f"g{place}", "c0ffee"), [word], key=f"{rater}{place}")
    >>> found = agreement(read_labels(folder / "labels.jsonl"))
    >>> found[["raters", "images", "observed_agreement", "cohen_kappa"]].values.tolist()
    [['all', 4, 0.75, nan], ['ann, bob', 4, 0.75, 0.5]]
    """
    answers, rows = _answers(labels), []
    for question in Questions.of(labels.task).asked:
        own = answers[answers["question"] == question.start]
        # One row an image, one column a rater, and the place of the answer or NaN.
        table = own.pivot(index="image", columns="rater", values="choice")
        rows += [{"question": question.text, "raters": "all"} | _measured(table, question)]
        for pair in combinations(table.columns, 2):
            both = table[list(pair)].dropna()
            kappa = cohen_kappa(*both.to_numpy(int).T)
            measured = _measured(both, question) | {"cohen_kappa": kappa}
            rows += [{"question": question.text, "raters": ", ".join(pair)} | measured]
    columns = ["question", "raters", "images", "observed_agreement", "cohen_kappa"]
    columns += [name for name in MEASURES if name not in columns]
    table = pd.DataFrame(rows, columns=columns)
    return table[table["images"] > 0].reset_index(drop=True)


def export_agreement(labels: str | Path, out: str | Path) -> Path:
    """Write `agreement` of a file of labels as .csv, .tsv, .parquet, .fits, .vot or .ecsv.

    Raises RequestError where there are none, or `out` cannot be written or exists already.
    """
    return export_table(agreement_table(read_labels(labels)), out)


def agreement_table(labels: Labels) -> pa.Table:
    """The table of `agreement`, to be written."""
    return pa.Table.from_pandas(agreement(labels), preserve_index=False)


def beside(
    collection: Collection, row: int, answer: Sequence[str]
) -> Iterator[tuple[Question, int, np.ndarray]]:
    """For each question of an answer: it, the chosen answer, and the label's fractions of it.

    The fractions (answers,) are of those who were asked the question; questions that nobody was
    asked are left out, and all where the image has no label.
    """
    if collection.true is None:
        return
    questions = collection.questions
    label = questions.task.pooled(collection.true[[row], None])[0]
    for question, place in questions.path(answer):
        own = label[question.start : question.start + len(question.choices)]
        if own.sum() > 0:
            yield question, place - question.start, own / own.sum()


def against_labels(collection: Collection, labels: Labels) -> pd.DataFrame:
    """What the labels of the images say, such as volunteers, where a rater gave an answer.

    Returns one row for each rater, question and answer, in this order: rater, question, answer,
    images (to which this answer was given), then for each of the question's answers `other` and
    `fraction`: the mean fraction of it that the labels of these images have.
    """
    found: dict[tuple[str, int, int], list[np.ndarray]] = {}
    asked = {question.start: question for question in collection.questions.asked}
    for each in labels.standing():
        row = collection.row((each.image, each.digest))
        if row is not None:
            for question, k, fractions in beside(collection, row, each.answer):
                found.setdefault((each.rater, question.start, k), []).append(fractions)
    rows = []
    for (rater, start, k), given in sorted(found.items()):
        texts = [choice.text for choice in asked[start].choices]
        for other, fraction in zip(texts, np.mean(given, axis=0), strict=True):
            rows.append((rater, asked[start].text, texts[k], len(given), other, float(fraction)))
    names = ["rater", "question", "answer", "images", "other", "fraction"]
    return pd.DataFrame(rows, columns=names)


def to_json(collection: Collection, labels: Labels) -> dict[str, Any]:
    """Both tables as the page takes them: a list of objects each, without NaN."""
    tables = {
        "agreement": agreement(labels),
        "against": against_labels(collection, labels),
    }
    return {"beside": collection.questions.beside} | {
        name: table.astype(object).where(table.notna(), None).to_dict("records")
        for name, table in tables.items()
    }


def _answers(labels: Labels) -> pd.DataFrame:
    """One row for each question that a rater has answered for an image."""
    questions = Questions.of(labels.task)
    rows = [
        ((each.image, each.digest), each.rater, question.start, place - question.start)
        for each in labels.standing()
        for question, place in questions.path(each.answer)
    ]
    return pd.DataFrame(rows, columns=["image", "rater", "question", "choice"])


def _measured(table: pd.DataFrame, question: Question) -> dict[str, Any]:
    places = table.to_numpy(float)
    counts = np.stack([(places == k).sum(axis=1) for k in range(len(question.choices))], axis=1)
    images = int((counts.sum(axis=1) >= 2).sum())
    return {"images": images} | {name: each(counts) for name, each in MEASURES.items()}
