"""Several processes that train one network: how they start, agree and end.

    hubblefork train SOURCE --devices 4                      starts a process for each device
    torchrun --nproc-per-node 4 -m hubblefork train SOURCE --devices 4     is started as four
    srun hubblefork train SOURCE --devices 4 --nodes 2       is started as eight, on two machines

Processes that are started here only train; this one packs, splits and evaluates. Of those that
torchrun or SLURM started, the first does so, and the others wait for it.
"""

import multiprocessing
import os
import pickle
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing.connection import wait
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import torch
import torch.distributed as dist

from hubblefork.core.errors import RequestError
from hubblefork.core.progress import be_silent
from hubblefork.core.temporary import scratch_folder

if TYPE_CHECKING:  # a dry run needs no Lightning
    from lightning_fabric.plugins.environments import ClusterEnvironment

# The others wait while the first packs, which takes days for a large survey. A process that dies
# is noticed by its launcher, not by this timeout.
_TIMEOUT = timedelta(days=30)

Value = TypeVar("Value")


@dataclass(frozen=True)
class World:
    """How many processes train together.

    devices: on each machine.
    nodes: machines.
    launcher: the ranks as torchrun or SLURM give them; None where processes are started here.
    """

    devices: int = 1
    nodes: int = 1
    launcher: "ClusterEnvironment | None" = None

    @property
    def size(self) -> int:
        return self.devices * self.nodes

    @property
    def is_first(self) -> bool:
        """Whether this process writes, prints and evaluates."""
        return self.launcher is None or self.launcher.global_rank() == 0

    @property
    def environment(self) -> "ClusterEnvironment":
        """The ranks for Lightning; without a launcher, from the variables that `spawn` sets."""
        from lightning_fabric.plugins.environments import LightningEnvironment

        return self.launcher or LightningEnvironment()

    @property
    def turn(self) -> int:
        """0 for the first process, 1 for one process of each other machine, 2 for the rest."""
        if self.launcher is None or self.is_first:
            return 0
        return 1 if self.launcher.local_rank() == 0 else 2

    def wait(self) -> None:
        """Wait until all processes are here; where one has failed instead, end this one."""
        if self.launcher is not None and any(self._failures(failed=False)):
            sys.exit(2)  # the other process reports why

    def from_first(self, value: Value | None = None) -> Value:
        """The value that the first process gives, on all processes; the others give none."""
        self.wait()
        box: list[Any] = [value]
        if self.launcher is not None:
            dist.broadcast_object_list(box, src=0)
        return box[0]

    @contextmanager
    def together(self) -> Iterator[None]:
        """A block that all processes leave together; where it fails on one, all end.

        Between its lines, processes wait for each other by `wait` and `from_first`. If several
        fail, the one of the lowest rank raises its error.
        """
        try:
            yield
        except Exception:
            if self.launcher is None or self._failures(failed=True).index(True) == dist.get_rank():
                raise
            sys.exit(2)
        self.wait()

    def _failures(self, failed: bool) -> list[bool]:
        found = [False] * self.size
        dist.all_gather_object(found, failed)
        return found


ALONE = World()


@contextmanager
def join(devices: int, nodes: int) -> Iterator[World]:
    """The processes of one training, for as long as the block runs.

    Raises RequestError where the launcher started another number, or where one is needed.
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
        timeout=_TIMEOUT,
    )
    try:
        yield world
    finally:
        dist.destroy_process_group()


def check_sendable(world: World, **objects: Any) -> None:
    """RequestError for objects that cannot be pickled, where `spawn` has to send them."""
    if world.launcher is not None or world.size == 1:
        return
    for name, value in objects.items():
        try:
            pickle.dumps(value)
        except Exception as error:  # whatever the object's own methods raise
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise RequestError(
                f"{name} cannot be sent to {world.size} processes ({reason}): use objects of "
                "module-level classes without open files, or devices=1"
            ) from error


def spawn(world: World, function: Callable[..., None], *arguments: Any) -> None:
    """Run `function(*arguments)` in a new process for each device; where one fails, all end.

    A RequestError of one is raised here.
    """
    context = multiprocessing.get_context("spawn")
    errors = context.SimpleQueue()
    port = _free_port()
    # Hides torch's warnings for programmers; it is read when a process starts.
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    with scratch_folder() as folder:
        # In a file, since writing a large argument to a process that dies would block forever; and
        # pickled here, since torch's pickling would make processes share the memory of weights.
        work = folder / "work"
        work.write_bytes(pickle.dumps((function, arguments)))
        processes = [
            context.Process(target=_enter, args=(rank, port, work, errors), daemon=True)
            for rank in range(world.devices)
        ]
        try:
            for process in processes:
                process.start()
            _watch(set(processes), errors)
        finally:
            for process in processes:
                if process.is_alive():
                    process.kill()


def _watch(running: set[Any], errors: Any) -> None:
    """Wait until all processes have ended, or raise the error of the first that fails."""
    while running:
        wait([process.sentinel for process in running])
        ended = {process for process in running if not process.is_alive()}
        if any(process.exitcode for process in ended):
            _raise(ended, errors)
        running -= ended


def _enter(rank: int, port: int, work: Path, errors: Any) -> None:
    """The main function of a process that `spawn` starts."""
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
        errors.put((str(error), ""))
        sys.exit(2)
    except Exception as error:
        errors.put((repr(error), traceback.format_exc()))
        sys.exit(1)


def _end_with_parent() -> None:
    """Exit with the parent, so that killing the command leaves no process on the GPUs."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)


def _raise(ended: set[Any], errors: Any) -> None:
    """Raise the error of the first process that failed; others fail because it is gone."""
    message, trace = errors.get() if not errors.empty() else ("", "")
    if message and not trace:
        raise RequestError(message)
    killed = [process.exitcode for process in ended if (process.exitcode or 0) < 0]
    if killed:
        raise RequestError(
            f"a training process was killed ({signal.Signals(-killed[0]).name}), probably because "
            "memory ran out: start again with a smaller batch_size, or --resume on a machine with "
            "more"
        )
    raise RuntimeError(f"a training process failed: {message or 'see above'}\n{trace}")


def _launcher() -> "ClusterEnvironment | None":
    from lightning_fabric.plugins.environments import SLURMEnvironment, TorchElasticEnvironment

    if TorchElasticEnvironment.detect():
        torchrun = TorchElasticEnvironment()
        return torchrun if torchrun.world_size() > 1 else None
    if int(os.environ.get("SLURM_NTASKS") or 1) > 1 and SLURMEnvironment.detect():
        if not os.environ.get("SLURM_NTASKS_PER_NODE"):
            raise RequestError(
                "SLURM started several processes by --ntasks; give --ntasks-per-node, so that the "
                "number on each machine is known"
            )
        # Lightning's requeueing would leave a checkpoint in the current folder, and any training
        # there would load it; ours are in the run, for --resume.
        return SLURMEnvironment(auto_requeue=False)
    return None


def _check(world: World) -> None:
    asked = f"--devices {world.devices} --nodes {world.nodes}"
    if world.launcher is not None:
        from lightning_fabric.plugins.environments import SLURMEnvironment

        slurm = isinstance(world.launcher, SLURMEnvironment)
        begun = world.launcher.world_size()
        here = int(os.environ["SLURM_NTASKS_PER_NODE" if slurm else "LOCAL_WORLD_SIZE"])
        if (begun, here) != (world.size, world.devices):
            raise RequestError(
                f"{'SLURM' if slurm else 'torchrun'} started {begun} processes, {here} of them on "
                f"this machine, and {asked} asks for {world.size}: "
                "--devices is how many there are on each machine, --nodes how many machines"
            )
    elif world.nodes > 1:
        raise RequestError(
            f"{asked}: on several machines, processes are started by torchrun or srun; "
            "docs/scaling.md has a command for each"
        )
    elif world.devices > 1 and getattr(multiprocessing.current_process(), "_inheriting", False):
        # This is such a process, importing the main script.
        raise RequestError(
            f"{asked} starts new processes, which import the script again: put the lines that "
            'train below `if __name__ == "__main__":`'
        )


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]
