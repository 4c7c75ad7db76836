"""The keys of `metrics.json`, format 1. Later formats may add keys; none changes its meaning.

Further keys are those of metrics that were registered by `register_metric`: numbers.

>>> sorted(VoteMetrics.model_json_schema()["required"])[:5]
['format', 'intervals', 'mae', 'n', 'per_answer']
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

Fraction = Annotated[float, Field(ge=0, le=1)]
NotNegative = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=0)]
# 95 %, from low to high.
Interval = tuple[float, float]


class _Keys(BaseModel):
    model_config = ConfigDict(extra="forbid", defer_build=True)


class Cost(_Keys):
    """What the model cost: of the training, as far as a run folder tells."""

    parameters: Count
    epochs: Count | None = None
    seconds: NotNegative | None = None


class BinFigures(_Keys):
    """The score of n images whose number is from low to high."""

    low: float
    high: float
    n: Count
    value: NotNegative
    interval: Interval


class Against(_Keys):
    """The score in bins of a column of the catalogue. unknown: images without a number."""

    column: str
    bins: list[BinFigures]
    unknown: Count


class _Metrics(_Keys):
    """format: 1. source: of the images. n: how many were tested. against: see `score_against`.

    Only in an evaluation: dataset, the key of the packed images; cost; learnt, how many of the
    images the model was trained on, None where that is not known; learnt_by, in which way they were
    found: `runs.leakage.find_learnt`.
    """

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, float]

    format: Literal[1]
    source: str
    n: Count
    against: list[Against] = []
    dataset: str | None = None
    cost: Cost | None = None
    learnt: Count | None = None
    learnt_by: dict[str, Count] = {}


class ClassTask(_Keys):
    """The names of the classes, in the order of the outputs."""

    kind: Literal["classes"]
    names: list[str]


class ClassScores(_Keys):
    """Of one class; None where there is nothing to divide by. support: its test images.

    intervals: of precision, recall and f1.
    """

    precision: Fraction | None
    recall: Fraction | None
    f1: Fraction | None
    support: Count
    intervals: dict[str, Interval | None] = {}


class CalibrationFigures(_Keys):
    """What calibration on the validation set did.

    error_before, brier_before: without it. error_by_chance: of perfectly calibrated probabilities.
    """

    temperature: NotNegative
    exponent: float
    error_before: Fraction
    brier_before: NotNegative
    error_by_chance: Fraction


class Coverage(_Keys):
    """How often the true class is in the prediction set; None for a class without images."""

    coverage: Fraction | None
    interval: Interval | None


class SetFigures(Coverage):
    """mean_size: classes of a set. single: fraction of sets with one class."""

    mean_size: NotNegative
    single: Fraction
    per_class: dict[str, Coverage]


class ClassMetrics(_Metrics):
    """Of a model of classes: see `measure_classes`.

    calibration, prediction_sets (by the requested coverage): None without a validation set.
    """

    task: ClassTask
    classes: list[str]
    accuracy: Fraction
    balanced_accuracy: Fraction
    macro_f1: Fraction
    matthews: Annotated[float, Field(ge=-1, le=1)]
    log_loss: NotNegative
    brier: NotNegative
    expected_calibration_error: Fraction
    per_class: dict[str, ClassScores]
    confusion_matrix: list[list[Count]]
    intervals: dict[str, Interval]
    calibration: CalibrationFigures | None
    prediction_sets: dict[str, SetFigures] | None


class VoteTask(_Keys):
    """tree: the name of a decision tree that comes with hubblefork, or all of another one."""

    kind: Literal["votes"]
    tree: str | dict[str, Any]


class _Errors(_Keys):
    text: str
    rmse: NotNegative
    mae: NotNegative


class QuestionErrors(_Errors):
    """Over the answers to one question. interval: of the RMSE."""

    interval: Interval | None = None


class AnswerErrors(_Errors):
    """Of one answer. bias: mean of predicted minus true."""

    bias: float


class VoteMetrics(_Metrics):
    """Of a model of votes: see `measure_votes`."""

    task: VoteTask
    rmse: NotNegative
    mae: NotNegative
    per_question: dict[str, QuestionErrors]
    per_answer: dict[str, AnswerErrors]
    intervals: dict[str, Interval]


# Reads and checks either: METRICS.validate_python(...), METRICS.json_schema().
METRICS: TypeAdapter[ClassMetrics | VoteMetrics] = TypeAdapter(
    ClassMetrics | VoteMetrics, config=ConfigDict(defer_build=True)
)
