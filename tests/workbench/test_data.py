"""Which images are wanted, and what is told of each."""

import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from hubblefork.core.errors import RequestError
from tests.workbench.conftest import collection, galaxies

NUMBER = 60


@pytest.fixture(scope="module")
def shown():
    return collection(
        NUMBER,
        redshift=np.where(np.arange(NUMBER) == 7, np.nan, np.arange(NUMBER) / 10),
        plate=pd.array([None, *range(1, NUMBER)], dtype="Int64"),
        field=[f"Stripe {k % 4}" for k in range(NUMBER)],
        note=[f"Note {k}: a bar?" if k % 7 == 0 else f"nothing {k}" for k in range(NUMBER)],
    )


def test_every_filter_keeps_what_it_says(shown):
    found, true = shown.predictions, shown.true
    redshift = np.nan_to_num(shown.dataset.table["redshift"].to_numpy(), nan=-1)
    leading = found.leading
    expected = {
        "label=With bar": true == 1,
        "prediction=ringed": leading == 2,
        "probability=0.5..0.7": (found.confidence >= 0.5) & (found.confidence <= 0.7),
        "typicality=..0.25": found.typicality <= 0.25,
        "set_size=2..": found.sets.sum(axis=1) >= 2,
        "set_size=1": found.sets.sum(axis=1) == 1,
        "column.redshift=0..2.05": (redshift >= 0) & (redshift <= 2.05),
        "column.plate=..3": np.isin(np.arange(NUMBER), [1, 2, 3]),
        "column.field=Stripe 2": np.arange(NUMBER) % 4 == 2,
        "column.note=A BAR": np.arange(NUMBER) % 7 == 0,
        "column.id=g5": [name.startswith("g5") for name in shown.dataset.table["id"]],
    }
    for query, wanted in expected.items():
        rows = shown.rows(dict([query.split("=")]))
        assert rows.tolist() == np.flatnonzero(wanted).tolist(), query
        assert 0 < len(rows) < NUMBER, query
    both = shown.rows({"label": "disc", "column.field": "Stripe 2"})
    assert both.tolist() == [k for k in range(NUMBER) if k % 3 == 0 and k % 4 == 2]
    assert shown.rows({}).tolist() == list(range(NUMBER))


def test_images_are_ordered_by_any_column(shown):
    confidence = shown.predictions.confidence
    rows = shown.rows({"order": "-probability", "label": "disc"})
    assert rows.tolist() == sorted(range(0, NUMBER, 3), key=lambda row: -confidence[row])
    assert shown.rows({"order": "column.redshift"})[-1] == 7  # a missing value is last


@pytest.mark.parametrize(
    "query",
    [{"nothing": "1"}, {"probability": "high"}, {"label": "elephant"}, {"order": "nothing"}],
)
def test_what_cannot_be_wanted_is_one_line(shown, query):
    with pytest.raises(RequestError) as error:
        shown.rows(query)
    assert "\n" not in str(error.value)


def test_an_image_is_given_by_its_row_alone(shown):
    with Image.open(io.BytesIO(shown.jpeg(5))) as image:
        assert image.size == (16, 16)
    for row in (-1, NUMBER, True, "5", 5.0):
        with pytest.raises(RequestError, match="is not there"):
            shown.tiles([row])


def test_tiles_tell_nothing_of_the_model(shown):
    (tile,) = shown.tiles([4])
    assert tile == {"row": 4, "id": "g4", "label": "With bar"}


def test_an_answer_stands_beside_the_model_and_the_label(shown):
    told = shown.compare(4, {"bob": ["ringed"], "ann": ["disc"]})
    assert told["columns"] == ["You", "All 2 raters", "Model", "Label"]
    values = np.array([each["values"] for each in told["groups"][0]["answers"]])
    model = shown.predictions.values[4]
    np.testing.assert_allclose(values.T, [[1, 0, 0], [0.5, 0, 0.5], model, [0, 1, 0]])


def test_the_questions_of_a_path_stand_beside_the_volunteers():
    shown = galaxies()
    told = shown.compare(3, {"ann": ["Class1.1", "Class7.3", "Class6.2"]})
    assert told["columns"] == ["You", "Model", "Volunteers"]
    assert [len(group["answers"]) for group in told["groups"]] == [3, 3, 2]
    volunteers = [each["values"][2] for each in told["groups"][1]["answers"]]
    np.testing.assert_allclose(volunteers, shown.true[3, 15:18], rtol=1e-6)
    assert sum(volunteers) == pytest.approx(shown.true[3, 0], rel=1e-5)
