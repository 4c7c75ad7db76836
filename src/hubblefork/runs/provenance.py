"""Where a run comes from: its data, the machine and the versions that trained it."""

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from hubblefork.core.precision import Precision
from hubblefork.tasks.registry import task_from_json
from hubblefork.tasks.task import Task


@dataclass(frozen=True, config=ConfigDict(arbitrary_types_allowed=True, strict=True))
class Provenance:
    """All that decided a run apart from its recipe and split; `provenance.json` holds it.

    source: the images' source as it was given; outputs show it.
    location: the same with an absolute path where it is a path, so that it opens from any folder.
    dataset: key of the packed images.
    task: what the labels mean.
    seed: of split, initial weights, batch order and augmentation.
    device, precision: the GPU's name or `cpu`; `fp32` or `bf16`.
    processes, threads: how many processes trained together, and the CPU threads of each.
    parameters: of the network.
    started: date and time, ISO 8601.
    versions: of hubblefork, torch and numpy.
    weights: absolute path, or name, of the weights that the training began from; None if none.
    labels: `path` and `sha256` of the file of labels that replaced those of the source, and what
        these mean (`task`); None without.
    overlap: how many images of the validation and the test set (`val`, `test`) those weights had
        been trained on; None where it is not known. Empty unless they are of an earlier run.
    """

    source: str
    location: str
    dataset: str
    task: Task
    seed: int
    device: str
    precision: Precision
    processes: int
    threads: int
    parameters: int
    started: str
    versions: dict[str, str]
    weights: str | None = None
    labels: dict[str, Any] | None = None
    overlap: dict[str, int | None] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return vars(self) | {"task": self.task.to_json()}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Provenance":
        """Read what `to_json` wrote; TypeError or ValueError for anything else."""
        return cls(**{**value, "task": task_from_json(value["task"])})
