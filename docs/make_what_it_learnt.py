"""Write the figures of docs/what_did_it_learn.md from a run on the simulated sky.

    uv run hubblefork demo --out runs/demo
    uv run hubblefork explain runs/demo --out runs/demo-explained
    uv run python docs/make_what_it_learnt.py runs/demo runs/demo-explained

All images are of the simulated sky. The numbers and tables of the page are printed.
"""

import argparse
import json
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from hubblefork import Predictor, Run
from hubblefork.core.errors import RequestError
from hubblefork.core.files import replacing
from hubblefork.core.text import percent
from hubblefork.explanation.attribution import attribution
from hubblefork.report.explain_figures import overlay_group
from hubblefork.report.figures import sheet_png
from hubblefork.report.image_groups import draw_groups
from hubblefork.workflow.evaluate import own_dataset

FOLDER = Path(__file__).with_name("what_did_it_learn")

# Width of a figure in pixels, and the largest size of its file in bytes.
_WIDTH, _BYTES = 1200, 200_000
_EXAMPLES = 4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("explained", type=Path, help="the folder of hubblefork explain")
    asked = parser.parse_args()

    run = Run.open(asked.run)
    predictor = Predictor.load(asked.run)
    dataset, _ = own_dataset(run, predictor)
    if not dataset.source.startswith("simulated"):
        raise RequestError(f"{dataset.source}: only images of the simulated sky may be shown")
    row_of = {identifier: row for row, identifier in enumerate(dataset.table["id"])}
    figures = json.loads((asked.explained / "explanation.json").read_text(encoding="utf-8"))

    errors = pd.read_csv(asked.explained / "errors.csv", dtype={"id": str}).head(_EXAMPLES)
    answers = run.predictions.table()
    correct = answers[answers["true"] == answers["predicted"]].drop_duplicates("true")
    for name, table in (("errors", errors), ("correct", correct.head(_EXAMPLES))):
        groups = []
        for answer in table.itertuples():
            image = dataset.images[row_of[answer.id]]
            found = attribution(predictor, image, figures["method"], answer.predicted)
            title = f"predicted {answer.predicted}; true class: {answer.true}"
            groups.append(overlay_group(found, title))
        save(Image.open(BytesIO(sheet_png(draw_groups(groups)))), name)
    for name in ("robustness", "embedding-tsne"):
        save(Image.open(asked.explained / "figures" / f"{name}.png"), name)
    anomalies = pd.read_csv(asked.explained / "anomalies.csv", dtype={"id": str})["id"].head(12)
    save(
        Image.fromarray(np.hstack([dataset.images[row_of[each]] for each in anomalies])),
        "anomalies",
    )
    tell(figures)


def save(image: Image.Image, name: str) -> None:
    """Write a figure as JPEG, with the highest quality within the size limit."""
    image = image.convert("RGB")
    image.thumbnail((_WIDTH, 2 * _WIDTH), Image.Resampling.LANCZOS)
    for quality in range(90, 30, -10):
        buffer = BytesIO()
        image.save(buffer, "JPEG", quality=quality, optimize=True)
        if len(buffer.getvalue()) <= _BYTES:
            break
    path = FOLDER / f"{name}.jpg"
    with replacing(path, binary=True) as file:
        file.write(buffer.getvalue())
    print(f"{path}: {len(buffer.getvalue()):,} bytes")


CAPTIONS = {
    "correct": "Correctly classified images, and the evidence for their class",
    "errors": "Misclassified images with the highest confidence, and the evidence",
    "embedding-tsne": "The test images by t-SNE: by class, and in thumbnails",
    "anomalies": "The twelve least typical test images",
    "robustness": "Accuracy under each perturbation",
}


def tell(figures: dict) -> None:
    """Print the links to the figures, and the numbers and tables."""
    for name, caption in CAPTIONS.items():
        print(f"![{caption}](what_did_it_learn/{name}.jpg)\n")
    print(f"\n{figures['n']:,} test images, {percent(figures['accuracy'])} correctly classified\n")
    print("| images | accuracy | 95 % interval | changed answers |\n|---|---|---|---|")
    for row in figures["robustness"]:
        ends = f"{percent(row['low'])} to {percent(row['high'])}"
        print(f"| {row['perturbation']} | {percent(row['accuracy'])} | {ends} | "
              f"{percent(row['changed_fraction'])} |")  # fmt: skip
    background = figures["background_dependence"]
    print("\n| images | accuracy |\n|---|---|")
    for title, key in (
        ("unchanged", "unchanged"),
        ("centre blurred", "centre_blurred"),
        ("background blurred", "background_blurred"),
    ):
        print(f"| {title} | {percent(background[key]['value'])} |")
    print("\n| method | area | area of random order |\n|---|---|---|")
    for row in figures["faithfulness"]:
        print(f"| {row['method']} | {row['area']:.3f} | {row['random_area']:.3f} |")
    for pair in figures["confused_pairs"][:3]:
        print(f"\n{pair['first']} and {pair['second']}: {pair['errors']:,} errors, "
              f"{percent(pair['fraction'])} of all", end="")  # fmt: skip
    pooled = figures["neighbours_accuracy"]
    print(f"\n\nthe most common label of the neighbours is correct for {percent(pooled)}")


if __name__ == "__main__":
    main()
