"""A real notebook, run in a Jupyter kernel: what its cells show."""

import pytest

pytest.importorskip("ipykernel", reason="runs a notebook: needs ipykernel")
nbclient = pytest.importorskip("nbclient", reason="runs a notebook: needs nbclient")
nbformat = pytest.importorskip("nbformat.v4")

# Every update of a bar is shown. Figures are coarse: drawing them takes longer than the training.
TRAIN = """
import hubblefork
from hubblefork.core import progress
from hubblefork.report import figures

progress._UPDATE_INTERVAL = 0
figures.CHART_DPI = figures.SHEET_DPI = 20
settings = {{"epochs": 1, "data.size": 24, "batch_size": 4}}
run = hubblefork.train({galaxies!r}, "lenet5", settings=settings, out={out!r})
run
"""


class Watched(nbclient.NotebookClient):
    """Keeps each state of what a cell shows; in the notebook the last one replaces the others."""

    def process_message(self, message, cell, cell_index):
        if message["msg_type"] in ("display_data", "update_display_data"):
            self.shown.append(message["content"]["data"].get("text/plain", ""))
        return super().process_message(message, cell, cell_index)


def test_a_training_shows_a_bar_lines_and_its_run(shapes, tmp_path):
    cell = nbformat.new_code_cell(TRAIN.format(galaxies=str(shapes), out=str(tmp_path / "run")))
    client = Watched(nbformat.new_notebook(cells=[cell]), timeout=300, kernel_name="python3")
    client.shown = []
    client.execute()
    outputs = cell["outputs"]
    printed = {"stdout": "", "stderr": ""}
    for each in outputs:
        if each["output_type"] == "stream":
            printed[each["name"]] += each["text"]
    assert "epoch   1/1  loss" in printed["stdout"]
    assert 'install "ipywidgets"' not in printed["stderr"]
    [run] = [each["data"] for each in outputs if each["output_type"] == "execute_result"]
    assert "<th>Accuracy</th>" in run["text/html"]
    assert any("predicting" in text for text in client.shown)
    assert any("epoch 1/1" in text and "images/s" in text for text in client.shown)
    bars = [each["data"] for each in outputs if each["output_type"] == "display_data"]
    assert bars
    assert {bar["text/html"] for bar in bars} == {""}
