"""Speed of the simulated sky, in galaxies per second, with several processes.

python benchmarks/simulation_speed.py [--number 2000] [--size 69] [--processes 2]
"""

import argparse
import time

import numpy as np
from joblib import Parallel, delayed

from hubblefork.sky.simulation.simulate import GALAXY10_SIZE, Simulation, simulate


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--number", type=int, default=2000, help="number of galaxies")
    parser.add_argument(
        "--size", type=int, default=GALAXY10_SIZE, help="side of an image, in pixels"
    )
    parser.add_argument("--processes", type=int, default=2)
    asked = parser.parse_args()

    start = time.perf_counter()
    sky = simulate(asked.number)
    drawn = time.perf_counter() - start
    print(f"parameters and votes: {asked.number / drawn:,.0f} galaxies/s")

    # joblib's workers use one thread each for linear algebra when they fill the cores.
    with Parallel(n_jobs=asked.processes) as workers:
        workers(delayed(_warm_up)(sky) for _ in range(asked.processes))
        start = time.perf_counter()
        rows = np.array_split(np.arange(asked.number), asked.processes * 8)
        workers(delayed(sky.render)(some, asked.size) for some in rows)
        rendered = time.perf_counter() - start
    print(
        f"rendered at {asked.size} pixels by {asked.processes} processes: "
        f"{asked.number / rendered:,.0f} galaxies/s"
    )


def _warm_up(sky: Simulation) -> None:
    """Let a worker import its modules before the measurement starts."""
    sky.render([0])


if __name__ == "__main__":
    main()
