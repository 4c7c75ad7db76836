"""A full disk is one line and exit status 1; nothing is lost and no temporary file left."""

import resource
import sys

import pytest

from hubblefork.cli import main
from tests.forks import Fork


def limited(work: list[tuple[int, list[str]]]) -> None:
    """Commands, each with the most bytes that a file may have: more fail as on a full disk."""
    for limit, words in work:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
        sys.argv = ["hubblefork", *words]
        try:
            main()
        except SystemExit as end:
            print("ended with", end.code, file=sys.stderr, flush=True)


@pytest.mark.skipif(sys.platform != "linux", reason="sets a limit on the size of files")
def test_a_full_disk_is_one_line_and_nothing_is_lost(trained, shapes, tmp_path, monkeypatch):
    out, page = tmp_path / "out.csv", tmp_path / "page.html"
    parquet, explained = tmp_path / "out.parquet", tmp_path / "why"
    image = str(next(shapes.glob("bar/*.png")))
    plenty = 1 << 30
    predict = ["predict", str(trained), str(shapes), "--out"]
    inspect = ["inspect", str(shapes), "--size", "16", "--out", str(page)]
    run, quick = tmp_path / "run", ["--recipe", "lenet5", "--set", "epochs=1", "--size", "16"]
    training = ["train", str(shapes), *quick, "--out", str(run)]
    work = [
        (plenty, [*predict, str(out)]),
        (plenty, inspect),
        (1000, [*predict, str(out)]),
        (1000, [*predict, str(parquet)]),
        (1000, inspect),
        (1000, ["inspect", str(shapes), "--size", "17", "--out", str(page)]),  # is packed
        (1000, ["explain", str(trained), image, "--out", str(explained)]),
        (40_000, training),  # its first checkpoint is larger
    ]
    monkeypatch.setenv("HUBBLEFORK_CACHE", str(tmp_path / "cache"))
    _, _, err = Fork(limited, work).ended()
    assert "Traceback" not in err
    ended = [line for line in err.splitlines() if line.startswith("ended")]
    assert ended == ["ended with 0"] * 2 + ["ended with 1"] * 6
    told = [line for line in err.splitlines() if line.startswith("hubblefork:")]
    assert len(told) == 6
    assert all("File too large" in line for line in told)
    assert str(out) in told[0]
    assert len(out.read_text().splitlines()) == 81
    assert page.read_text().rstrip().endswith("</html>")
    assert sorted(each.name for each in tmp_path.iterdir()) == [
        "cache",
        "out.csv",
        "page.html",
        "run",
    ]
    assert "best.ckpt" in told[5]
    assert not list((run / "checkpoints").iterdir())
    assert not list((tmp_path / "cache").rglob(".*"))
