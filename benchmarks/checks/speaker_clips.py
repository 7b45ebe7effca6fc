"""Speakers of too few clips, where features are normalized per speaker."""

from collections import Counter

from benchmarks.checks._check_result import CheckResult, report_failure, report_not_applicable, report_pass
from benchmarks.checks._examples import TEST, Examples, build_evaluation
from benchmarks.evaluation.evaluation import Evaluation
from featurestore.manifest import map_column
from featurestore.normalization import SPEAKER

__all__ = ["check", "examples"]

# the standard deviation of n normal values is off by about 1 / sqrt(2 (n - 1)): by 35 % for 5
MINIMUM = 5


def check(evaluation: Evaluation) -> CheckResult:
    """Fail where features are normalized per speaker and a speaker has too few clips for a mean and a spread."""
    if not any(system.record.normalize == SPEAKER for system in evaluation.systems):
        return report_not_applicable("no features are normalized per speaker")
    speaker = map_column(evaluation.utterances, "speaker")
    few: dict[str, int] = {}
    for fold in evaluation.folds:
        counts = Counter(speaker[utterance_id] for utterance_id in (*fold.train, *fold.dev, *fold.test))
        few |= {name: min(clips, few.get(name, clips)) for name, clips in counts.items() if clips < MINIMUM}
    if few:
        name, clips = min(few.items(), key=lambda item: (item[1], item[0]))
        return report_failure(
            f"{len(few)} speakers have fewer than {MINIMUM} clips in a fold, {name} has {clips}",
            meaning="their mean and spread are unreliable, and a single clip becomes zeros",
            do="--normalize global, which needs no speakers",
        )
    return report_pass(f"every speaker has {MINIMUM} clips or more in every fold")


def examples() -> Examples:
    """Build an evaluation for each outcome."""
    first = TEST[0]
    return Examples(
        passed=build_evaluation(normalize=SPEAKER),
        failed=build_evaluation(
            normalize=SPEAKER, speaker=lambda utterance_id: "one clip" if utterance_id == first else "many clips"
        ),
        not_applicable=build_evaluation(speaker=str),
    )
