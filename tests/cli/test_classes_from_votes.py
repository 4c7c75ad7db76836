"""`--classes`: votes in, a classifier out."""

import json

import pytest

pytestmark = pytest.mark.usefixtures("without_reports")

SKY = "simulated:votes:60"
RULE = '[smooth]\n"Class1.1" = 0.5\n[disk]\n"Class1.2" = 0.5\n'
QUICK = ["--recipe", "mlp", "--size", "16", "--set", "epochs=1"]


def test_a_run_keeps_its_rule_and_is_measured_by_it_again(hubblefork, tmp_path, monkeypatch):
    (tmp_path / "mine.toml").write_text(RULE)
    run, rule = tmp_path / "run", ["--classes", tmp_path / "mine.toml"]
    status, _, err = hubblefork("train", SKY, *QUICK, *rule, "--out", run)
    assert status == 0, err
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["classes"] == ["smooth", "disk"]
    # Neither the file nor the packed images are needed to measure it again.
    (tmp_path / "mine.toml").unlink()
    monkeypatch.setenv("HUBBLEFORK_CACHE", str(tmp_path / "cache"))
    status, _, err = hubblefork("evaluate", run, "--out", tmp_path / "again")
    assert status == 0, err
    again = json.loads((tmp_path / "again" / "metrics.json").read_text())
    assert metrics.items() <= again.items()
    for words, message in [
        ([SKY], "--classes makes classes of them"),
        ([SKY, "--classes", "five"], "classes that the model does not know: 'completely_round"),
        (["--classes", "five"], "goes with a source"),
    ]:
        status, _, err = hubblefork("evaluate", run, *words, "--out", tmp_path / "none")
        assert status == 2
        assert message in err.splitlines()[-1]
    (tmp_path / "mine.toml").write_text(RULE)
    status, _, err = hubblefork("train", SKY, "--resume", *rule, "--out", run)
    assert status == 0
    assert "had ended already" in err


def test_a_wrong_rule_is_one_line_and_nothing_is_written(hubblefork, shapes, tmp_path):
    for source, rule, message in [
        (SKY, "fife", "did you mean 'five'?"),
        (SKY, "none.toml", "none.toml: the file is not there"),
        (shapes, "five", "has classes; --classes"),
    ]:
        words = ["train", source, *QUICK, "--classes", rule, "--out", tmp_path / "run"]
        status, out, err = hubblefork(*words)
        assert (status, out) == (2, "")
        assert message in err.splitlines()[-1]
        assert not (tmp_path / "run").exists()
