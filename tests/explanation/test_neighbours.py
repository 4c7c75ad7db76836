"""Nearest neighbours: the same as comparing with all, block by block."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hubblefork.explanation import neighbours
from hubblefork.explanation.neighbours import ReferenceImages, nearest_neighbours

numbers = st.integers(-5, 5)


@given(arrays(float, (4, 3), elements=numbers), arrays(float, (9, 3), elements=numbers))
def test_similarities_are_the_largest_cosines_in_order(queries, reference):
    found = nearest_neighbours(queries, reference, k=4)
    lengths = [np.maximum(np.linalg.norm(each, axis=1), 1e-30) for each in (queries, reference)]
    cosine = queries @ reference.T / np.outer(*lengths)
    np.testing.assert_allclose(found.similarity, -np.sort(-cosine, axis=1)[:, :4], atol=1e-4)
    assert all(len(set(row)) == 4 for row in found.rows.tolist())


def test_blocks_do_not_matter_and_no_more_are_given_than_there_are(monkeypatch):
    random = np.random.default_rng(0)
    queries, reference = random.normal(size=(50, 6)), random.normal(size=(20, 6))
    whole = nearest_neighbours(queries, reference, k=99)
    monkeypatch.setattr(neighbours, "_BLOCK", 60)
    assert (nearest_neighbours(queries, reference, k=99).rows == whole.rows).all()
    assert whole.rows.shape == (50, 20)


def test_of_several_views_the_most_similar_counts():
    reference = np.eye(4)
    views = np.array([[[1.0, 0.2, 0, 0], [0, 0, 3.0, 0.1]]])
    found = nearest_neighbours(views, reference, k=3)
    assert found.rows.tolist() == [[2, 0, 1]]


def test_the_table_names_the_nearest():
    found = nearest_neighbours(np.eye(3)[[2, 0]], np.eye(3), k=2)
    table = found.table(["first", "second"], ["x", "y", "z"], ["spiral", "spiral", "disc"])
    assert table.loc[0].tolist() == ["first", 1, "z", "disc", 1.0]


@given(st.lists(st.integers(0, 3), min_size=1, max_size=12), st.integers(1, 4))
def test_an_image_has_all_others_for_neighbours_but_itself_and_its_copies(pixels, k):
    images = [np.full((2, 2, 1), each, np.uint8) for each in pixels]
    features = np.array([[each + 1.0, 1.0] for each in pixels])
    ids = [f"g{place}" for place in range(len(pixels))]
    reference = ReferenceImages(features, ids, np.array(pixels), ids, images.__getitem__)
    found, learnt = reference.nearest_others(images[0], "elsewhere/g0.png", features[:1], k)
    assert learnt
    others = [place for place, each in enumerate(pixels) if each != pixels[0]]
    assert set(found.rows[0]) <= set(others)
    assert found.rows.shape == found.similarity.shape == (1, min(k, len(others)))
    other = np.full((2, 2, 1), 9, np.uint8)
    found, learnt = reference.nearest_others(other, "g0", features[:1], 99)
    assert not learnt
    assert sorted(found.rows[0]) == list(range(1, len(pixels)))


def test_above_a_million_a_line_says_what_would_be_faster(monkeypatch, capfd):
    monkeypatch.setattr(neighbours, "INDEXED_ABOVE", 5)
    monkeypatch.setattr(neighbours.importlib.util, "find_spec", lambda name: None)
    assert nearest_neighbours(np.eye(6), np.eye(6), k=1).rows.ravel().tolist() == list(range(6))
    assert "hubblefork[index]" in capfd.readouterr().err


def test_an_index_finds_nearly_all_of_the_nearest(monkeypatch):
    pytest.importorskip("faiss", reason="the extra 'index' is not installed")
    random = np.random.default_rng(0)
    queries, reference = random.normal(size=(50, 8)), random.normal(size=(2000, 8))
    whole = nearest_neighbours(queries, reference, k=5)
    monkeypatch.setattr(neighbours, "INDEXED_ABOVE", 1000)
    found = nearest_neighbours(queries, reference, k=5)
    assert np.mean(found.rows == whole.rows) > 0.95
    views = queries.reshape(25, 2, 8)
    by_index = nearest_neighbours(views, reference, k=5)
    monkeypatch.setattr(neighbours, "INDEXED_ABOVE", 9999)
    assert np.mean(by_index.rows == nearest_neighbours(views, reference, k=5).rows) > 0.9
