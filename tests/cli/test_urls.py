"""A network that fails ends a command with one line and exit status 1; nothing is written."""

import pandas as pd

from hubblefork.core import tries
from tests.web import serving


def test_a_network_that_fails_is_one_line(
    hubblefork, trained, shapes, tmp_path, monkeypatch, without_reports
):
    monkeypatch.setattr(tries, "WAITS", (0.0, 0.0))
    files = sorted(each.relative_to(shapes).as_posix() for each in shapes.glob("*/*0.png"))
    out, run = tmp_path / "out.csv", tmp_path / "run"
    with serving() as server:
        server.files = {f"/{each.replace(' ', '')}": (shapes / each).read_bytes() for each in files}
        places = [f"{server.url}/{each.replace(' ', '')}" for each in files]
        table = pd.DataFrame({"image": places, "label": [each[:3] for each in files]})
        table.to_csv(catalogue := tmp_path / "sky.csv", index=False)
        last = places[-1].removeprefix(server.url)
        commands = [
            ["inspect", catalogue, "--size", "24", "--out", tmp_path / "page.html"],
            ["train", catalogue, "--recipe", "lenet5", "--size", "24", "--out", run],
            ["predict", trained, catalogue, "--out", out],
        ]
        for words in commands:
            server.statuses[last] = [503] * 3
            status, _, err = hubblefork(*words)
            told = [line for line in err.splitlines() if line.startswith("hubblefork:")]
            expected = f"hubblefork: cannot read {places[-1]}: the server answers 503 "
            assert (status, len(told)) == (1, 1)
            assert told[0] == expected + "Service Unavailable; try again"
            assert "Traceback" not in err
            assert [each.name for each in tmp_path.iterdir()] == ["sky.csv"]
        status, _, err = hubblefork(*commands[-1])
        assert status == 0
    assert pd.read_csv(out)["problem"].isna().all()
