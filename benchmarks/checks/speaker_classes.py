"""Whether the speakers that are normalised by have several classes each."""

from benchmarks.checks._finding import Finding, failed, not_applicable, passed
from benchmarks.evaluation.evaluation import Evaluation
from benchmarks.evaluation.guards import count_one_class_speakers
from featurestore.normalization import SPEAKER

__all__ = ["check"]


def check(results: Evaluation) -> Finding:
    """Fail where a figure is normalised per speaker, and test speakers have one class: it is taken away with the mean.

    What counts as one class: `benchmarks.evaluation.guards.DOMINANT`.
    """
    if not any(system.record.normalize == SPEAKER for system in results.systems):
        return not_applicable("nothing is normalised per speaker")
    speakers = {row.id: row.speaker for row in results.utterances}
    found = count_one_class_speakers(results.folds, results.about["classes"], speakers)
    if found.tested:
        return failed(
            f"{found}: normalised per speaker, these lose the class itself; --normalize none or global keeps it"
        )
    return passed(f"each of {found.known} test speakers has several classes")
