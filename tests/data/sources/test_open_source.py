import pytest

from hubblefork.core.errors import RequestError
from hubblefork.data.sources import open_source
from hubblefork.tasks.classes import Classes


def refusal(text) -> str:
    with pytest.raises(RequestError) as caught:
        open_source(text)
    return str(caught.value)


def test_a_directory_and_a_catalogue_are_told_apart(two_classes):
    assert open_source(two_classes).task == Classes(("edge_on", "spiral"))
    catalogue = two_classes / "a.CSV"
    catalogue.write_text("id,image,label\n1,edge_on/000.png,a\n2,spiral/000.png,b\n")
    assert open_source(str(catalogue)).task == Classes(("a", "b"))


def test_the_name_stands_as_it_was_given(two_classes, monkeypatch):
    monkeypatch.chdir(two_classes.parent)
    assert open_source("./sky").name == "./sky"


def test_a_path_that_is_not_there_is_told_as_a_path(tmp_path):
    assert refusal(tmp_path / "none") == f"{tmp_path}/none: no such file or directory"
    assert refusal("catalogue.csv") == "catalogue.csv: no such file or directory"


def test_a_misspelt_name_is_told_the_right_one():
    said = "neither a file or directory nor a known source; did you mean 'simulated'?"
    assert refusal("simulatd") == f"simulatd: {said}"
    assert refusal("simluated:500") == f"simluated:500: {said}"


def test_a_file_of_another_kind_is_refused(tmp_path):
    (tmp_path / "a.txt").touch()
    assert (
        "a source is a directory, a catalogue (.csv, .parquet, a FITS table, .vot, .ecsv)"
        in refusal(tmp_path / "a.txt")
    )
