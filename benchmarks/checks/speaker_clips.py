"""Whether the speakers that are normalised by have clips enough for a mean and a spread of their own."""

from collections import Counter

from benchmarks.checks._finding import Finding, failed, not_applicable, passed
from benchmarks.evaluation.evaluation import Evaluation
from featurestore.normalization import SPEAKER

__all__ = ["check"]

# The standard deviation of n normal values is off by about 1 / sqrt(2 (n - 1)): by 35 % for 5.
LEAST = 5


def check(results: Evaluation) -> Finding:
    """Fail where a figure is normalised per speaker, and a speaker has few clips; of a single one nothing is left."""
    if not any(system.record.normalize == SPEAKER for system in results.systems):
        return not_applicable("nothing is normalised per speaker")
    speaker = {row.id: row.speaker for row in results.utterances}
    few: dict[str, int] = {}
    for fold in results.folds:
        counts = Counter(speaker[name] for name in (*fold.train, *fold.dev, *fold.test))
        few |= {name: min(count, few.get(name, count)) for name, count in counts.items() if count < LEAST}
    if few:
        name, count = min(few.items(), key=lambda item: (item[1], item[0]))
        return failed(
            f"{len(few)} speakers have fewer than {LEAST} clips in a fold, {name} {count}: normalised per speaker, "
            "theirs tell next to nothing, and a single one becomes zeros; --normalize global needs no speakers"
        )
    return passed(f"every speaker has {LEAST} clips or more in every fold")
