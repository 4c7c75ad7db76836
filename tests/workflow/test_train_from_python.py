"""What a notebook gives to a training: callbacks, a logger, a network of its own."""

import pandas as pd
import pytest
from pytorch_lightning import Callback
from pytorch_lightning.loggers import CSVLogger
from torch import nn

from hubblefork import train
from hubblefork.core.errors import RequestError
from hubblefork.networks.registry import create_network
from hubblefork.training.processes import World, check_sendable

pytestmark = pytest.mark.usefixtures("without_reports")

QUICK = {"data.size": 24, "epochs": 2}
SHAPE = (3, 24, 24)


class Watch(Callback):
    """Keeps the metrics that it sees at the end of each epoch."""

    def __init__(self) -> None:
        self.seen: list[dict[str, float]] = []

    def on_train_epoch_end(self, trainer, module) -> None:
        self.seen.append({name: float(each) for name, each in trainer.callback_metrics.items()})


def test_callbacks_and_a_logger_follow_the_epochs_of_a_module(shapes, tmp_path):
    watch, logger = Watch(), CSVLogger(tmp_path, "log")
    network = create_network("mlp", SHAPE, 2)
    run = train(
        shapes,
        "lenet5",
        network=network,
        settings=QUICK,
        out=tmp_path / "run",
        callbacks=[watch],
        logger=logger,
    )
    assert run.recipe.network.name == "mlp"
    metrics = ["loss", "accuracy", "val_loss", "val_accuracy", "lr"]
    expected = run.history[metrics].to_dict("records")
    assert [pytest.approx(each) for each in expected] == watch.seen
    logged = pd.read_csv(f"{logger.log_dir}/metrics.csv")
    pd.testing.assert_frame_equal(logged[metrics], run.history[metrics], rtol=1e-5)
    assert "learning_rate" in (tmp_path / "log/version_0/hparams.yaml").read_text()


@pytest.mark.parametrize(
    ("network", "settings", "told"),
    [
        (nn.Linear(2, 2), {}, r"the class Linear is not registered.*@hubblefork\.register_network"),
        (create_network("mlp", SHAPE, 3), {}, r"is not what 'mlp' makes.* of another shape"),
        (7, {}, "network is 7; expected the name of a network"),
        ("lenet", {}, "no network is called 'lenet'; did you mean 'lenet5'"),
    ],
)
def test_a_network_that_a_model_file_could_not_hold_is_refused(
    shapes, tmp_path, network, settings, told
):
    with pytest.raises(RequestError, match=told):
        train(shapes, "mlp", network=network, settings=QUICK | settings, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_probe_has_no_epochs_to_follow(shapes, tmp_path):
    with pytest.raises(RequestError, match="a probe has no epochs for callbacks or a logger"):
        train(shapes, "probe", callbacks=[Watch()], out=tmp_path / "run")


def test_what_cannot_be_sent_to_other_processes_is_refused():
    watch = Watch()
    check_sendable(World(devices=2), callbacks=[watch], logger=None)
    watch.on_train_end = lambda *_: None
    check_sendable(World(), callbacks=[watch])
    with pytest.raises(RequestError, match="callbacks cannot be sent to 2 processes"):
        check_sendable(World(devices=2), callbacks=[watch])
