"""The file that makes a folder a survey, looked for before anything that takes long is imported."""

from pathlib import Path

from hubblefork.core.errors import RequestError

PLAN_FILE = "plan.json"


def require_plan(folder: Path) -> None:
    """RequestError where a folder has no plan."""
    if not (folder / PLAN_FILE).is_file():
        raise RequestError(
            f"{folder} is not a survey: it has no {PLAN_FILE}; hubblefork survey plan makes one"
        )
