"""The kernels that run the pages in stories/ are forks of the process that builds the site.

It has imported what they need; a new process would do so for seconds. `jupyter_client` still
starts, asks and ends them as it does those of its own.
"""

import asyncio
import os
import warnings
from multiprocessing import get_context

import jupyter_client.provisioning.local_provisioner
from ipykernel.kernelapp import IPKernelApp

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", "IProgress not found")  # widgets are not needed here
    import matplotlib.pyplot  # noqa: F401
    import pytorch_lightning  # noqa: F401
    import sklearn.metrics  # noqa: F401

    import hubblefork.workflow.explain
    import hubblefork.workflow.inspect
    import hubblefork.workflow.reproduce  # noqa: F401


class Fork:
    """A kernel in a fork: as much of a Popen as is asked of one."""

    stdin = stdout = stderr = None

    def __init__(self, command: list[str], env: dict[str, str], cwd: str = ".", **_: object):
        given = command[command.index("-f") :], cwd, env
        self._process = get_context("fork").Process(target=_run, args=given)
        self._process.start()
        assert self._process.pid is not None
        self.pid = self._process.pid
        os.setpgid(self.pid, self.pid)  # signals are sent to its group

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self) -> int | None:
        self._process.join()
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        if self._process.is_alive():
            os.kill(self.pid, number)


def _run(words: list[str], cwd: str, env: dict[str, str]) -> None:
    os.chdir(cwd)
    os.environ.update(env)
    asyncio.set_event_loop(asyncio.new_event_loop())
    IPKernelApp.launch_instance([*words, f"--IPKernelApp.parent_handle={os.getppid()}"])


def fork_kernels() -> None:
    """From now on, in this process."""
    jupyter_client.provisioning.local_provisioner.launch_kernel = Fork
