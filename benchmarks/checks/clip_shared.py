"""Whether a clip is tested that stands in training under another id."""

from benchmarks.checks._finding import Finding, failed, not_applicable, passed
from benchmarks.grid.results import Results
from featurestore.folds.fold import Fold

__all__ = ["check"]


def check(results: Results) -> Finding:
    """Fail where the clip of a test utterance holds the samples of a training utterance, in whatever container."""
    if "same_clips" not in results.about:
        return not_applicable("not recorded by this benchmark: run it again")
    groups = results.about["same_clips"]
    if groups is None:
        return not_applicable("no feature is of audio, or its file does not record the samples: run cli extract again")
    tested = sum(len(fold.test) for fold in results.folds)
    shared = [name for fold in results.folds for name in _shared(fold, groups)]
    if shared:
        return failed(
            f"the clips of {len(shared)} of {tested} test utterances are in training under other ids, sample for "
            f"sample: {shared[0]}{' and others' if len(shared) > 1 else ''}; leave one of each out of the corpus"
        )
    return passed(f"no clip of {tested} test utterances is in training under another id")


def _shared(fold: Fold, groups: list[list[str]]) -> list[str]:
    learned, tested = {*fold.train, *fold.dev}, set(fold.test)
    return [name for group in groups if learned.intersection(group) for name in group if name in tested]
