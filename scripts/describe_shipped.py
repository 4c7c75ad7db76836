"""Write docs/shipped_models.md from the cards of the shipped models: run it after making one.

python scripts/describe_shipped.py
"""

from pathlib import Path

from hubblefork.core.files import replacing
from hubblefork.models.shipped import ShippedCard, describe_models, read_card, shipped_names

PAGE = Path(__file__).parents[1] / "docs" / "shipped_models.md"

_HEAD = """\
# Shipped models

Models that come with hubblefork need no training, no account and no network:

```sh
uv run hubblefork list models
uv run hubblefork predict galaxy-five image.jpg
```

Without `--out`, `predict` prints a small table with the class, or the answers, and the typicality
of each image ([uncertainty.md](uncertainty.md)). A name can be given wherever a model is: to
`predict`, `evaluate`, `explain`, `survey plan`, `export` and `hubblefork.Predictor.load`, and to a
training as `--set network.weights=NAME` ([transfer.md](transfer.md#from-a-shipped-model)). If the
current folder has a file or folder of this name, that is used, and one line says so.

The model files are in `src/hubblefork/models/pretrained/`, each with a card, `NAME.toml`, from
which `python scripts/describe_shipped.py` writes this page; `CONTRIBUTING.md`
says how they are made. A file has the weights of its run bit by bit, in float32: together they are
below 4 MiB, and half precision would change predictions.
"""


def page() -> str:
    """The whole page."""
    if not shipped_names():
        return f"{_HEAD}\nThis version comes with no models yet.\n"
    table = "\n".join(f"| `{name}` | {about} |" for name, about in describe_models().items())
    parts = [f"{_HEAD}\n| model | |\n|---|---|\n{table}\n"]
    parts += [section(name, read_card(name)) for name in shipped_names()]
    return "\n".join(parts)


def section(name: str, card: ShippedCard) -> str:
    """What a card says, as a section."""
    rows = [
        f"| {each.title} | {each.metric.written(each.value)} | "
        f"{each.metric.between(each.interval)} | "
        f"{'' if each.baseline is None else each.metric.written(each.baseline)} | "
        f"{each.images:,} {each.on} |"
        for each in card.figures
    ]
    figures = "\n".join(
        ["| | | 95 % interval | baseline | images |", "|---|---|---|---|---|", *rows]
    )
    limits, credit = (
        "\n".join(f"- {each}" for each in of) for of in (card.limits, card.attribution)
    )
    return (
        f"## {name}\n\n{card.about[0].upper()}{card.about[1:]}.\n\n"
        f"- **Images**: {card.images}\n- **Learnt from**: {card.learnt_from}\n"
        f"- **How**: {card.how}\n- **Made again by**: `{card.script}`\n"
        f"- **Licence**: {card.licence}\n\n{figures}\n\nLimits:\n\n{limits}\n\n"
        f"Attribution:\n\n{credit}\n"
    )


def main() -> None:
    with replacing(PAGE) as file:
        file.write(page())
    print(PAGE)


if __name__ == "__main__":
    main()
