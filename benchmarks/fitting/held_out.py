"""List the predictions of test utterances, of classes or of values, and measure them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.evaluation.run import RunResult
from benchmarks.evaluation.run_spec import RunSpec
from benchmarks.statistics.answers import Answers
from benchmarks.statistics.value_answers import ValueAnswers


@dataclass(frozen=True)
class HeldOutPrediction:
    """The prediction of one test utterance, with its fold and its true class."""

    id: str
    fold: str
    truth: str
    prediction: str


@dataclass(frozen=True)
class HeldOutValues:
    """The predicted values of one test utterance, with its fold and its true values, in the order of the targets."""

    id: str
    fold: str
    truth: tuple[float, ...]
    prediction: tuple[float, ...]


HeldOut = HeldOutPrediction | HeldOutValues


def list_held_out(spec: RunSpec, result: RunResult) -> list[HeldOut]:
    """List the predictions of the test part of a run."""
    if spec.targets:
        values = zip(result.utterance_ids, result.values[0].tolist(), strict=True)
        return [HeldOutValues(one, spec.fold.name, spec.ratings[one], tuple(row)) for one, row in values]
    rows = zip(result.utterance_ids, result.answers[0].prediction, strict=True)
    return [HeldOutPrediction(one, spec.fold.name, spec.classes[one], predicted) for one, predicted in rows]


def gather_answers(rows: Sequence[HeldOut], targets: tuple[str, ...]) -> Answers | ValueAnswers:
    """Gather predictions to measure.

    Args:
        rows: of some utterances.
        targets: names of the values; empty for classes.
    """
    if targets:
        return ValueAnswers(np.array([row.truth for row in rows]), np.array([row.prediction for row in rows]), targets)
    truth, prediction = [str(row.truth) for row in rows], [str(row.prediction) for row in rows]
    return Answers(truth, prediction, sorted({*truth, *prediction}))
