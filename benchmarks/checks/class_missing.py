"""Whether a class is missing in a part of a fold."""

from benchmarks.checks._finding import Finding, failed, not_applicable, passed
from benchmarks.evaluation.evaluation import Evaluation

__all__ = ["check"]


def check(results: Evaluation) -> Finding:
    """Fail where a fold's part lacks a class: that fold's unweighted figures are over fewer classes."""
    classes = results.about["classes"]
    every = set(classes.values())
    if not every:
        return not_applicable("there are no classes")
    missing = [
        f"{', '.join(sorted(absent))} in {part} of fold {fold.name}"
        for fold in results.folds
        for part in ("train", "dev", "test")
        if getattr(fold, part) and (absent := every - {classes[name] for name in getattr(fold, part)})
    ]
    if missing:
        more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
        return failed(f"missing: {'; '.join(missing[:5])}{more}; {_meaning(len(results.folds))}")
    return passed(f"all {len(every)} classes are in every part of {len(results.folds)} folds")


def _meaning(folds: int) -> str:
    if folds == 1:
        return "unweighted figures are over the classes that are there"
    return "read the pooled figures, not those of single folds: their unweighted ones are over fewer classes"
