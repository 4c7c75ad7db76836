import json
import pickle

import numpy as np
import pytest

from hubblefork.core.errors import RequestError
from hubblefork.data.checksums import write_sums
from hubblefork.data.dataset import PackedDataset
from hubblefork.data.images.framing import Framing
from hubblefork.data.packing import pack
from hubblefork.data.sources import open_source
from hubblefork.tasks.classes import Classes


@pytest.fixture
def dataset(two_classes, tmp_path) -> PackedDataset:
    return pack(open_source(two_classes), Framing(size=8), tmp_path / "cache", workers=1)


def test_a_dataset_is_a_memory_map_with_a_table(dataset):
    assert isinstance(dataset.images, np.memmap)
    assert dataset.images.shape == (len(dataset), 8, 8, 3) == (22, 8, 8, 3)
    assert dataset.images.dtype == np.uint8
    assert not dataset.images.flags.writeable
    assert dataset.task == Classes(("edge_on", "spiral"))
    assert dataset.labels.tolist() == [0] * 12 + [1] * 10
    assert dataset.framing == Framing(size=8)
    assert dataset.key == dataset.path.name


def test_it_is_pickled_as_its_path(dataset):
    content = pickle.dumps(dataset)
    assert len(content) < 1000
    again = pickle.loads(content)
    assert again.source == dataset.source
    np.testing.assert_array_equal(again.images, dataset.images)


def test_votes_are_labels_of_37_fractions(tmp_path):
    dataset = pack(open_source("simulated:votes:6"), Framing(size=8), tmp_path, workers=1)
    assert dataset.labels.shape == (6, 37)
    assert dataset.labels.dtype == np.float32
    assert dataset.info["counts"] == {}


def test_a_folder_that_is_no_dataset_is_refused(tmp_path):
    with pytest.raises(RequestError, match="is not a packed dataset: it has no dataset"):
        PackedDataset.open(tmp_path)


def test_another_format_is_refused(dataset):
    info = dataset.info | {"format": 99}
    (dataset.path / "dataset.json").write_text(json.dumps(info))
    write_sums(dataset.path)
    with pytest.raises(RequestError, match="of format 99, expected 3"):
        PackedDataset.open(dataset.path)
