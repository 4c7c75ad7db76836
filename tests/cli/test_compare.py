"""`hubblefork compare` as a user types it."""

import shutil


def test_figures_are_printed_and_the_last_line_is_the_page(hubblefork, trained, tmp_path):
    page, again = tmp_path / "page.html", tmp_path / "again"
    shutil.copytree(trained, again)
    status, out, err = hubblefork("compare", trained, again, "--out", page)
    assert status == 0, err
    assert "Accuracy" in out
    assert out.splitlines()[-1] == str(page)
    assert page.is_file()


def test_one_run_is_not_compared(hubblefork, trained, tmp_path):
    status, out, err = hubblefork("compare", trained, "--out", tmp_path / "page.html")
    assert status == 2
    assert "Traceback" not in err
    assert out == ""
    assert not list(tmp_path.iterdir())
