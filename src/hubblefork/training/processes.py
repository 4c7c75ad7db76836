"""Several processes that train one network: how they begin, agree and end.

    hubblefork train SOURCE --devices 4                      begins a process for each device
    torchrun --nproc-per-node 4 -m hubblefork train SOURCE --devices 4             is begun as four
    srun hubblefork train SOURCE --devices 4 --nodes 2       is begun as eight, on two machines

Processes that were begun here do nothing but train; this one packs, splits and measures. Of
those that torchrun or SLURM began, the first does so, and the others wait for it.
"""

import multiprocessing
import os
import pickle
import signal
import socket
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from lightning_fabric.plugins.environments import (
    ClusterEnvironment,
    LightningEnvironment,
    SLURMEnvironment,
    TorchElasticEnvironment,
)

from hubblefork.core.errors import RequestError
from hubblefork.core.progress import be_silent

# The others wait while the first packs, which takes days for a large survey. A process that dies
# is noticed by its launcher, not by this.
_PATIENCE = timedelta(days=30)

Result = TypeVar("Result")


@dataclass(frozen=True)
class World:
    """How many processes train together.

    devices: on each machine.
    nodes: machines.
    launcher: how torchrun or SLURM tell who is who; None where the processes are begun here.
    """

    devices: int = 1
    nodes: int = 1
    launcher: ClusterEnvironment | None = None

    @property
    def size(self) -> int:
        return self.devices * self.nodes

    @property
    def is_first(self) -> bool:
        """Whether this process writes, prints and measures."""
        return self.launcher is None or self.launcher.global_rank() == 0

    @property
    def environment(self) -> ClusterEnvironment:
        """What Lightning asks for the ranks; without a launcher, the variables that `spawn` set."""
        return self.launcher or LightningEnvironment()

    def each(self, action: Callable[[], Result]) -> Result:
        """Do something on each process; where it fails on one, all end."""
        if self.launcher is None:
            return action()
        problem, result = None, None
        try:
            result = action()
        except Exception as error:
            problem = error
        failed = [False] * self.size
        dist.all_gather_object(failed, problem is not None)
        if problem is not None and failed.index(True) == dist.get_rank():
            raise problem
        if any(failed):
            sys.exit(2)  # another process says why
        return result  # type: ignore[return-value]

    def from_first(self, action: Callable[[], Result]) -> Result:
        """Do something on the first process, and give what came out of it to all."""
        box = [self.each(lambda: action() if self.is_first else None)]
        if self.launcher is not None:
            dist.broadcast_object_list(box, src=0)
        return box[0]  # type: ignore[return-value]

    def in_turns(self, action: Callable[[], Result]) -> Result:
        """Do something on the first process, then once on each other machine, then on the rest.

        So what the first one puts into a cache is found there by all others.
        """
        if self.launcher is None:
            return action()
        turn = 0 if self.is_first else 1 if self.launcher.local_rank() == 0 else 2
        results = [self.each(lambda now=now: action() if now == turn else None) for now in range(3)]
        return results[turn]  # type: ignore[return-value]


ALONE = World()


@contextmanager
def join(devices: int, nodes: int) -> Iterator[World]:
    """The processes of one training, for as long as the block runs.

    Raises RequestError where the launcher began another number, or where it takes a launcher.
    """
    world = World(devices, nodes, _launcher())
    if not world.is_first:
        be_silent()
    try:
        _check(world)
    except RequestError:
        if world.is_first:
            raise
        sys.exit(2)
    if world.launcher is None:
        yield world
        return
    os.environ["MASTER_ADDR"] = world.launcher.main_address
    os.environ["MASTER_PORT"] = str(world.launcher.main_port)
    dist.init_process_group(
        "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo",
        rank=world.launcher.global_rank(),
        world_size=world.size,
        timeout=_PATIENCE,
    )
    try:
        yield world
    finally:
        dist.destroy_process_group()


def spawn(world: World, function: Callable[..., None], *arguments: Any) -> None:
    """Run `function(*arguments)` in a new process for each device; where one fails, all end.

    A RequestError of one is raised here.
    """
    context = multiprocessing.get_context("spawn")
    complaints = context.SimpleQueue()
    port = _free_port()
    # Keeps torch's advice for programmers from whoever waits; it is read as a process begins.
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    with tempfile.TemporaryDirectory() as folder:
        # In a file, since an argument of some size would wait for ever where a process dies before
        # it reads it; and pickled here, since torch would have the processes share the memory of
        # weights that each trains.
        work = Path(folder) / "work"
        work.write_bytes(pickle.dumps((function, arguments)))
        processes = [
            context.Process(target=_enter, args=(rank, port, work, complaints), daemon=True)
            for rank in range(world.devices)
        ]
        try:
            for process in processes:
                process.start()
            _watch(set(processes), complaints)
        finally:
            for process in processes:
                if process.is_alive():
                    process.kill()


def _watch(running: set[Any], complaints: Any) -> None:
    """Wait until all processes have ended, or raise what the first says that fails."""
    while running:
        wait([process.sentinel for process in running])
        ended = {process for process in running if not process.is_alive()}
        if any(process.exitcode for process in ended):
            _raise(ended, complaints)
        running -= ended


def _enter(rank: int, port: int, work: Path, complaints: Any) -> None:
    """The whole life of a process that `spawn` begins."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.environ |= {
        "LOCAL_RANK": str(rank),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "NODE_RANK": "0",
    }
    try:
        function, arguments = pickle.loads(work.read_bytes())
        function(*arguments)
    except KeyboardInterrupt:
        sys.exit(130)
    except RequestError as error:
        complaints.put((str(error), ""))
        sys.exit(2)
    except Exception as error:
        complaints.put((repr(error), traceback.format_exc()))
        sys.exit(1)


def _end_with_parent() -> None:
    """So that a kill of the command leaves nobody behind on the GPUs."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)


def _raise(ended: set[Any], complaints: Any) -> None:
    """Say what the first process to fail said; the others fail because it is gone."""
    message, trace = complaints.get() if not complaints.empty() else ("", "")
    if message and not trace:
        raise RequestError(message)
    killed = [process.exitcode for process in ended if (process.exitcode or 0) < 0]
    if killed:
        raise RequestError(
            f"a training process was killed ({signal.Signals(-killed[0]).name}), most often for "
            "want of memory: begin anew with a smaller batch_size, or go on with --resume where "
            "there is more"
        )
    raise RuntimeError(f"a training process failed: {message or 'see above'}\n{trace}")


def _launcher() -> ClusterEnvironment | None:
    if TorchElasticEnvironment.detect():
        torchrun = TorchElasticEnvironment()
        return torchrun if torchrun.world_size() > 1 else None
    if int(os.environ.get("SLURM_NTASKS", "1")) > 1 and SLURMEnvironment.detect():
        if "SLURM_NTASKS_PER_NODE" not in os.environ:
            raise RequestError(
                "SLURM began several processes by --ntasks; give --ntasks-per-node, so that it is "
                "known how many train on each machine"
            )
        # Lightning's requeueing would leave a checkpoint in the current folder, for whatever is
        # trained there next; ours are in the run, for --resume.
        return SLURMEnvironment(auto_requeue=False)
    return None


def _check(world: World) -> None:
    asked = f"--devices {world.devices} --nodes {world.nodes}"
    if world.devices < 1 or world.nodes < 1:
        raise RequestError(f"{asked}: expected one or more of each")
    if world.launcher is not None:
        slurm = isinstance(world.launcher, SLURMEnvironment)
        begun = world.launcher.world_size()
        here = int(os.environ["SLURM_NTASKS_PER_NODE" if slurm else "LOCAL_WORLD_SIZE"])
        if (begun, here) != (world.size, world.devices):
            raise RequestError(
                f"{'SLURM' if slurm else 'torchrun'} began {begun} processes, {here} of them on "
                f"this machine, and {asked} asks for {world.size}: "
                "--devices is how many there are on each machine, --nodes how many machines"
            )
    elif world.nodes > 1:
        raise RequestError(
            f"{asked}: several machines are begun by torchrun or srun, which tell them of each "
            "other; docs/scaling.md has a line for each"
        )
    elif world.devices > 1 and getattr(multiprocessing.current_process(), "_inheriting", False):
        # This is such a process, which has yet to be told what to do.
        raise RequestError(
            f"{asked} begins new processes, which read the script again: keep the lines that "
            'train below `if __name__ == "__main__":`'
        )


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]
