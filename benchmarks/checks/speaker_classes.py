"""Whether the speakers that are normalised by have several classes each."""

from benchmarks.checks._finding import Finding, failed, not_applicable, passed
from benchmarks.evaluation.evaluation import Evaluation
from benchmarks.evaluation.normalize import SPEAKER
from benchmarks.evaluation.one_class import count

__all__ = ["check"]


def check(results: Evaluation) -> Finding:
    """Fail where a figure is normalised per speaker, and test speakers have one class: it is taken away with the mean.

    What counts as one class: `benchmarks.evaluation.one_class.DOMINANT`.
    """
    if not any(system.card.normalize == SPEAKER for system in results.systems):
        return not_applicable("nothing is normalised per speaker")
    speakers = {row.id: row.speaker for row in results.utterances}
    found = count(results.folds, results.about["classes"], speakers)
    if found.tested:
        return failed(
            f"{found}: normalised per speaker, these lose the class itself; --normalize none or global keeps it"
        )
    return passed(f"each of {found.known} test speakers has several classes")
