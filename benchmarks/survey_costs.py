"""What a survey of 10^6 and of 10^9 rows takes, estimated from one that is finished.

    python benchmarks/survey_costs.py DIR --rows-per-second 585 --cores 2 --image-bytes 3646
        [--core-hour 0.05] [--table FILE.md]

DIR is a finished survey, whose files tell the bytes of a row; the speed is that of `survey` in a
table of `benchmarks/prediction_speed.py` for the same network and images, on so many cores. Both
are taken to be in proportion to the rows and the cores, which holds as long as the disk or network
that the images come from keeps up: the table says how much it has to deliver. The price of a core
for an hour is an assumption.
"""

import argparse
from pathlib import Path

from markdown_table import as_markdown

from hubblefork.prediction.survey.plan import Survey, rows_of_a_shard

ROWS = (10**6, 10**9)
CORES = (2, 64, 1024)


def main(words: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rows-per-second", type=float, required=True)
    parser.add_argument("--cores", type=int, required=True, help="that the speed was measured on")
    parser.add_argument("--image-bytes", type=float, required=True, help="of an image, on average")
    parser.add_argument("--core-hour", type=float, default=0.05, help="price in USD")
    parser.add_argument("--table", type=Path, help="a file for the table in Markdown")
    asked = parser.parse_args(words)
    survey = Survey.open(asked.folder)
    of_row = {name: bytes_of(asked.folder / name) / survey.plan.rows for name in ("rows", "shards")}
    speed = asked.rows_per_second / asked.cores
    columns = ["", *(f"10^{len(str(rows)) - 1} rows" for rows in ROWS)]
    lines = [
        ("core hours", *(f"{rows / speed / 3600:,.0f}" for rows in ROWS)),
        *(
            (f"time on {cores:,} cores", *(duration(seconds(rows, speed, cores)) for rows in ROWS))
            for cores in CORES
        ),
        (
            f"images to read in a second on {CORES[-1]:,} cores",
            *[size(speed * CORES[-1] * asked.image_bytes)] * len(ROWS),
        ),
        ("images", *(size(rows * asked.image_bytes) for rows in ROWS)),
        ("rows of the plan", *(size(rows * of_row["rows"]) for rows in ROWS)),
        ("answers", *(size(rows * of_row["shards"]) for rows in ROWS)),
        ("shards", *(f"{shards(rows):,}" for rows in ROWS)),
        (
            f"cost at {asked.core_hour} USD for a core hour",
            *(f"{rows / speed / 3600 * asked.core_hour:,.2f} USD" for rows in ROWS),
        ),
    ]
    table = as_markdown(columns, lines)
    print(table, end="")
    if asked.table:
        asked.table.write_text(table, encoding="utf-8")


def shards(rows: int) -> int:
    return -(-rows // rows_of_a_shard(rows))


def seconds(rows: int, speed: float, cores: int) -> float:
    """How long it takes, with one shard for a core at a time."""
    rounds = -(-shards(rows) // cores)
    return rounds * rows_of_a_shard(rows) / speed


def bytes_of(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.iterdir())


def duration(seconds: float) -> str:
    """A time in the unit that suits it.

    >>> duration(1876), duration(90_000)
    ('31 min', '25 h')
    """
    if seconds < 3600:
        return f"{max(seconds / 60, 1):.0f} min"
    return f"{seconds / 3600:,.0f} h" if seconds < 72 * 3600 else f"{seconds / 86_400:,.0f} days"


def size(number: float) -> str:
    """A number of bytes in the unit that suits it.

    >>> size(13_400_000), size(3.6e12)
    ('13 MB', '3.6 TB')
    """
    units = {"TB": 1e12, "GB": 1e9, "MB": 1e6}
    unit = next((each for each, factor in units.items() if number >= factor), "MB")
    scaled = number / units[unit]
    return f"{scaled:.0f} {unit}" if scaled >= 10 else f"{scaled:.1f} {unit}"


if __name__ == "__main__":
    main()
