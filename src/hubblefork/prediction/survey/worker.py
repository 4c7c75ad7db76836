"""A worker process of a survey: `python -m hubblefork.prediction.survey.worker PARENT`.

It imports what it needs at once. Then it reads from stdin what it is to do, {"survey": folder,
"device": name, "threads": number, "gpu": name}, and the numbers of shards. It writes to stdout one
line of JSON for each event: {"imported": true}, {"ready": true} once it can begin, {"rows": n} when
n more rows are predicted, and what `attempt` says of a shard. It ends with its parent, however that
ends; PARENT is the number of that process.
"""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from hubblefork.core.progress import be_silent
from hubblefork.data.images.blocks import leave_with


def main(parent: str) -> None:
    """Do the shards whose numbers come on stdin."""
    leave_with(int(parent))
    be_silent()
    events = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)  # what anything else prints does not come among the events

    def tell(**event: Any) -> None:
        events.write(json.dumps(event) + "\n")

    import torch

    from hubblefork.core.errors import RequestError
    from hubblefork.prediction.survey.one_shard import BUSY_WAIT, attempt, load
    from hubblefork.prediction.survey.plan import Survey
    from hubblefork.prediction.survey.watchdog import watched

    tell(imported=True)
    if not (told := sys.stdin.readline()):
        return  # there was nothing to do
    task = json.loads(told)
    if "gpu" in task:  # torch looks at GPUs when the first is used
        os.environ["CUDA_VISIBLE_DEVICES"] = task["gpu"]
    threads = int(task["threads"])
    torch.set_num_threads(threads)
    survey = Survey.open(Path(task["survey"]))
    try:
        with watched():
            predictor = load(survey, task["device"])
    except RequestError as error:
        tell(refused=str(error))
        return
    tell(ready=True)
    for line in sys.stdin:
        shard = int(line)
        outcome = attempt(survey, predictor, shard, threads, lambda rows: tell(rows=rows))
        if "busy" in outcome:
            time.sleep(BUSY_WAIT)
        tell(**outcome)


if __name__ == "__main__":
    main(*sys.argv[1:])
