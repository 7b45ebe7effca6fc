"""Run the checks of a benchmark on a single fit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks import checks
from benchmarks.checks import CheckResult
from benchmarks.evaluation.evaluation import Evaluation
from benchmarks.evaluation.inputs import Inputs
from benchmarks.evaluation.task import Task
from benchmarks.fitting.result import Prediction
from benchmarks.grid.about import data
from benchmarks.grid.plan import Variant
from benchmarks.statistics.answers import Answers
from featurestore.folds.fold import Fold


@dataclass(frozen=True)
class Setup:
    """How the head was fitted (`benchmarks.evaluation.evaluation.Setup`)."""

    head: str
    features: tuple[str, ...]
    logits: str
    normalize: str


@dataclass(frozen=True)
class _Fit:
    name: str
    card: Setup
    pooled: tuple[Answers, ...]


def findings(
    cut: Task,
    folds: Sequence[Fold],
    inputs: Sequence[Inputs],
    dropped: Mapping[str, str],
    setup: Setup,
    predictions: Sequence[Prediction],
    tune: int = 0,
) -> tuple[CheckResult, ...]:
    """Every check's answer about one head.

    Args:
        cut: the utterances with a class.
        folds: without those that lack a feature.
        inputs: what each fold reads.
        dropped: the utterances that lack a feature, and why.
        setup: how the head was fitted.
        predictions: of every test utterance.
        tune: how many settings were searched through; 0 where none were.
    """
    about = data(cut, folds, [Variant("", tuple(inputs), setup.logits)], dropped) | {"tune": tune}
    kept = {name for fold in folds for name in (*fold.train, *fold.dev, *fold.test, *fold.unused)}
    rows = tuple(row for row in cut.store.utterances if row.id in kept)
    name = f"{setup.head} on {', '.join(setup.features)}"
    fit = _Fit(name, setup, (_answers(predictions),))
    return tuple(checks.run_checks(Evaluation(about, tuple(folds), rows, (fit,))))


def _answers(predictions: Sequence[Prediction]) -> Answers:
    rows = sorted(predictions, key=lambda row: row.id)
    truth, prediction = [row.truth for row in rows], [row.prediction for row in rows]
    return Answers(truth, prediction, sorted({*truth, *prediction}))
