"""Turn labelled images of galaxies, or of anything else, into a measured classifier.

The functions do in a notebook what the verbs of the same names do on the command line: `inspect`,
`train`, `evaluate`, `explain`, `predict`, `compare`, `reproduce` and `export`, and `survey` has
those of its verbs; `pack` stores images for fast reading, and `open_source` opens what they take as
a source. `Run` is the folder of a training, `Predictor` a trained network, `RequestError` a mistake
in a request. `register_network`, `register_source`, `register_transform` and `register_metric` give
names to code of your own.

With a folder `galaxies` that has one folder of images for each class:

>>> import hubblefork
>>> run = hubblefork.train(galaxies, "lenet5", out=folder / "run", settings={"epochs": 3})
>>> run.metrics["classes"]
['bar', 'disc']
>>> table = hubblefork.predict(run.path, galaxies / "disc")
>>> list(table.columns)
['id', 'predicted', 'bar', 'disc', 'typicality', 'problem']
"""

import os
from importlib import import_module
from typing import Any

# How long a thread of PyTorch that waits for others spins before it sleeps (OpenMP reads this when
# torch is loaded). By default it spins so long that training was measured to be five to ten times
# slower on a machine whose cores are shared with other work. This value keeps nine tenths of the
# speed on idle cores, and most of it on busy ones.
os.environ.setdefault("GOMP_SPINCOUNT", "10000")

# The module of each public name: imported when the name is first used, so that `import hubblefork`
# and the command line start at once.
_PUBLIC = {
    "Predictor": "hubblefork.models.predictor",
    "RequestError": "hubblefork.core.errors",
    "Run": "hubblefork.runs.run",
    "compare": "hubblefork.workflow.compare",
    "evaluate": "hubblefork.workflow.evaluate",
    "explain": "hubblefork.workflow.explain",
    "export": "hubblefork.workflow.export",
    "inspect": "hubblefork.workflow.inspect",
    "open_source": "hubblefork.data.sources",
    "pack": "hubblefork.workflow.pack",
    "predict": "hubblefork.workflow.predict",
    "register_metric": "hubblefork.evaluation.registered",
    "register_network": "hubblefork.networks.registry",
    "register_source": "hubblefork.data.sources",
    "register_transform": "hubblefork.data.images.transforms",
    "reproduce": "hubblefork.workflow.reproduce",
    "train": "hubblefork.workflow.train",
}

# And the module that has several of them: `hubblefork.survey.plan(...)`.
_MODULES = {"survey": "hubblefork.workflow.survey"}

__all__ = [*_PUBLIC, *_MODULES]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return import_module("importlib.metadata").version("hubblefork")
    if name in _MODULES:
        return import_module(_MODULES[name])
    if name not in _PUBLIC:
        raise AttributeError(f"module 'hubblefork' has no attribute {name!r}")
    return getattr(import_module(_PUBLIC[name]), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
