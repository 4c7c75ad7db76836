"""Processor time of n processes with one thread each, and of one process with n threads.

python benchmarks/survey_workers.py [--recipe default] [--images 1024] [--threads 2]

Both predict the same images in memory, in blocks of 256, alternately. Threads of one network wait
for each other in every layer, which costs processor time, and much more of it where the machine has
something else to do. Start-up does not count.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from joblib import cpu_count
from prediction_speed import make_model, processor_time

from hubblefork.models.predictor import Predictor


def main(words: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recipe", default="default")
    parser.add_argument("--images", type=int, default=1024, help="of all processes together")
    parser.add_argument("--threads", type=int, default=cpu_count())
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--worker", nargs=3, help=argparse.SUPPRESS)
    asked = parser.parse_args(words)
    if asked.worker:
        print(json.dumps(processor(*asked.worker)))
        return
    number = asked.threads
    with tempfile.TemporaryDirectory() as folder:
        model = make_model(asked.recipe, Path(folder) / "model.safetensors")
        ratios = [
            sum(together(model, asked.images // number, 1, number))
            / sum(together(model, asked.images, number, 1))
            for _ in range(asked.repeats)
        ]
    print(
        f"{asked.recipe}: {number} processes with one thread take {np.median(ratios):.2f} "
        f"({min(ratios):.2f} to {max(ratios):.2f}) of the processor time of one with {number}"
    )


def together(model: Path, images: int, threads: int, processes: int) -> list[float]:
    """The processor time of each of several processes that run at the same time."""
    words = [sys.executable, __file__, "--worker", model, str(images), str(threads)]
    running = [subprocess.Popen(words, stdout=subprocess.PIPE) for _ in range(processes)]
    return [json.loads(each.communicate()[0]) for each in running]


def processor(model: str, images: str, threads: str) -> float:
    """Seconds of processor time that this process needs to predict so many random images."""
    torch.set_num_threads(int(threads))
    predictor = Predictor.load(model, "cpu")
    shape = (int(images), *predictor.framing.shape)
    pixels = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    predictor.predict(pixels[:256])  # the first batch chooses kernels
    began = processor_time()
    predictor.predict(pixels)
    return processor_time() - began


if __name__ == "__main__":
    main()
