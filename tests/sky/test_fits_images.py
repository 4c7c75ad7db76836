import pytest

from hubblefork.sky.fits_images import FitsError, Part, choose_image, common_image


def parts(*names: str) -> list[Part]:
    """A file with an empty first part, a table, and images of these names."""
    images = [Part(place, name, (8, 9), "9x8") for place, name in enumerate(names, start=2)]
    return [Part(0, "PRIMARY", (), "empty"), Part(1, "CATALOG", (), "a table"), *images]


@pytest.mark.parametrize(
    ("names", "chosen"),
    [
        (["ERR", "DQ", "SCI", "WHT"], "SCI"),
        (["WHT", "PRIMARY", "MASK"], "PRIMARY"),
        (["PRIMARY", "SCI"], "SCI"),
        (["VARIANCE", "MASK", "IMAGE"], "IMAGE"),
        (["IVAR_R", "FLUX_R", "FLUX_G"], "FLUX_R"),
        (["SCI_ERR", "G", "R"], "G"),
        (["WEIGHT", "", ""], "3"),
        (["", "SCI"], "SCI"),
        (["D2IMARR", "WCSDVARR", "SCIENCE"], "SCIENCE"),
        (["CCD1"], "CCD1"),
    ],
)
def test_what_is_to_be_looked_at_comes_first(names, chosen):
    assert choose_image(parts(*names)).key == chosen


def test_an_image_without_a_name_has_a_number_and_another_in_its_place_is_not_it():
    assert choose_image(parts("", "WHT"), "2").number == 2
    with pytest.raises(FitsError, match=r"no image 2 among .*HDU 2 WHT \(9x8\)"):
        choose_image(parts("WHT", ""), "2")


def test_all_files_have_the_image_of_the_likeliest_name():
    orders = [["SCI", "ERR"], ["ERR", "SCI"], ["ERR"], []]
    for files in (orders, orders[::-1]):
        assert common_image([parts(*names) for names in files]) == "SCI"
    bands = [parts("G", "R"), parts("R"), parts("R", "G")]
    assert common_image(bands) == "R"  # in most of them
    assert common_image([parts("ERR", "WHT")]) == "ERR"
    assert common_image([parts("WHT", "")]) == "3"


def test_files_with_one_image_each_need_no_name():
    assert common_image([parts("NGC1"), parts("NGC2"), parts(""), parts("PRIMARY")]) is None
    assert common_image([parts(), []]) is None
    # A stray mask among them is left out, and images of masks only are read as such.
    assert choose_image(parts("NGC1"), common_image([parts("NGC1"), parts("MASK")])).number == 2
    with pytest.raises(FitsError, match="its only images are HDU 2 MASK"):
        choose_image(parts("MASK"), common_image([parts("NGC1"), parts("MASK")]))
    assert common_image([parts("MASK"), parts("MASK")]) == "MASK"


def test_a_number_stands_for_the_name_that_it_has_in_most_files():
    files = [parts("SCI", "ERR"), parts("ERR", "SCI"), parts("SCI", "ERR")]
    assert common_image(files, "3") == "ERR"
    assert common_image([parts("", "")], "3") == "3"
    assert common_image(files, "err") == "ERR"
    assert common_image(files, "dq") == "DQ"  # which none has, as each will say
    assert common_image([], "7") == "7"
