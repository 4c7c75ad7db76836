"""Make the stored files of this version of hubblefork that `tests/test_artefacts.py` reads.

    python tests/artefacts/make.py

trains two small networks, on classes and on votes, and stores for each the run folder (model file,
metrics, predictions, split, provenance, recipe) and the packed dataset that it was trained on, in
`tests/artefacts/<version>/classes` and `.../votes`. Run it when the format of one of them changes,
with a new version number; the folders of earlier versions stay.
"""

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import hubblefork
from hubblefork.data.packing import open_packed

# Made anew from the rest, or needed to resume a training only.
_LEFT_OUT = ("report.html", "figures", "checkpoints")


def main() -> None:
    for name, rule in (("classes", "five"), ("votes", None)):
        folder = Path(__file__).parent / hubblefork.__version__ / name
        settings = {"epochs": 1, "data.size": 16} | ({"classes": rule} if rule else {})
        with TemporaryDirectory() as temporary:
            run = hubblefork.train(
                "simulated:votes:120", "lenet5", settings=settings, out=Path(temporary) / "run"
            )
            shutil.copytree(run.path, folder / "run", ignore=shutil.ignore_patterns(*_LEFT_OUT))
            shutil.copytree(open_packed(run.provenance.dataset).path, folder / "dataset")


if __name__ == "__main__":
    main()
