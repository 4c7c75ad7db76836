"""Several processes end where one would have ended, and none outlives a mistake of another."""

import faulthandler
import multiprocessing
import os
import socket
import sys
from multiprocessing import get_context
from pathlib import Path

import pytest
import torch

from hubblefork.cli import main
from hubblefork.core.device import choose_device
from hubblefork.core.errors import RequestError
from hubblefork.data.images.framing import Framing
from hubblefork.data.packing import pack
from hubblefork.data.sources import open_source
from hubblefork.data.splits import make_split
from hubblefork.recipes.recipe import load_recipe
from hubblefork.runs.run import Run
from hubblefork.training.fit import fit
from hubblefork.training.plan import plan
from hubblefork.training.processes import ALONE, World, join, spawn
from hubblefork.workflow.train import train
from tests.forks import Fork

TWO = World(devices=2)
SMALL = {
    "lenet5": {"data.size": 24},
    # Batch normalisation, averaged weights, and views that rotate, flip, scale and shift.
    "default": {
        "data.size": 32,
        "view.size": 24,
        "network.options.width": 1,
        "network.options.blocks": [1, 1],
        "learning_rate": 0.01,
    },
}


def trained(shapes: Path, folder: Path, recipe: str, world: World):
    """The network of a short training whose last batch cannot be divided evenly, and its run."""
    settings = {"epochs": 1, "chunks": 4, "batch_size": 8}
    resolved = load_recipe(recipe, SMALL[recipe] | settings)
    dataset = pack(open_source(shapes), Framing(size=resolved.data.size))
    split = make_split(dataset.table, dataset.task, (0.64, 0.16, 0.2))
    assert split.counts()["train"] / 4 == 8 + 5, "one process has an image more in the last batch"
    device = torch.device("cpu")
    planned = plan(resolved, dataset, split, 0, device, "fp32", world)
    run = Run(folder)
    return fit(planned, run), run


def assert_alike(one, other) -> None:
    for name, value in one[0].state_dict().items():
        torch.testing.assert_close(
            other[0].state_dict()[name], value, atol=1e-4, rtol=1e-4, msg=name
        )
    columns = ["epoch", "loss", "accuracy", "val_loss", "val_accuracy", "lr"]
    torch.testing.assert_close(
        *(torch.tensor(run.history[columns].to_numpy()) for _, run in (one, other)),
        atol=1e-4,
        rtol=1e-4,
    )


@pytest.fixture
def forked(monkeypatch):
    """Processes are forks, which have imported everything: that they can begin anew is shown once.

    A fork has none of the threads of its parent, whose pool would wait for them.
    """
    monkeypatch.setattr(multiprocessing, "get_context", lambda method: get_context("fork"))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def test_two_processes_end_with_the_weights_of_one(shapes, tmp_path):
    one = trained(shapes, tmp_path / "one", "lenet5", ALONE)
    assert_alike(one, trained(shapes, tmp_path / "two", "lenet5", TWO))


def test_two_processes_go_on_from_what_one_began(shapes, tmp_path, forked):
    whole = trained(shapes, tmp_path / "whole", "default", ALONE)
    save = Run.save_history

    def cut(run, rows):
        if len(rows) == 2:
            raise KeyboardInterrupt
        save(run, rows)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Run, "save_history", cut)
        with pytest.raises(KeyboardInterrupt):
            trained(shapes, tmp_path / "cut", "default", ALONE)
    assert len(Run(tmp_path / "cut").history) == 1
    assert_alike(whole, trained(shapes, tmp_path / "cut", "default", TWO))


def test_what_a_process_fails_of_is_raised_here(forked):
    with pytest.raises(RequestError, match="unknown device 'gpu'"):
        spawn(ALONE, choose_device, "gpu")
    with pytest.raises(RequestError, match=r"killed \(SIGABRT\).*batch_size"):
        spawn(ALONE, _abort)
    with pytest.raises(RuntimeError, match="invalid literal for int"):
        spawn(ALONE, int, "two")


def one_of_two_fails(folder: Path) -> None:
    """Runs in two processes, as torchrun would start them; each writes what it saw."""
    rank = os.environ["LOCAL_RANK"]
    os.environ |= {"TORCHELASTIC_RUN_ID": "x", "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"}
    os.environ |= {"RANK": rank}
    with join(2, 1) as world:
        try:
            with world.together():
                plan = world.from_first("the plan" if world.is_first else None)
                if world.turn == 2:
                    raise RequestError(f"{plan} does not fit here")
                world.wait()
        except (RequestError, SystemExit) as error:
            (folder / rank).write_text(repr(error))


def test_where_a_process_cannot_follow_the_plan_all_end(tmp_path, forked):
    spawn(TWO, one_of_two_fails, tmp_path)
    assert (tmp_path / "0").read_text() == "SystemExit(2)"
    assert (tmp_path / "1").read_text() == "RequestError('the plan does not fit here')"


def _abort() -> None:
    faulthandler.disable()  # pytest would print where
    os.abort()


def run_as(words: list[str], variables: dict[str, str]) -> None:
    """The command line, as a launcher starts it."""
    os.environ |= variables
    sys.argv = ["hubblefork", *words]
    main()


def test_processes_that_a_launcher_began_train_as_one(shapes, tmp_path, without_reports):
    words = [*("train", shapes, "--recipe", "mlp", "--size", 24, "--set", "epochs=2")]
    words = [*words, "--device", "cpu", "--precision", "fp32", "--nodes", 2]
    words = [*map(str, words), "--out", str(tmp_path / "run")]
    slurm = {
        "SLURM_NTASKS": "2",
        "SLURM_NTASKS_PER_NODE": "1",
        "SLURM_JOB_ID": "1234",
        "SLURM_NODELIST": "127.0.0.1",
        "SLURM_LOCALID": "0",
        "MASTER_PORT": str(_free_port()),
    }
    ranks = [slurm | {"SLURM_PROCID": rank, "SLURM_NODEID": rank} for rank in "01"]
    (status, out, err), other = (
        each.ended() for each in [Fork(run_as, words, rank) for rank in ranks]
    )
    assert status == 0, err
    assert out.splitlines()[-1] == str(tmp_path / "run")
    assert other == (0, "", ""), "the first process speaks for all"
    settings = {"data.size": 24, "epochs": 2}
    place = {"device": "cpu", "precision": "fp32"}
    alone = train(shapes, "mlp", out=tmp_path / "alone", settings=settings, **place)
    assert Run(tmp_path / "run").provenance.processes == 2
    for name in ("loss", "val_loss"):
        torch.testing.assert_close(
            *(torch.tensor(run.history[name]) for run in (Run(tmp_path / "run"), alone)),
            atol=1e-4,
            rtol=1e-4,
        )


def test_other_numbers_than_a_launcher_began_are_refused(monkeypatch):
    variables = {"TORCHELASTIC_RUN_ID": "x", "WORLD_SIZE": "4", "RANK": "0", "LOCAL_RANK": "0"}
    variables["LOCAL_WORLD_SIZE"] = "2"
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(RequestError, match=r"torchrun started 4 .* asks for 2"), join(2, 1):
        pass
    with pytest.raises(RequestError, match=r"2 of them on this machine"), join(1, 4):
        pass
    monkeypatch.delenv("TORCHELASTIC_RUN_ID")
    with pytest.raises(RequestError, match="started by torchrun or srun"), join(2, 2):
        pass
    monkeypatch.setenv("SLURM_NTASKS", "2")
    with pytest.raises(RequestError, match="give --ntasks-per-node"), join(2, 1):
        pass


@pytest.mark.parametrize(
    ("devices", "settings", "message"),
    [
        (3, {"batch_size": 64}, r"batch_size is 64, which 3 processes.*--set batch_size=66"),
        (8, {"batch_size": 4}, r"batch_size is 4, which 8 processes.*--set batch_size=8"),
        (16, {}, r"8 val images for 16 processes.*--devices 8 or fewer"),
        (0, {}, "devices is 0; expected a whole number of at least 1"),
    ],
)
def test_batches_and_parts_that_cannot_be_divided_are_refused(
    shapes, tmp_path, devices, settings, message
):
    settings = {"data.size": 24, "split.val": 0.1, "split.test": 0.1, "split.train": 0.8} | settings
    with pytest.raises(RequestError, match=message):
        train(shapes, "mlp", out=tmp_path / "run", settings=settings, device="cpu", devices=devices)
    assert not (tmp_path / "run").exists()


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]
