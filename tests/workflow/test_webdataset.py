"""Tars of WebDataset through every verb."""

import io
import tarfile

import hubblefork


def test_tars_are_trained_on_evaluated_and_predicted(
    shapes, tmp_path, monkeypatch, without_reports
):
    files = sorted(shapes.glob("*/*.png"))
    for number in range(2):
        with tarfile.open(tmp_path / f"shapes-{number}.tar", "w") as archive:
            for place, file in enumerate(files[number::2]):
                for suffix, content in {
                    "png": file.read_bytes(),
                    "cls": file.parent.name.encode(),
                }.items():
                    info = tarfile.TarInfo(f"{number}{place:03d}.{suffix}")
                    info.size = len(content)
                    archive.addfile(info, io.BytesIO(content))
    monkeypatch.chdir(tmp_path)
    settings = {"epochs": 1, "data.size": 24}
    run = hubblefork.train("shapes-{0..1}.tar", "lenet5", settings=settings, out=tmp_path / "run")
    monkeypatch.chdir("/")
    assert run.provenance.location == f"{tmp_path}/shapes-{{0..1}}.tar"
    hubblefork.evaluate(run)
    table = hubblefork.predict(run, tmp_path / "shapes-1.tar")
    assert table["id"].tolist() == [f"1{place:03d}" for place in range(40)]
    assert (table["problem"] == "").all()
    by_file = hubblefork.predict(run, [str(each) for each in files[1::2]])
    assert table["predicted"].tolist() == by_file["predicted"].tolist()
    (tmp_path / "moved").mkdir()
    for each in ("run", "shapes-0.tar", "shapes-1.tar"):
        (tmp_path / each).rename(tmp_path / "moved" / each)
    monkeypatch.setenv("HUBBLEFORK_CACHE", str(tmp_path / "cache"))  # they are packed again
    hubblefork.evaluate(tmp_path / "moved" / "run", out=tmp_path / "again")
