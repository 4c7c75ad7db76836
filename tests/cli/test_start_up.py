"""What needs no network answers without torch, whose import alone takes seconds."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

ARTEFACTS = Path(__file__).parent.parent / "artefacts" / "0.1.0"
# Imported in seconds, or only for some kinds of input.
HEAVY = ("torch", "torchvision", "pytorch_lightning", "timm", "captum", "sklearn", "astropy",
         "fsspec", "onnx", "huggingface_hub")  # fmt: skip

# One process for all: what a command imports stays imported.
COMMANDS = """
import json, sys
from hubblefork.cli import app
from hubblefork.core.errors import RequestError

commands, heavy = json.loads(sys.argv[1])
answers = []
for words in commands:
    try:
        app(words, standalone_mode=False)
        answers.append("")
    except RequestError as error:
        answers.append(str(error))
    loaded = [name for name in heavy if name in sys.modules]
    assert not loaded, (words, loaded)
print(json.dumps(answers))
"""


def test_looking_and_comparing_and_mistakes_need_no_torch(shapes, tmp_path):
    run, again = str(ARTEFACTS / "classes" / "run"), str(tmp_path / "again")
    shutil.copytree(run, again)
    wrong = {
        ("train", "nowhere/at/all"): "no such file",
        ("train", "simulatd"): "did you mean 'simulated'",
        ("train", "simulated", "--recipe", "lenet"): "did you mean 'lenet5'",
        ("train", "simulated", "--set", "epoch=3"): "did you mean 'epochs'",
        ("train", "simulated", "--network", "lenet"): "did you mean 'lenet5'",
        ("reproduce", "nobody"): "no published system",
        ("reproduce", "mlp", "nowhere/at/all"): "no such file",
        ("evaluate", "nowhere/at/all"): "no run folder or model file",
        ("evaluate", run, "nowhere/at/all"): "no such file",
        ("explain", "nowhere/at/all"): "no run folder or model file",
        ("predict", "nowhere/at/all", "a.png"): "no run folder or model file",
        ("export", "nowhere/at/all"): "no run folder or model file",
        ("survey", "plan", "nowhere/at/all", "a.csv", "--out", "s"): "no run folder or model file",
        ("survey", "status", "nowhere"): "is not a survey",
        ("survey", "export", "nowhere", "--to", "a.csv"): "is not a survey",
        ("compare", "nowhere", run): "no folder of a run",
        ("predict", run, str(shapes), "nowhere.jpg"): "nowhere.jpg: no such file",
        ("explain", run, "nowhere.jpg"): "nowhere.jpg: no such file",
        ("survey", "plan", run, "nowhere.csv", "--out", "s"): "nowhere.csv: no such file",
        ("serve", run, "nowhere/at/all"): "no such file",
        ("serve", run, "--compare", "nowhere"): "no folder of a run",
        ("train", "simulated", "--labels", "nowhere"): "nowhere: the file is not there",
        ("inspect", "simulated", "--recipe", "lenet"): "did you mean 'lenet5'",
        ("inspect", "simulated", "--classes", "no.toml"): "no.toml: the file is not there",
        ("predict", run, str(shapes), "--mosaics", "no/:size=9"): "no/:size=9: no such file",
        ("inspect", "nowhere/at/all"): "no such file",
        ("serve", "nowhere/at/all"): "no such file",
    }
    right = [
        ("--help",), ("train", "--help"), ("list", "recipes"), ("list", "sources"),
        ("list", "settings"), ("list", "models"), ("list", "trees"), ("list", "networks"),
        ("compare", run, again),
        ("inspect", str(shapes), "--size", "24"),
    ]  # fmt: skip
    ran = subprocess.run(
        [sys.executable, "-c", COMMANDS, json.dumps([[*right, *wrong], HEAVY])],
        cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    answers = json.loads(ran.stdout.splitlines()[-1])
    assert answers[: len(right)] == [""] * len(right)
    for (words, expected), answer in zip(wrong.items(), answers[len(right) :], strict=True):
        assert expected in answer, words
    written = {each.name for each in tmp_path.iterdir()}
    assert written == {"again", "comparison.html", "data-shapes.html"}


# A verb has said what it is about to do when its workflow is imported, which imports the rest.
FIRST = """
import sys
from hubblefork.cli import app

class Reached(Exception):
    pass

class Watch:
    def find_spec(self, name, path=None, target=None):
        if name in ("torch", "pandas", "matplotlib"):
            raise Reached(name)

sys.meta_path.insert(0, Watch())
for words in WORDS:
    print(words[0], file=sys.stderr)
    try:
        app(words, standalone_mode=False)
    except Reached:
        continue
    raise SystemExit(f"{words} did not import anything that takes long")
"""


def test_a_verb_says_what_it_is_about_to_do_before_it_imports_what_takes_long(shapes, tmp_path):
    run, source = str(ARTEFACTS / "classes" / "run"), str(shapes)
    image = str(next(shapes.glob("*/*.png")))
    out = str(tmp_path / "out")
    expected = {
        ("inspect", source): f"inspecting {source}",
        ("train", source, "--recipe", "lenet5"): f"training lenet5 on {source}",
        ("train", source, "--dry-run"): f"planning to train default on {source}",
        ("train", source, "--resume"): f"resuming the training on {source}",
        ("predict", run, source, image): f"predicting {source}, {image} by {run}",
        ("predict", run, "http://a.org/b.png"): "predicting http://a.org/b.png by",
        ("evaluate", run): f"evaluating {run} on its own test set",
        ("evaluate", run, source): f"evaluating {run} on {source}",
        ("explain", run, image): f"explaining {image} by {run}",
        ("explain", run): f"explaining the test set by {run}",
        ("compare", run, source): "comparing 2\xa0runs",
        ("export", run): f"exporting {run}",
        ("reproduce", "mlp", source): "reproducing mlp",
        ("serve", run): f"opening {run}",
        ("survey", "plan", run, source, "--out", out): f"planning the predictions of {source} by",
        ("demo",): "training default on simulated",
    }
    code = FIRST.replace("WORDS", repr([list(words) for words in expected]))
    ran = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    lines = ran.stderr.splitlines()
    assert lines[::2] == [words[0] for words in expected]
    for line, said in zip(lines[1::2], expected.values(), strict=True):
        assert line.startswith(said)
    assert not list(tmp_path.iterdir())
