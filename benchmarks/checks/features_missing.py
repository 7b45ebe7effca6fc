"""Whether utterances were left out because they lack a feature."""

from benchmarks.checks._finding import Finding, failed, not_applicable, passed
from benchmarks.evaluation.evaluation import Evaluation

__all__ = ["check"]


def check(results: Evaluation) -> Finding:
    """Fail where the figures are of fewer utterances than the label scheme keeps."""
    dropped, kept = results.about["dropped"], len(results.about["classes"])
    if not kept:
        return not_applicable("there are no utterances")
    if dropped:
        first, reason = next(iter(dropped.items()))
        return failed(
            f"{len(dropped)} utterances lack a feature and are in no figure: {first} ({reason})"
            f"{' and others' if len(dropped) > 1 else ''}"
        )
    return passed("every utterance that the label scheme keeps has every feature")
