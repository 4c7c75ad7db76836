import pytest

from hubblefork.core.errors import RequestError
from hubblefork.data.sources.huggingface_layout import DataFile, chosen, files_below


@pytest.mark.parametrize(
    ("path", "config", "split"),
    [
        ("data/train-00000-of-00005.parquet", "default", "train"),
        ("data/validation-00001-of-00002-0a1b2c.parquet", "default", "validation"),
        ("tiny/test-00000-of-00001.parquet", "tiny", "test"),
        ("evo/partial-train/0003.parquet", "evo", "train"),
        ("default/test/0000.parquet", "default", "test"),
        ("train/0000.parquet", "default", "train"),
        ("galaxies_train.parquet", "default", "train"),
        ("TrainImages/0000.parquet", "default", "train"),
        ("testset/0000.parquet", "default", "test"),
        ("few_shot_train-00000-of-00001.parquet", "default", "few_shot_train"),
        ("data-00000-of-00002.parquet", "default", None),
        ("galaxies.parquet", "default", None),
    ],
)
def test_a_path_says_configuration_and_split(path, config, split):
    assert DataFile.named(path) == DataFile(path, config, split)


def named(*paths) -> list[DataFile]:
    return [DataFile.named(path) for path in paths]


def refusal(files, **options) -> str:
    with pytest.raises(RequestError) as caught:
        chosen(files, options, "sky")
    return str(caught.value)


def test_one_configuration_is_read_whatever_its_name():
    assert len(chosen(named("evo/train/0.parquet", "evo/test/0.parquet"), {}, "sky")[0]) == 2


def test_where_it_is_not_clear_which_is_meant_it_is_asked():
    assert refusal(named("a/train.parquet", "b/train.parquet")) == (
        "sky: configurations: a, b; choose one by :config=NAME"
    )
    mixed = named("few_shot-00000-of-00001.parquet", "train-00000-of-00001.parquet")
    assert "has the splits few_shot, train, which are not" in refusal(mixed)
    assert chosen(mixed, {"split": "few_shot"}, "sky")[0] == mixed[:1]
    assert "no split is called 'test'" in refusal(mixed, split="test")


def test_a_numbered_file_too_few_is_noticed():
    files = named("data/train-00000-of-00003.parquet", "data/train-00002-of-00003.parquet")
    assert refusal(files) == "sky is incomplete: 2 of 3 files of data/train are there"


def test_only_visible_files_count(tmp_path):
    for name in (".cache/train.parquet", "a/.hidden.parquet", "data/train.parquet"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert files_below(tmp_path) == [DataFile("data/train.parquet", "default", "train")]


@pytest.mark.parametrize("content", ["", "[]", "\udcff"])
def test_a_state_that_is_none_is_one_line(tmp_path, content):
    (tmp_path / "state.json").write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(RequestError, match=r"state\.json"):
        files_below(tmp_path)
