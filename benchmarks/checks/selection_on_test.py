"""Whether settings were chosen on test utterances."""

from itertools import chain

from benchmarks.checks._finding import Finding, failed, not_applicable, passed
from benchmarks.evaluation.evaluation import Evaluation

__all__ = ["check"]


def check(results: Evaluation) -> Finding:
    """Fail where a search for settings had no dev part, or one that shares utterances with test."""
    if not results.about["tune"]:
        return not_applicable("settings were given, not searched for")
    wrong = [fold.name for fold in results.folds if not fold.dev or {*fold.dev, *chain(*fold.turns)} & set(fold.test)]
    if wrong:
        return failed(f"settings were not chosen on a dev part of their own in folds {', '.join(wrong)}")
    return passed(f"settings were chosen on dev parts that share nothing with test, in {len(results.folds)} folds")
