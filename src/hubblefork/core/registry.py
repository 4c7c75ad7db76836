"""Names of extensions by users and installed packages: `@register_source("name")`, for example.

A name is registered by a decorator, or announced by an installed package as an entry point, which
is imported when it is first used.
"""

import ast
import os
import re
import sys
from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, EntryPoints, entry_points
from importlib.resources import files
from typing import Any, TypeVar

from hubblefork.core.errors import RequestError
from hubblefork.core.text import listed

F = TypeVar("F", bound=Callable[..., Any])

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.+-]*")


class Registry:
    """Functions and classes by name.

    noun: what they are, for messages, such as "source".
    own: the name of each of this project's, with "module:attribute", imported when it is used.

    The entry points of packages are those of the group `hubblefork.<noun>s`.

    >>> colours = Registry("colour")
    >>> @colours.register("red")
    ... def red():
    ...     "A colour."
    >>> colours.find("red") is red, colours.find("blue"), colours.describe()
    (True, None, {'red': 'A colour.'})
    """

    def __init__(self, noun: str, own: Mapping[str, str] | None = None) -> None:
        self._noun = noun
        self._own = dict(own or {})
        self._registered: dict[str, Callable[..., Any]] = {}

    def register(self, name: str) -> Callable[[F], F]:
        """Return a decorator that registers a function or class by this name.

        What is defined again, as in a notebook, takes the place of the first.

        Raises RequestError where the name is invalid or taken.
        """
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise RequestError(
                f"{name!r} cannot be the name of a {self._noun}; expected letters, digits, '-', "
                f"'_', '.' and '+', as in @hubblefork.register_{self._noun}(\"my-name\")"
            )

        def add(factory: F) -> F:
            if not callable(factory):
                raise RequestError(
                    f"{factory!r} cannot be registered as the {self._noun} {name!r}; expected a "
                    "function or a class"
                )
            earlier = self._registered.get(name, factory)
            if name in self._own or _identity(earlier) != _identity(factory):
                raise RequestError(
                    f"a {self._noun} called {name!r} exists already; choose another name"
                )
            self._registered[name] = factory
            return factory

        return add

    def find(self, name: str) -> Callable[..., Any] | None:
        """Return what is registered or announced by this name; None where nothing is.

        Raises RequestError where several packages announce it, or one that cannot be imported.
        """
        if name in self._own:
            module, _, attribute = self._own[name].partition(":")
            own: Callable[..., Any] = getattr(import_module(module), attribute)
            return own
        if name in self._registered:
            return self._registered[name]
        announced = {point.value: point for point in self._announced() if point.name == name}
        if len(announced) > 1:
            raise RequestError(
                f"several packages have a {self._noun} {name!r}: {listed(list(announced))}"
            )
        for value, point in announced.items():
            try:
                found = point.load()
            # A package may fail in any way when it is imported.
            except Exception as error:
                raise RequestError(
                    f"the {self._noun} {name!r} ({value}) cannot be imported: {error}"
                ) from error
            return self.register(name)(found)
        return None

    def name_of(self, factory: Callable[..., Any]) -> str | None:
        """Return the name of a function or class, None where it has none; nothing is imported."""
        for name, registered in self._registered.items():
            if registered is factory:
                return name
        names = {point.value: point.name for point in self._announced()}
        names |= {value: name for name, value in self._own.items()}
        return names.get(":".join(_identity(factory)))

    def names(self) -> list[str]:
        """All names, sorted; nothing is imported for it."""
        announced = {point.name for point in self._announced()}
        return sorted({*self._own, *self._registered, *announced})

    def own_lines(self) -> dict[str, str]:
        """This project's names with the first line of each docstring; nothing is imported for it.

        Their modules are read as text, since importing what they import may take seconds.
        """
        described = {}
        for name, place in self._own.items():
            module, _, attribute = place.partition(":")
            package, _, file = module.rpartition(".")
            tree = ast.parse((files(package) / f"{file}.py").read_text(encoding="utf-8"))
            for node in tree.body:
                if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == attribute:
                    described[name] = (ast.get_docstring(node) or "").split("\n")[0]
        return described

    def describe(self) -> dict[str, str]:
        """The names that users and packages added, with one line on each."""
        described = {point.name: f"from {point.value}" for point in self._announced()}
        for name, factory in self._registered.items():
            described[name] = (factory.__doc__ or "").strip().split("\n")[0]
        return described

    def _announced(self) -> list[EntryPoint]:
        changed = tuple((folder, _changed(folder)) for folder in sys.path)
        points = _installed(f"hubblefork.{self._noun}s", changed)
        return [point for point in points if point.name not in self._own]


@cache
def _installed(group: str, changed: tuple[tuple[str, float], ...]) -> EntryPoints:
    """The entry points of packages; looked up again where a folder of `sys.path` has changed.

    Each time, a file of each package is read, which takes longer than the metrics of a test set.
    """
    return entry_points(group=group)


def _changed(folder: str) -> float:
    """When a package was last put into a folder, or removed from it; 0 where there is none."""
    try:
        return os.stat(folder or ".").st_mtime
    except OSError:
        return 0.0


def _identity(factory: Callable[..., Any]) -> tuple[str, str]:
    return factory.__module__, getattr(factory, "__qualname__", repr(factory))
