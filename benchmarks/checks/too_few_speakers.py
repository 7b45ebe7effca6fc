"""Whether enough speakers are tested to show anything about others."""

from benchmarks.checks._finding import Finding, failed, not_applicable, passed
from benchmarks.evaluation.evaluation import Evaluation

__all__ = ["check"]


def check(results: Evaluation) -> Finding:
    """Fail where fewer than six speakers are tested: however they agree, no test can show it of others.

    Why six: `benchmarks.statistics.bootstrap.is_few`. Where most utterances name no speaker, dialogues stand for them.
    """
    tested = set(results.ids)
    speakers = {row.speaker for row in results.utterances if row.id in tested}
    if not any(speakers):
        return not_applicable("the manifest names no speakers")
    clusters = results.clusters
    if len(speakers) == 1:
        return failed("all tested utterances are of one speaker, so nothing can be shown about others")
    if clusters.few:
        return failed(clusters.few)
    return passed(f"{clusters.count} {clusters.over} were tested")
