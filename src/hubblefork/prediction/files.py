"""Predict picture files of any number: decoded by threads, computed and written block by block."""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from hubblefork.data.pictures import is_picture_name, read_pictures
from hubblefork.data.reading import read_blocks
from hubblefork.errors import RequestError, first_few
from hubblefork.files import replacing
from hubblefork.prediction.predictor import Predictor
from hubblefork.prediction.table import tabulate
from hubblefork.progress import progress

# Pictures that are decoded, computed and written together.
_BLOCK = 256


def find_pictures(places: Sequence[str | Path]) -> tuple[list[str], list[str]]:
    """Turn files and folders into the paths of picture files, and of the files passed over.

    A folder stands for every picture below it, by name. A file that is named itself is taken
    whatever it is called. Raises RequestError for a path that is not there, or if no picture is
    found.
    """
    gone = [place for place in places if not Path(place).exists()]
    if gone:
        raise RequestError(f"no such file or folder: {first_few(gone)}")
    pictures: list[str] = []
    passed: list[str] = []
    for place in places:
        if Path(place).is_dir():
            for folder, folders, files in os.walk(place):
                folders.sort()
                for name in sorted(files):
                    found = pictures if is_picture_name(name) else passed
                    found.append(os.path.join(folder, name))
        else:
            pictures.append(str(place))
    if not pictures:
        raise RequestError(f"no pictures in {first_few(places)}: JPEG, PNG, WebP or TIFF expected")
    return pictures, passed


def predict_files(predictor: Predictor, paths: Sequence[str]) -> Iterator[pd.DataFrame]:
    """Predict picture files in order, one table for each block of them.

    Columns: `id` (the path), `predicted` (class name), one probability a class, and `problem`:
    why a picture could not be read, empty where it could. Its row has no prediction.
    """
    blocks = [paths[start : start + _BLOCK] for start in range(0, len(paths), _BLOCK)]
    framing = predictor.framing
    shape = (framing.size, framing.size, framing.channels)
    jobs = (partial(read_pictures, block) for block in blocks)
    # Threads, since decoders release Python's lock while the network computes.
    read = read_blocks(jobs, framing, shape, workers=2, prefer="threads")
    with closing(read), progress("predicting", len(paths)) as done:
        for block, result in zip(blocks, read, strict=True):
            pictures = np.frombuffer(result.pixels, np.uint8).reshape(-1, *shape)
            probabilities = np.full((len(block), len(predictor.names)), np.nan, np.float32)
            probabilities[result.read] = predictor.predict(pictures)
            table = tabulate(np.array(block, dtype=object), predictor.names, probabilities)
            reasons = dict(result.left_out)
            yield table.assign(problem=[reasons.get(place, "") for place in range(len(block))])
            done(len(block))


def write_table(tables: Iterable[pd.DataFrame], path: Path) -> pd.DataFrame:
    """Write tables one after another to one `.csv` or `.parquet` file, whole or not at all.

    Returns the rows that have a problem. Raises RequestError for another suffix, and if every row
    has a problem.
    """
    check_table_path(path)
    problems: list[pd.DataFrame] = []
    rows = 0
    with replacing(path, binary=True) as file, ExitStack() as stack:
        writer = None
        for table in tables:
            if path.suffix == ".parquet":
                content = pa.Table.from_pandas(table, preserve_index=False)
                if writer is None:
                    writer = stack.enter_context(pq.ParquetWriter(file, content.schema))
                writer.write_table(content)
            else:
                text = table.to_csv(index=False, header=rows == 0, float_format="%.6g")
                file.write(text.encode())
            rows += len(table)
            problems.append(table.loc[table["problem"] != "", ["id", "problem"]])
        unread = pd.concat(problems, ignore_index=True)
        if len(unread) == rows:
            first = unread.iloc[0]
            raise RequestError(
                f"none of {rows:,} pictures could be read; {first['id']}: {first['problem']}"
            )
    return unread


def check_table_path(path: Path) -> None:
    """RequestError unless the path names a kind of table that can be written."""
    if path.suffix not in (".csv", ".parquet"):
        raise RequestError(f"--out {path}: expected a name ending in .csv or .parquet")
