"""Define the types of the content of a report of values, as `results.json` has it.

Correlations are in -1..1, errors on the scale of the corpus. `leaked` is in every entry whose figures rest on a leaked
system.
"""

from typing import Literal, NotRequired, TypedDict

from benchmarks.report.analysis.content_types import PageContent


class CellsContent(TypedDict):
    """How many utterances are in each cell of a square grid: `[column, row, count]`, from 0, of cells that have any.

    `x` and `y` are the ends of the axes. The grid has `bins` columns and rows.
    """

    x: list[float]
    y: list[float]
    bins: int
    counts: list[list[int]]


class TargetContent(TypedDict):
    """The predictions of one target by one system, with its first seed.

    `scatter` counts the truth (x) and the prediction (y), `residual` the prediction (x) and the prediction minus the
    truth (y). `trend` has the mean of both in groups of equal size, in order of the prediction.
    """

    truth_mean: float
    truth_sd: float
    prediction_mean: float
    prediction_sd: float
    scatter: CellsContent
    residual: CellsContent
    trend: list[list[float]]


class SystemPredictionsContent(TypedDict):
    """The predictions of one system by target."""

    targets: dict[str, TargetContent]
    leaked: NotRequired[Literal[True]]


class ErrorContent(TypedDict):
    """An utterance whose value is predicted badly; `deviations` is the error over the target's standard deviation."""

    id: str
    text: str
    target: str
    truth: float
    prediction: float
    deviations: float


class ErrorsContent(TypedDict):
    """The largest errors of a system, the mean prediction over seeds."""

    system: str
    rows: list[ErrorContent]
    leaked: NotRequired[Literal[True]]


class ValueReportContent(PageContent):
    """Everything that a report of values shows. `strata` says what balances a split in place of classes."""

    targets: list[str]
    strata: str
    metric: str
    predictions: dict[str, SystemPredictionsContent]
    errors: ErrorsContent
