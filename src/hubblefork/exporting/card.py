"""The card of a model: README.md of its repository, with the metadata that the hub reads.

It says what the model predicts, what it was trained on and how well it does, with intervals, how it
is used, and where its figures end.
"""

from collections.abc import Iterator

from hubblefork.core.path_options import split_options
from hubblefork.core.text import several
from hubblefork.models.predictor import Predictor
from hubblefork.runs.run import Run, short_name
from hubblefork.tasks.metric import Metric

_TASK = "image-classification"


def model_card(predictor: Predictor, run: Run | None, repository: str, licence: str | None) -> str:
    """The text of README.md for a model in the repository OWNER/NAME.

    run: where it was trained, for its figures; None where there is only its file. licence: as the
    hub calls it, such as `apache-2.0`.
    """
    metadata = _metadata(predictor, run, repository, licence)
    parts = (*_about(predictor, run, repository), *_use(predictor, repository))
    parts = (*parts, *_figures(predictor, run), *_training(predictor, run))
    return f"---\n{metadata}\n---\n\n" + "\n\n".join(parts) + "\n"


def is_of_timm(predictor: Predictor) -> bool:
    """Whether the network is one of timm, whose weights others can load too."""
    return predictor.card.network.startswith("timm:")


def _metadata(predictor: Predictor, run: Run | None, repository: str, licence: str | None) -> str:
    from huggingface_hub import EvalResult, ModelCardData

    name, dataset = _source(predictor)
    known = [] if run is None else _known(run)
    figures = run.metrics if run and known else {}
    data = ModelCardData(
        library_name="hubblefork",
        license=licence and licence.strip().lower(),
        pipeline_tag=_TASK,
        tags=["hubblefork", _TASK, *(["timm"] if is_of_timm(predictor) else [])],
        datasets=[dataset] if dataset else None,
        metrics=[metric.name for metric in known] or None,
        model_name=repository.partition("/")[2],
        eval_results=[
            EvalResult(
                task_type=_TASK,
                dataset_type=dataset or name,
                dataset_name=name,
                dataset_split="test",
                metric_type=metric.name,
                metric_name=metric.title,
                metric_value=figures[metric.name],
                metric_args={"interval_95": list(figures["intervals"][metric.name])},
            )
            for metric in known
        ]
        or None,
    )
    return str(data.to_yaml(line_break="\n"))


def _known(run: Run) -> list[Metric]:
    """The metrics that a run has, with their intervals."""
    metrics = run.metrics
    return [each for each in run.task.metrics if each.name in metrics["intervals"]]


def _source(predictor: Predictor) -> tuple[str, str | None]:
    """What the training images are called, without the folders above; their data set on the hub."""
    source = predictor.card.source
    if source.startswith("hub:"):
        dataset = split_options(source.removeprefix("hub:"))[0]
        return dataset, dataset
    return short_name(source), None


def _about(predictor: Predictor, run: Run | None, repository: str) -> Iterator[str]:
    card = predictor.card
    channels, height, width = card.framing.channels, card.framing.size, card.framing.size
    trained = f"trained by hubblefork {card.versions.get('hubblefork', '')}".rstrip()
    size = "" if run is None else f" with {several(run.provenance.parameters, 'parameter')}"
    yield f"# {repository.partition('/')[2]}"
    yield (
        f"From an image it predicts {card.task.labels_are}: {', '.join(card.task.names)}. It is "
        f"the network `{card.network}`{size} for images of {height}x{width} pixels with "
        f"{several(channels, 'channel')}, {trained} by the recipe `{card.recipe}` on "
        f"`{_source(predictor)[0]}`."
    )


def _use(predictor: Predictor, repository: str) -> Iterator[str]:
    yield "## Use"
    yield (
        "```sh\npip install 'hubblefork[hub]'\n"
        f"hubblefork predict hf:{repository} images/ --out predictions.csv\n```"
    )
    call = f'hubblefork.predict("hf:{repository}", "images/")'
    yield f"```python\nimport hubblefork\n\ntable = {call}\n```"
    yield (
        "Images of any size and format are prepared as those were that it was trained on. "
        f"`hf:{repository}@REVISION` is the model of a revision. Reading it runs no code."
    )
    if is_of_timm(predictor):
        yield (
            "The network alone, with the weights as timm has them, gives logits, without the "
            "preprocessing, the test-time augmentation and the calibration of the model:"
        )
        yield (
            "```python\nimport timm\n\n"
            f'network = timm.create_model("hf-hub:{repository}", pretrained=True)\n```'
        )


def _figures(predictor: Predictor, run: Run | None) -> Iterator[str]:
    yield "## Figures"
    if run is None:
        yield "The model was exported from its file alone, which has no figures."
    else:
        metrics = run.metrics
        yield (
            f"On {several(metrics['n'], 'image')} that were not used in training "
            "(`metrics.json` has them all):"
        )
        rows = [
            f"| {each.title} | {each.written(metrics[each.name])} | "
            f"{each.between(metrics['intervals'][each.name])} |"
            for each in _known(run)
        ]
        yield "\n".join(["| | test set | 95 % interval |", "|---|---|---|", *rows])
    yield "It is meant for images like those it was trained on, and for no others." + (
        " Each prediction has a typicality, low for images unlike them."
        if predictor.knows_typicality
        else ""
    )


def _training(predictor: Predictor, run: Run | None) -> Iterator[str]:
    yield "## Training"
    if run is not None:
        about = run.provenance
        sizes = run.split.counts()
        yield (
            f"{several(sizes['train'], 'image')} for training, {sizes['val']:,} for validation and "
            f"{sizes['test']:,} for the test, {several(len(run.history), 'epoch')}, seed "
            f"{about.seed}, {about.precision} on {about.device}, {about.started[:10]}. "
            "`hubblefork train IMAGES --recipe recipe.toml` trains another in the same way."
        )
        if about.weights:
            weights = about.weights.rstrip("/")
            named = weights if weights.startswith("hf") else weights.rpartition("/")[2]
            yield f"It began with the weights `{named}`."
    versions = ", ".join(f"{name} {each}" for name, each in predictor.card.versions.items())
    yield f"Versions: {versions or 'not known'}."
