"""Recipes: TOML files with all settings of a training, each of them validated.

`hubblefork train SOURCE --recipe NAME --set epochs=20 --set optimiser.name=sgd` reads
`recipes/NAME.toml` (or your own file) and overrides single values; `hubblefork list recipes`
prints the names. A run folder holds its resolved recipe, which can be given to `--recipe` again.
"""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, ValidationError, model_validator
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from hubblefork.core.arguments import as_path, wrong
from hubblefork.core.errors import RequestError, nearest
from hubblefork.core.parsing import parse_toml
from hubblefork.core.regular_files import not_a_file
from hubblefork.core.text import shortened
from hubblefork.core.validation import in_words
from hubblefork.models.shipped import shipped_names
from hubblefork.recipes.publication import Publication
from hubblefork.recipes.settings import (
    DataTable,
    NetworkTable,
    OptimiserTable,
    ScheduleTable,
    SplitTable,
    Table,
    TrainingTable,
    ViewTable,
)


class Recipe(Table):
    """All that decides how a network is trained, except the data and the seed.

    >>> recipe = load_recipe("lenet5", {"epochs": "3"})
    >>> recipe.network.name, recipe.training.epochs
    ('lenet5', 3)
    """

    name: str
    """Name of the recipe."""
    about: str = ""
    """Description in one line."""
    publication: Publication | None = None
    """What it reproduces; none for a recipe of this project."""
    data: DataTable = DataTable()
    split: SplitTable = SplitTable()
    view: ViewTable = ViewTable()
    network: NetworkTable
    optimiser: OptimiserTable = OptimiserTable()
    schedule: ScheduleTable = ScheduleTable()
    training: TrainingTable = TrainingTable()

    @model_validator(mode="after")
    def _normalisation_is_of_a_backbone(self) -> "Recipe":
        name = self.network.name
        if self.view.normalise == "backbone" and not name.startswith("timm:"):
            raise ValueError(
                f"view.normalise = 'backbone' needs a backbone of timm, but network.name is "
                f"{name!r}: --set normalise=train"
            )
        return self

    @model_validator(mode="after")
    def _probe_takes_the_fixed_view(self) -> "Recipe":
        view = self.view
        if self.training.method == "probe" and (view.rotate or view.zoom != 1 or view.shift):
            raise ValueError(
                "training.method = 'probe' uses each image without augmentation: view.rotate and "
                "view.shift have to be 0 and view.zoom 1; view.flip, view.symmetries and "
                "view.angles add views"
            )
        return self

    @model_validator(mode="after")
    def _probe_has_no_loop(self) -> "Recipe":
        if self.training.method == "probe":
            plain = {
                "training": TrainingTable(method="probe", loss=self.training.loss),
                "optimiser": OptimiserTable(),
                "schedule": ScheduleTable(),
            }
            for table, expected in plain.items():
                for key, value in getattr(self, table):
                    if value != getattr(expected, key):
                        raise ValueError(
                            f"training.method = 'probe' fits the last layer in one step and does "
                            f"not use {table}.{key}; --recipe transfer does"
                        )
        return self

    @model_validator(mode="after")
    def _val_is_there_where_it_is_watched(self) -> "Recipe":
        plateau = self.schedule.name == "plateau"
        watched = {
            ("training.checkpoint = 'best'", "checkpoint=last"): self.training.checkpoint == "best",
            ("training.early_stopping", "early_stopping=none"): self.training.early_stopping,
            (f"schedule.monitor = {self.schedule.monitor!r}", "monitor=loss"): plateau
            and self.schedule.monitor.startswith("val_"),
        }
        for (reason, mended), holds in watched.items():
            if holds and self.split.val == 0:
                raise ValueError(
                    f"{reason} needs a validation set, but split.val is 0: --set {mended}"
                )
        return self

    def to_toml(self) -> dict[str, Any]:
        """The recipe as nested tables without empty values, as in a run folder."""
        return self.model_dump(exclude_none=True)


def recipe_names() -> list[str]:
    """The names of the recipes that come with hubblefork."""
    folder = files("hubblefork.recipes")
    return sorted(
        f.name.removesuffix(".toml") for f in folder.iterdir() if f.name.endswith(".toml")
    )


def load_recipe(name: str | Path, settings: Mapping[str, Any] | None = None) -> Recipe:
    """Read a recipe by name or from a TOML file, and override single values.

    Parameters
    ----------
    name
        A name of `recipe_names()`, or the path of a `.toml` file.
    settings
        Values by key. A key is dotted (`training.epochs`) or, where only one table has it, the
        last part alone (`epochs`). Values are Python values, or text as TOML would write it.
        Another network has neither the options nor the publication of the recipe's network, and
        one with another name or other options does not begin with its shipped weights;
        `split.val` or `split.test` set without `split.train` changes it to the rest; and
        `training.epochs` set without `training.minutes` lifts the recipe's time limit.

    Raises RequestError for an unknown recipe or key, with the closest known one, and for a value
    out of its range.

    >>> load_recipe("default", {"epochs": 20, "optimiser.name": "sgd"}).training.epochs
    20
    """
    content = _read(name)
    places = {_find_key(key): value for key, value in (settings or {}).items()}
    for table, field in Recipe.model_fields.items():
        its = content.get(table, {})
        kind = field.annotation
        is_table = isinstance(kind, type) and issubclass(kind, BaseModel)
        if is_table and not isinstance(its, dict):
            raise RequestError(
                f"recipe {str(name)!r}: {table} is {its!r}; expected a table, [{table}]"
            )
    network = content.get("network", {})
    given = deepcopy(network)
    if places.get(("network", "name"), network.get("name")) != network.get("name"):
        network.pop("options", None)
        content.pop("publication", None)
    if ("training", "epochs") in places:
        content.get("training", {}).pop("minutes", None)
    for place, value in places.items():
        _override(content, place, value)
    network = content.get("network", {})
    changed = any(network.get(key) != given.get(key) for key in ("name", "options"))
    if changed and ("network", "weights") not in places and given.get("weights") in shipped_names():
        del network["weights"]
    if places.keys() & {("split", "val"), ("split", "test")} and ("split", "train") not in places:
        _set_train_to_the_rest(content["split"])
    try:
        return Recipe.model_validate(content)
    except ValidationError as error:
        raise RequestError(f"recipe {str(name)!r}: {_in_words(error)}") from error


def published_recipes() -> dict[str, Publication]:
    """The recipes that reproduce a publication, with that publication, by their place."""
    recipes = map(load_recipe, recipe_names())
    found = {each.name: each.publication for each in recipes if each.publication}
    return dict(sorted(found.items(), key=lambda item: item[1].place))


def systems_called(name: object) -> list[str]:
    """The recipe of the published system `name`, or those of `all`; RequestError for another name.

    >>> systems_called("lenet5")
    ['lenet5']
    """
    known = published_recipes()
    if not isinstance(name, str) or name not in (*known, "all"):
        raise RequestError(
            f"no published system is called {name!r}; {nearest(str(name), [*known, 'all'])}"
        )
    return list(known) if name == "all" else [name]


def changed_settings(recipe: Recipe) -> dict[str, tuple[Any, Any]]:
    """The settings in which a recipe differs from the one of its name that comes with hubblefork.

    The values there and here by key; none where no recipe has this name.

    >>> changed_settings(load_recipe("lenet5", {"epochs": 3}))
    {'training.epochs': (10, 3)}
    """
    if recipe.name not in recipe_names():
        return {}
    own, found = load_recipe(recipe.name), {}
    for key in setting_keys():
        values: tuple[Any, Any] = (own, recipe)
        for part in key.split("."):
            values = (getattr(values[0], part), getattr(values[1], part))
        if values[0] != values[1]:
            found[key] = values
    return found


def check_settings(settings: object) -> None:
    """RequestError unless settings are a mapping with keys of text."""
    if not isinstance(settings, Mapping) or not all(isinstance(key, str) for key in settings):
        raise wrong("settings", settings, "a dict from keys to values, such as {'epochs': 20}")


def parse_settings(assignments: Sequence[str]) -> dict[str, str]:
    """Convert `["epochs=3"]` to `{"epochs": "3"}`.

    >>> parse_settings(["epochs=3"])
    {'epochs': '3'}
    """
    settings = {}
    for assignment in assignments:
        key, equals, value = assignment.partition("=")
        if not equals or not key.strip():
            raise RequestError(f"--set takes key=value, for example epochs=20, not {assignment!r}")
        settings[key.strip()] = value.strip()
    return settings


def setting_keys() -> list[str]:
    """Every key that `--set` takes, dotted."""
    return [key for key, _ in _leaves(Recipe)]


def describe_settings() -> dict[str, str]:
    """Every key that `--set` takes, with its description, its choices and its default.

    >>> describe_settings()["schedule.name"]
    'Schedule of the learning rate: constant, one-cycle, plateau, steps. [default: constant]'
    """
    described = {}
    for key, field in _leaves(Recipe):
        choices = get_args(field.annotation) if get_origin(field.annotation) is Literal else ()
        words = f": {', '.join(choices)}." if choices else ""
        default = field.get_default(call_default_factory=True)
        shown = ""
        # Empty defaults are not shown.
        if default not in (PydanticUndefined, None, "", {}):
            shown = f" [default: {str(default).lower() if isinstance(default, bool) else default}]"
        described[key] = f"{field.description}{words}{shown}"
    return described


def _read(name: str | Path) -> dict[str, Any]:
    path = as_path(name, "recipe", "the name of a recipe or the path of a .toml file")
    if path.suffix == ".toml":
        if reason := not_a_file(path):
            raise RequestError(
                f"no recipe file at {path} ({reason}); give a .toml file or one of the names"
            )
        text = path.read_bytes().decode("utf-8", "replace")  # TOML itself refuses what is replaced
    elif str(name) in recipe_names():
        text = files("hubblefork.recipes").joinpath(f"{name}.toml").read_text(encoding="utf-8")
    else:
        raise RequestError(
            f"no recipe is called {str(name)!r}; {nearest(str(name), recipe_names())}"
        )
    try:
        return parse_toml(text)
    except ValueError as error:
        raise RequestError(f"recipe {path} is not valid TOML: {error}") from error


def _override(content: dict[str, Any], place: tuple[str, ...], value: Any) -> None:
    *tables, leaf = place
    for table in tables:
        content = content.setdefault(table, {})
    content[leaf] = _parse(value) if isinstance(value, str) else value


def _set_train_to_the_rest(split: dict[str, Any]) -> None:
    fractions = [split.get(part, SplitTable.model_fields[part].default) for part in ("val", "test")]
    if all(isinstance(each, int | float) for each in fractions):  # others are refused later
        split["train"] = round(1 - sum(fractions), 9)


def _find_key(key: str) -> tuple[str, ...]:
    """The place of a key: its tables, and the name in the last of them."""
    if key.startswith("network.options."):
        return "network", "options", key.removeprefix("network.options.")
    keys = setting_keys()
    matches = [known for known in keys if known == key or known.endswith(f".{key}")]
    if not matches:
        if inside := [known for known in keys if known.startswith(f"{key}.")]:
            raise RequestError(f"{key!r} is a table of the recipe: give its keys, as {inside[0]!r}")
        short = {known.rsplit(".", 1)[-1] for known in keys}
        raise RequestError(
            f"a recipe has no key {key!r}; {nearest(key, keys if '.' in key else short)}"
        )
    if len(matches) > 1 and key not in matches:
        raise RequestError(f"key {key!r} could be {' or '.join(matches)}: give one of them")
    return tuple((key if key in matches else matches[0]).split("."))


def _leaves(table: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    for name, field in table.model_fields.items():
        inner = field.annotation
        if name == "publication":  # a fact, not a setting
            continue
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from _leaves(inner, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", field


def _parse(text: str) -> Any:
    """Read a value as TOML, or else as plain text; 'none' removes a value."""
    if text.lower() == "none":
        return None
    try:
        return parse_toml(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
    except ValueError as error:
        raise RequestError(f"the value {shortened(text, 40)!r} cannot be read: {error}") from error


def _in_words(error: ValidationError) -> str:
    """The first error of pydantic in one line, with the closest known key."""
    (place, message), kind = in_words(error), error.errors()[0]["type"]
    if kind == "extra_forbidden":
        return f"no key {place!r}; {nearest(place, setting_keys())}"
    if kind == "value_error":
        return message
    more = len(error.errors()) - 1
    return f"{place}: {message}" + (f" (and {more} more)" if more else "")
