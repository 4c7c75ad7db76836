"""Train what publications trained, as published, and show all of it side by side on one page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hubblefork.core.arguments import as_path
from hubblefork.core.errors import RequestError, first_few
from hubblefork.core.progress import say
from hubblefork.core.text import listed
from hubblefork.data.sources import open_source
from hubblefork.data.sources.base import Source
from hubblefork.data.sources.several import sources_within
from hubblefork.recipes.publication import Publication
from hubblefork.recipes.recipe import (
    Recipe,
    check_settings,
    load_recipe,
    published_recipes,
    systems_called,
)
from hubblefork.report.page import check_page, write_page
from hubblefork.report.reproduction_page import ReproducedRun, reproduction_page
from hubblefork.runs.run import Run, short_name

_PAGE = "reproduction.html"


@dataclass(frozen=True)
class Reproduced:
    """The page that shows the runs side by side, and the runs of this call."""

    page: Path
    runs: tuple[Run, ...]


def reproduce(
    name: str,
    source: Any = None,
    *,
    out: str | Path | None = None,
    settings: Mapping[str, Any] | None = None,
    seed: int = 0,
    device: str = "auto",
) -> Reproduced:
    """Train the system of a publication as published, and write one page that compares.

    Parameters
    ----------
    name
        The recipe of a published system (`hubblefork list recipes`), or `all` of them.
    source
        Images as `train` takes them, a list of such sources, or a directory that has them in its
        folders; by default the data of the publication. Of several, a system is trained on the one
        that is like its publication's data: with the same classes, else with labels of the same
        kind, and then with the most images. Of `all`, systems that need another kind of labels are
        trained on their own data, or on the simulated sky where these have to be named.
    out
        The folder of the runs, one for each system and source, and of the page,
        `reproduction.html`; by default `runs/reproduction`. Runs that are there already stay, are
        shown too, and go on where they were cut off.
    settings
        Values of the recipes to override: `{"epochs": 2}`. They are told as differences.
    seed, device
        As in `train`.

    Raises RequestError for an unknown system, and where the images do not fit it. Of `all`, a
    system that cannot be trained is told on the page, and in an error after all others.

    >>> small = {"epochs": 1, "data.size": 24}
    >>> found = reproduce("mlp", galaxies, out=folder / "runs", settings=small)
    >>> found.page.name, [run.path.name for run in found.runs]
    ('reproduction.html', ['mlp-shapes'])
    """
    names = systems_called(name)
    settings = {} if settings is None else settings
    check_settings(settings)
    folder = Path("runs/reproduction") if out is None else as_path(out, "out", "a folder")
    if folder.exists() and not folder.is_dir():
        raise RequestError(f"--out {folder} is a file; expected a folder for the runs")
    if (folder / "recipe.toml").is_file():
        raise RequestError(f"--out {folder} is the folder of one run: give the folder it is in")
    page = check_page(folder / _PAGE, "reproduce")
    # Whatever is wrong is told before the first training, which may take hours.
    recipes = [load_recipe(each, settings) for each in names]
    sources = _opened(source, recipes[0].data.classes)  # a rule that is set holds for all recipes
    chosen = [(recipe, *_source(recipe, sources, name == "all")) for recipe in recipes]
    paths = [folder / f"{recipe.name}-{short_name(opened.name)}" for recipe, _, opened in chosen]
    for path in filter(Path.exists, paths):
        Run.open(path)
    from hubblefork.workflow.train import train  # what is wrong was told without torch

    runs: list[Run] = []
    failed: dict[str, str] = {}
    for (recipe, given, opened), path in zip(chosen, paths, strict=True):
        used = _fitting(settings, _publication(recipe), opened)
        finished = Run(path).finished
        news = not finished
        try:
            runs.append(
                train(
                    given, recipe.name, out=path, settings=used, seed=seed, device=device,
                    resume=path.exists(),
                )
            )  # fmt: skip
        except RequestError as error:
            if name != "all" or finished:
                raise
            failed[path.name], news = str(error), False
            say(f"{recipe.name}: {error}")
        if news or path == paths[-1]:
            _write(folder, page, device, failed)
    if failed:
        raise RequestError(f"not trained: {first_few(failed, len(failed))}; {page} has the reasons")
    return Reproduced(page, tuple(runs))


def _publication(recipe: Recipe) -> Publication:
    if recipe.publication is None:
        raise RequestError(
            f"reproduce trains the network of {recipe.name!r} as published, not another one: leave "
            "network.name out, or use train"
        )
    return recipe.publication


def _opened(source: Any, classes: str | Mapping[str, Any] | None) -> list[tuple[Any, Source]]:
    """Each source that was given, as it is given to `train`, and opened."""
    given = [] if source is None else source if isinstance(source, list) else [source]
    for each in given:
        if isinstance(each, str | Path) and (within := sources_within(str(each))):
            say(f"{each} has several sources: {listed(within)}")
            given = [one for one in given if one is not each] + within
    return [(each, open_source(each, classes)) for each in given]


def _source(
    recipe: Recipe, sources: Sequence[tuple[Any, Source]], one_of_all: bool
) -> tuple[Any, Source]:
    """The source to train on as it is given to `train`, and opened."""
    publication = _publication(recipe)
    fits = [
        (given, opened)
        for given, opened in sources
        if publication.metric in [metric.name for metric in opened.task.own_metrics]
    ]
    if fits:
        return max(fits, key=lambda each: _fitness(each[1], publication))
    if sources and not one_of_all:
        wanted = "classes" if publication.metric == "accuracy" else "fractions of votes"
        found = listed([f"{opened.name} has {opened.task.labels_are}" for _, opened in sources])
        raise RequestError(
            f"{found}, and {recipe.name!r} was published with {publication.written}: give images "
            f"with {wanted}"
        )
    if not publication.source and not one_of_all:
        raise RequestError(
            f"{recipe.name!r} was trained on {publication.data}, which hubblefork cannot download: "
            f"give them as SOURCE, or {publication.substitute}"
        )
    used = publication.source or publication.substitute
    if sources or not publication.source:
        used = publication.substitute
        for given in [str(given) for given, _ in sources if str(given).startswith("simulated")]:
            # As many galaxies, with the other labels.
            used = publication.substitute + given.removeprefix("simulated").replace(":votes", "")
        say(f"{recipe.name}: {used} takes the place of {publication.data}")
    return used, open_source(used, recipe.data.classes)


def _fitness(source: Source, publication: Publication) -> tuple[bool, bool, int]:
    """How well a source of the same kind of labels fits a publication; the highest fits best."""
    classes = sorted(source.task.names)
    of_others = [sorted(each.classes) for each in published_recipes().values()]
    same = classes == sorted(publication.classes)
    return same, classes not in of_others, len(source.table)


def _fitting(
    settings: Mapping[str, Any], publication: Publication, opened: Source
) -> Mapping[str, Any]:
    """The settings for a source, apart from those that were asked for."""
    fitting: dict[str, Any] = {}
    if opened.name.startswith("simulated"):  # as small as the published crops
        fitting["data.crop"] = None
    if publication.group in opened.table:
        fitting["split.group"] = publication.group
    return {**fitting, **settings}


def _write(folder: Path, page: Path, device: str, failed: Mapping[str, str]) -> None:
    """Write the page with every finished run of the folder.

    failed: why a run has not ended, by the name of its folder.
    """
    order = list(published_recipes())
    found: list[ReproducedRun] = []
    missing = dict(failed)
    for file in sorted(folder.glob("*/recipe.toml")):
        run = Run.open(file.parent)
        try:
            if run.recipe.publication is None:
                continue
            if run.finished:
                found.append(_shown(run, device))
            else:
                missing.setdefault(run.path.name, "its training has not ended")
        except RequestError as error:  # one that is damaged hides no other
            missing[run.path.name] = str(error)
    found.sort(key=lambda each: (order.index(each.recipe), each.folder))
    write_page(reproduction_page(found, missing), page, "reproduce")


def _shown(run: Run, device: str) -> ReproducedRun:
    from hubblefork.workflow.evaluate import finished_data

    data = finished_data(run, device)
    assert data.reproduction is not None
    source = short_name(run.provenance.source)
    return ReproducedRun(run.path.name, run.recipe.name, source, data.reproduction, data)
