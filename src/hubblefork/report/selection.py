"""Which pictures a report shows: drawn at random, the same ones for the same run."""

import pandas as pd

from hubblefork.report.material import Material

_SEED = 0


def example_rows(material: Material, number: int = 25) -> pd.DataFrame:
    """Test pictures of all classes, as evenly as they allow, in the order of the classes.

    The rare classes are seen like the common ones: each round takes one more of every class.
    """
    shuffled = material.answers().sample(frac=1, random_state=_SEED)
    rounds = shuffled.groupby("true").cumcount()
    chosen = shuffled.assign(round=rounds).sort_values("round", kind="stable").head(number)
    number_of = {name: place for place, name in enumerate(material.names)}
    order = chosen["true"].map(number_of).sort_values(kind="stable").index
    return chosen.loc[order].drop(columns="round")


def prediction_rows(material: Material, number: int = 10) -> pd.DataFrame:
    """Test pictures, half of them classified rightly and half wrongly, as far as there are any.

    The right ones come first.
    """
    rows = material.answers().sample(frac=1, random_state=_SEED)
    right = (rows["true"] == rows["predicted"]).to_numpy()
    wrong_taken = min((~right).sum(), max(number // 2, number - right.sum()))
    right_taken = min(right.sum(), number - wrong_taken)
    return pd.concat([rows[right].head(right_taken), rows[~right].head(wrong_taken)])
