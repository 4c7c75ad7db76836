from PIL import Image

from hubblefork.report.charts import curves
from hubblefork.report.figures import chart_png
from hubblefork.report.run_page import save_figures


def test_every_figure_is_written_as_a_png(run_data, tmp_path, fine_figures):
    paths = save_figures(run_data(number=9), tmp_path / "figures")
    assert [path.name for path in paths] == [
        "curves.png", "confusion.png", "reliability.png", "selective.png", "classes.png",
        "fractions.png", "examples.png", "predictions.png",
    ]  # fmt: skip
    for path in paths:
        with Image.open(path) as image:
            assert image.format == "PNG"
            assert min(image.size) > 300
    assert sorted(path.name for path in (tmp_path / "figures").iterdir()) == sorted(
        path.name for path in paths
    )


def test_a_model_without_its_history_has_no_curves(run_data, tmp_path):
    run = run_data(number=3)
    paths = save_figures(run_data(number=3, history=run.history.head(0)), tmp_path)
    assert "curves.png" not in {path.name for path in paths}
    assert len(paths) == 7


def test_a_figure_is_the_same_each_time(run_data):
    first, again = (chart_png(curves(run_data())) for _ in range(2))
    assert first == again
