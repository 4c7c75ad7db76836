"""Surveys on a Ray cluster of two machines, which are processes here: workers, drivers and machines
are killed, and each row is there once.

Not part of CI: Ray is a large package, and to start and restart its workers takes a minute.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
import torch

from hubblefork.core.errors import RequestError
from hubblefork.prediction.survey.one_shard import attempt, load
from hubblefork.prediction.survey.plan import Survey
from hubblefork.prediction.survey.shards import failures
from hubblefork.workflow import survey as verbs
from tests.web import Server, serving

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
ray = pytest.importorskip("ray", reason="Ray is not installed: pip install 'hubblefork[survey]'")

ROWS, SHARD_ROWS = 10, 2


@pytest.fixture
def gone(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a cluster that was killed, which Ray's own file still tells."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
    with tempfile.TemporaryDirectory() as folder:  # its path is short, as those of sockets are
        monkeypatch.setenv("RAY_TMPDIR", folder)
        (Path(folder) / "ray").mkdir()
        (Path(folder) / "ray" / "ray_current_cluster").write_text(address)
        yield address


def test_a_cluster_that_is_gone_is_not_waited_for(gone, survey, monkeypatch, capsys):
    with pytest.raises(RequestError, match=f"no Ray cluster at {gone}: Connection refused"):
        verbs.run_all(survey.folder, ray=gone)
    with pytest.raises(RequestError, match="no Ray cluster at nonsense: Invalid address"):
        verbs.run_all(survey.folder, ray="nonsense")
    with monkeypatch.context() as patched:
        patched.setenv("RAY_ADDRESS", gone)
        with pytest.raises(RequestError, match=f"no Ray cluster at {gone}"):
            verbs.run_all(survey.folder, ray="auto")
    assert verbs.run_all(survey.folder, ray="auto", device="cpu").done_rows == 23
    told = capsys.readouterr().err.splitlines()
    assert told[0] == "no Ray cluster is running here: one is started on this machine"


@pytest.fixture(scope="module")
def cluster() -> Iterator:
    """Two machines with two processors each."""
    from ray.cluster_utils import Cluster

    quick = {"health_check_initial_delay_ms": 0, "health_check_period_ms": 500,
             "health_check_failure_threshold": 3}  # fmt: skip
    small = {"num_cpus": 2, "object_store_memory": 80_000_000, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args={**small, "_system_config": quick})
    cluster.add_node(**small)
    yield cluster
    ray.shutdown()
    cluster.shutdown()


@pytest.fixture
def images(sky: Path) -> Iterator[Server]:
    """A server of the images of `sky`, by the paths 0.png, 1.png and so on."""
    with serving() as server:
        server.files = {f"/{path.name}": path.read_bytes() for path in sky.glob("*.png")}
        yield server


@pytest.fixture
def planned(model: Path, images: Server, tmp_path: Path) -> Survey:
    """A survey in five shards, the images of which come from the server."""
    numbers = [number for number in range(ROWS + 2) if number not in (5, 7)]
    paths = [f"{images.url}/{number}.png" for number in numbers]
    pd.DataFrame({"objid": numbers, "image": paths}).to_csv(tmp_path / "sky.csv", index=False)
    folder = verbs.plan(model, tmp_path / "sky.csv", out=tmp_path / "a", shard_rows=SHARD_ROWS)
    return Survey.open(folder)


def actors(node: object) -> list[int]:
    """The processes of actors on one machine of the cluster."""
    raylet = str(node.all_processes["raylet"][0].process.pid)
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            title = (place / "cmdline").read_bytes()
            parent = (place / "stat").read_text().rpartition(")")[2].split()[1]
        except OSError:
            continue
        if b"MapWorker" in title and parent == raylet:
            found.append(int(place.name))
    return found


def check_against_local(survey: Survey, tmp_path: Path, shards: list[int]) -> None:
    """What the cluster has done is to the byte what is done here with one thread."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    plan = verbs.plan(
        survey.plan.model, tmp_path / "sky.csv", out=tmp_path / "b", shard_rows=SHARD_ROWS
    )
    local = Survey.open(plan)
    predictor = load(local, "cpu")
    for shard in shards:
        assert "done" in attempt(local, predictor, shard)
        assert survey.shard_path(shard).read_bytes() == local.shard_path(shard).read_bytes()
    torch.set_num_threads(before)


def test_a_killed_worker_is_replaced_and_a_shard_that_always_kills_its_own_is_set_aside(
    cluster, images, planned, tmp_path
):
    killed: list[str] = []

    def kill(name: str) -> None:
        if name == "/8.png" or (name == "/0.png" and name not in killed):
            killed.append(name)
            for node in cluster.list_all_nodes():
                for process in actors(node):
                    os.kill(process, signal.SIGKILL)
            time.sleep(60)  # nobody waits for the answer

    images.before = kill
    status = verbs.run_all(planned.folder, ray=cluster.address, device="cpu", workers=1)
    assert killed.count("/0.png") == 1
    assert killed.count("/8.png") == 3
    assert status.set_aside == {3: "its worker died each time that it was tried"}
    assert status.done_rows == ROWS - SHARD_ROWS
    assert sorted(failures(planned)) == [3]
    images.before = lambda name: None
    check_against_local(planned, tmp_path, [0, 1, 2, 4])
    assert not list((planned.folder / "locks").glob("*.*"))


def test_a_driver_and_a_machine_are_killed_and_the_next_run_and_machine_go_on(
    cluster, images, planned, tmp_path
):
    asked, go = threading.Event(), threading.Event()
    on: dict[str, int] = {}

    def hold(name: str) -> None:
        asked.set()
        go.wait(300)

    images.before = hold
    command = [sys.executable, "-m", "hubblefork", "survey", "run", str(planned.folder)]
    driver = subprocess.Popen([*command, "--ray", cluster.address, "--device", "cpu"])
    assert asked.wait(300)
    driver.kill()
    driver.wait()
    go.set()
    head, other = sorted(cluster.list_all_nodes(), key=lambda node: not node.head)
    while actors(head) or actors(other):  # they end with their driver
        time.sleep(0.1)

    names: set[str] = set()
    gone = threading.Event()

    def hold_two(name: str) -> None:
        names.add(name)
        if gone.is_set():
            return
        if len(names) == 2:  # both actors are in the middle of a shard
            on.update(head=len(actors(head)), other=len(actors(other)))
            cluster.remove_node(other, allow_graceful=False)
            gone.set()
        gone.wait(300)

    images.before = hold_two
    status = verbs.run_all(planned.folder, ray=cluster.address, device="cpu")
    assert on == {"head": 1, "other": 1}  # of two processors each
    assert (status.done_rows, status.set_aside) == (ROWS, {})
    assert verbs.finish(planned.folder).finished
    assert json.loads((planned.folder / "manifest.json").read_text())["rows"] == ROWS
    images.before = lambda name: None
    check_against_local(planned, tmp_path, list(planned.plan.shards))
