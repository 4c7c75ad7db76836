"""A worker process of a survey: `python -m hubblefork.prediction.survey.worker DIR DEVICE THREADS`.

It reads the numbers of shards from stdin, and writes to stdout one line of JSON for each event:
{"ready": true} once it can begin, {"rows": n} when n more rows are predicted, and what `attempt`
says of a shard. It ends with its parent, however that ends.
"""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import torch

from hubblefork.core.errors import RequestError
from hubblefork.core.progress import be_silent
from hubblefork.data.images.blocks import leave_with
from hubblefork.prediction.survey.one_shard import BUSY_WAIT, attempt, load
from hubblefork.prediction.survey.plan import Survey
from hubblefork.prediction.survey.watchdog import watched


def main(folder: str, device: str, threads: str) -> None:
    """Do the shards whose numbers come on stdin."""
    leave_with(os.getppid())
    be_silent()
    events = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)  # what anything else prints does not come among the events

    def tell(**event: Any) -> None:
        events.write(json.dumps(event) + "\n")

    torch.set_num_threads(int(threads))
    survey = Survey.open(Path(folder))
    try:
        with watched():
            predictor = load(survey, device)
    except RequestError as error:
        tell(refused=str(error))
        return
    tell(ready=True)
    for line in sys.stdin:
        shard = int(line)
        outcome = attempt(survey, predictor, shard, int(threads), lambda rows: tell(rows=rows))
        if "busy" in outcome:
            time.sleep(BUSY_WAIT)
        tell(**outcome)


if __name__ == "__main__":
    main(*sys.argv[1:])
