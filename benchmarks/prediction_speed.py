"""Prediction speed of hubblefork beside other ways of running the same network.

python benchmarks/prediction_speed.py [--recipes lenet5 default] [--sets native small]
    [--images N] [--repeats 3] [--table FILE.md]

Images are the 1,000 galaxies of 424 pixels and the 25,913 of 128 pixels in HUBBLEFORK_TEST_DATA;
networks are those of the recipes with random weights, with the recipe's size, view and test-time
augmentation. Every way gives the same answers to the same images, each in a process of its own,
alternately, so that other work on the machine slows all alike:

predict   `hubblefork predict CATALOGUE --out FILE.parquet`
survey    `hubblefork survey plan`, `run` on the local pool, and `finish`
pillow    a loop: Pillow decodes and scales 64 images, the network as it was trained predicts them
timm      as timm's `inference.py`: a DataLoader with a worker a core and torchvision's transforms,
          batches of 256, the network as it was trained
onnx      Pillow as in `pillow`, and onnxruntime for what `hubblefork export` writes

The speed counts from when all is imported and the model is loaded (of a survey, when its first
worker, which is started first as the command does, has imported all; it still loads the model),
`whole` from the start of the process. The limits are the speeds of reading alone and of the
network alone on all cores; on processors they share the cores, so that the ratio to both together
(1 / (1/reading + 1/view + 1/network)) is also given. Fractions are of processor time.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from joblib import cpu_count
from markdown_table import as_markdown
from PIL import Image

from hubblefork.core.device import threads_of_each
from hubblefork.data.images.blocks import in_order, read_blocks
from hubblefork.data.images.framing import Framing
from hubblefork.models.file_format import current_versions
from hubblefork.models.model_card import ModelCard
from hubblefork.models.model_file import save_model
from hubblefork.models.predictor import Predictor
from hubblefork.models.view import View
from hubblefork.prediction.inputs import open_streams
from hubblefork.prediction.predict import ROWS, predict_images
from hubblefork.prediction.writers import write_predictions
from hubblefork.recipes.recipe import load_recipe
from hubblefork.tasks.classes import Classes
from hubblefork.training.plan import make_network
from hubblefork.workflow import survey
from hubblefork.workflow.predict import predict

HERE = Path(__file__).parent
DATA = Path(os.environ.get("HUBBLEFORK_TEST_DATA") or "../shared/data")
SETS = ("native", "small")
# What each way is run by in a process of its own.
CODE = (
    "import sys, prediction_speed; prediction_speed.work(*sys.argv[1:])",
    """if True:
    import sys
    from hubblefork.prediction.survey.local_pool import worker_ahead
    with worker_ahead() as worker:
        import prediction_speed
        worker.stdout.readline()  # it has imported all
        prediction_speed.work(*sys.argv[1:])""",
)
CLASSES = Classes(("cigar", "edge-on", "in between", "round", "spiral"))


def main(words: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recipes", nargs="+", default=["lenet5", "default"])
    parser.add_argument("--sets", nargs="+", default=SETS, choices=SETS)
    parser.add_argument("--images", type=int, help="of each set, at most")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--table", type=Path, help="a file for the tables in Markdown")
    asked = parser.parse_args(words)
    speeds, stages = [], []
    with tempfile.TemporaryDirectory() as folder:
        for recipe in asked.recipes:
            model = make_model(recipe, Path(folder) / f"{recipe}.safetensors")
            for name in asked.sets:
                catalogue = make_catalogue(name, asked.images, Path(folder) / f"{name}.csv")
                results = measure(model, catalogue, asked.repeats)
                speeds += [(recipe, name, *line) for line in speed_lines(results)]
                stages.append((recipe, name, *stage_line(results)))
    columns = ["recipe", "images", "way", "images/s", "predict is", "whole", "ms of processor"]
    tables = as_markdown(columns, speeds) + "\n" + as_markdown(
        ["recipe", "images", "reading", "view", "network", "writing", "reading alone",
         "network alone", "of the slower", "of both"], stages
    )  # fmt: skip
    print(f"{cpu_count()} cores, medians of {asked.repeats}\n\n{tables}", end="")
    if asked.table:
        asked.table.write_text(tables, encoding="utf-8")


def make_model(name: str, path: Path) -> Path:
    """A model file of a recipe's network with random weights."""
    recipe = load_recipe(name)
    torch.manual_seed(0)
    view = View(
        size=recipe.view.size or recipe.data.size, mean=(0.1,) * 3, std=(0.15,) * 3,
        field_of_view=recipe.view.field_of_view, symmetries=recipe.view.symmetries,
        angles=recipe.view.angles,
    )  # fmt: skip
    network = make_network(recipe, 3, CLASSES.outputs)
    card = ModelCard(
        recipe.network.name, recipe.network.options, "softmax", (3, view.size, view.size), CLASSES,
        Framing(size=recipe.data.size), ("in colour",), view, name, "random", current_versions(),
    )  # fmt: skip
    save_model(path, network, card)
    return path


def make_catalogue(name: str, most: int | None, path: Path) -> Path:
    """A catalogue of one of the sets, or of its first images."""
    folder = DATA / ("gz2_five_class_native" if name == "native" else "gz2_five_class/images")
    files = sorted(folder.resolve().rglob("*.jpg"))[:most]
    if not files:
        raise SystemExit(f"no images in {folder}: set HUBBLEFORK_TEST_DATA")
    pd.DataFrame({"id": [each.stem for each in files], "image": files}).to_csv(path, index=False)
    return path


def measure(model: Path, catalogue: Path, repeats: int) -> dict[str, list[dict]]:
    """What each way reports, so many times; a way that cannot be run is told and left out."""
    results: dict[str, list[dict]] = {way: [] for way in [*WAYS, "stages"]}
    for _ in range(repeats):
        for way in list(results):
            began = time.perf_counter()
            words = [sys.executable, "-c", CODE[way == "survey"], way, model, catalogue]
            done = subprocess.run(words, stdout=subprocess.PIPE, text=True, cwd=HERE)
            if done.returncode:
                print(f"{way} is left out: {model.stem}, {catalogue.stem}", file=sys.stderr)
                del results[way]
                continue
            told = json.loads(done.stdout.splitlines()[-1])
            results[way].append({**told, "whole": time.perf_counter() - began})
    return results


def speed_lines(results: dict[str, list[dict]]) -> Iterator[tuple[str, ...]]:
    """For each way: images/s, how much faster `predict` is, images/s in all, processor time."""
    for way in filter(WAYS.get, results):
        ratios = [
            a["seconds"] / b["seconds"]
            for a, b in zip(results[way], results["predict"], strict=True)
        ]
        number = results[way][0]["images"]
        speed, whole = (
            number / np.median([each[key] for each in results[way]]) for key in ("seconds", "whole")
        )
        processor = np.median([each["processor"] for each in results[way]]) / number * 1e3
        yield (
            way, f"{speed:,.0f}",
            f"{np.median(ratios):.2f}x as fast ({min(ratios):.2f} to {max(ratios):.2f})",
            f"{whole:,.0f}", f"{processor:.2f}",
        )  # fmt: skip


def stage_line(results: dict[str, list[dict]]) -> tuple[str, ...]:
    """Fractions of the processor time, limits of stages, and how near to them `predict` comes."""
    middle = {
        key: float(np.median([each[key] for each in results["stages"]]))
        for key in results["stages"][0]
    }
    stages = ("reading", "view", "network", "writing")
    total = sum(middle[f"{stage} processor"] for stage in stages)
    fractions = [f"{middle[f'{stage} processor'] / total:.0%}" for stage in stages]
    slower, both = [], []
    for alone, run in zip(results["stages"], results["predict"], strict=True):
        slower.append(max(alone["reading"], alone["network"]) / run["seconds"])
        both.append((alone["reading"] + alone["view"] + alone["network"]) / run["seconds"])
    return (
        *fractions,
        *(f"{middle['images'] / middle[stage]:,.0f}" for stage in ("reading", "network")),
        f"{np.median(slower):.2f}", f"{np.median(both):.2f}",
    )  # fmt: skip


def work(way: str, model_path: str, catalogue_path: str) -> None:
    """Run one way in this process, and print what it took as a line of JSON."""
    model, catalogue = Path(model_path), Path(catalogue_path)
    paths = pd.read_csv(catalogue)["image"].tolist()
    if way == "stages":
        print(json.dumps({"images": len(paths), **alone(model, catalogue)}))
        return
    predictor = Predictor.load(model, "cpu")
    answers = iter(()) if way in ("predict", "survey") else WAYS[way](predictor, paths)
    began, processor = time.perf_counter(), processor_time()
    with tempfile.TemporaryDirectory() as folder:
        if way in ("predict", "survey"):
            WAYS[way](model, catalogue, Path(folder))
        else:
            table = pd.DataFrame(np.concatenate(list(answers)), columns=list(CLASSES.names))
            table.assign(image=paths).to_parquet(Path(folder) / "answers.parquet")
    took = {"seconds": time.perf_counter() - began, "processor": processor_time() - processor}
    print(json.dumps({"images": len(paths), **took}))


def processor_time() -> float:
    """Seconds of processor time of this process and of those that it has waited for."""
    return sum(os.times()[:4])


def by_predict(model: Path, catalogue: Path, folder: Path) -> None:
    predict(model, str(catalogue), out=folder / "answers.parquet", device="cpu")


def by_survey(model: Path, catalogue: Path, folder: Path) -> None:
    planned = survey.plan(model, str(catalogue), out=folder / "survey")
    survey.run_all(planned, device="cpu")
    survey.finish(planned)


def framed(path: str, size: int) -> Image.Image:
    """The largest centred square of an image, scaled."""
    image = Image.open(path).convert("RGB")
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    box = (left, top, left + side, top + side)
    return image.resize((size, size), Image.Resampling.BICUBIC, box=box)


def batches(paths: list[str], size: int) -> Iterator[np.ndarray]:
    """Batches of 64 images, read by Pillow."""
    for start in range(0, len(paths), 64):
        yield np.stack([np.asarray(framed(path, size)) for path in paths[start : start + 64]])


@torch.inference_mode()
def by_pillow(predictor: Predictor, paths: list[str]) -> Iterator[np.ndarray]:
    for images in batches(paths, predictor.framing.shape[0]):
        yield predictor.module(torch.from_numpy(images)).answers.numpy()


class Files(torch.utils.data.Dataset):
    """Image files for a DataLoader."""

    def __init__(self, paths: list[str], size: int):
        from torchvision import transforms

        self.paths = paths
        self.transform = transforms.Compose([
            transforms.Resize(size, transforms.InterpolationMode.BICUBIC),
            transforms.CenterCrop(size),
            transforms.PILToTensor(),
        ])  # fmt: skip

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, row: int) -> torch.Tensor:
        return self.transform(Image.open(self.paths[row]).convert("RGB"))


@torch.inference_mode()
def by_timm(predictor: Predictor, paths: list[str]) -> Iterator[np.ndarray]:
    files = Files(paths, predictor.framing.shape[0])
    for images in torch.utils.data.DataLoader(files, batch_size=256, num_workers=cpu_count()):
        yield predictor.module(images.permute(0, 2, 3, 1)).answers.numpy()


def by_onnx(predictor: Predictor, paths: list[str]) -> Iterator[np.ndarray]:
    try:
        import onnxruntime

        from hubblefork.exporting.onnx_file import write_onnx
    except ImportError as error:
        raise SystemExit(f"onnx: {error}; pip install 'hubblefork[onnx]'") from None
    with tempfile.TemporaryDirectory() as folder:
        path = write_onnx(predictor, Path(folder) / "model.onnx")
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    read = batches(paths, predictor.framing.shape[0])
    return (session.run(None, {"images": images})[0] for images in read)


WAYS: dict[str, Callable] = {
    "predict": by_predict, "survey": by_survey, "pillow": by_pillow, "timm": by_timm,
    "onnx": by_onnx,
}  # fmt: skip


def alone(model: Path, catalogue: Path) -> dict[str, float]:
    """Seconds and processor time of each stage alone, on all cores, of blocks as `predict` has."""
    predictor = Predictor.load(model, "cpu").twin()
    [stream] = open_streams(str(catalogue))
    framing, shape, cores = predictor.framing, predictor.framing.shape, cpu_count()
    jobs = [job for rows in stream.rows(ROWS) for _, job in rows.jobs(256)]
    found: dict[str, float] = {}

    def timed(stage: str, do: Callable[[], list]) -> list:
        began, processor = time.perf_counter(), processor_time()
        result = do()
        found[stage] = time.perf_counter() - began
        found[f"{stage} processor"] = processor_time() - processor
        return result

    read = read_blocks(jobs, framing, shape, cores, "threads", digests=False)
    blocks = timed("reading", lambda: list(read))
    images = [np.frombuffer(each.pixels, np.uint8).reshape(-1, *shape) for each in blocks]
    with torch.inference_mode(), threads_of_each(1):
        prepared, own = predictor.prepared, threading.local()

        def view(block: np.ndarray) -> None:
            prepared.preprocess(torch.from_numpy(block.copy()))

        def network(block: np.ndarray) -> object:
            if not hasattr(own, "predictor"):
                own.predictor = predictor.twin()
            return predict_images(own.predictor, block)

        timed("view", lambda: list(in_order(view, images, cores, "threads")))
        answers = timed("network", lambda: list(in_order(network, images, cores, "threads")))
    for key in ("network", "network processor"):
        found[key] -= found[key.replace("network", "view")]  # which is a part of it
    parts = list(stream.rows(256))
    answers = [replace(e, columns=r.kept, ids=r.ids) for e, r in zip(answers, parts, strict=True)]
    with tempfile.TemporaryDirectory() as folder:
        timed("writing", lambda: [write_predictions(answers, Path(folder) / "answers.parquet")])
    return found


if __name__ == "__main__":
    main()
