"""Which images a report shows: drawn at random, the same ones for the same run."""

import pandas as pd

from hubblefork.evaluation.examples import balanced_sample
from hubblefork.report.run_data import Material

_SEED = 0


def example_rows(material: Material, number: int = 25) -> pd.DataFrame:
    """Test images of all classes, chosen and ordered by `balanced_sample`."""
    answers = material.answers()
    number_of = {name: place for place, name in enumerate(material.names)}
    return answers.iloc[balanced_sample(answers["true"].map(number_of).to_numpy(), number)]


def prediction_rows(material: Material, number: int = 10) -> pd.DataFrame:
    """Test images, half of them classified rightly and half wrongly, as far as there are any.

    The right ones come first.
    """
    rows = material.answers().sample(frac=1, random_state=_SEED)
    right = (rows["true"] == rows["predicted"]).to_numpy()
    wrong_taken = min((~right).sum(), max(number // 2, number - right.sum()))
    right_taken = min(right.sum(), number - wrong_taken)
    return pd.concat([rows[right].head(right_taken), rows[~right].head(wrong_taken)])
