"""What an interval resamples: speakers where they are known, else dialogues, else single utterances."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.statistics.bootstrap import effective_of, is_few
from featurestore.manifest import Utterance

_COLUMNS = ("speaker", "dialogue")  # the widest first


@dataclass(frozen=True)
class Clusters:
    """The cluster of each utterance, and what it is.

    Args:
        over: `speakers`, `dialogues` or `utterances`.
        of: by id; empty where single utterances are resampled.
        note: what a reader of the intervals must know; empty where there is nothing.
        count: how many there are.
        few: that nothing can be shown, and why, where there are too few of them (`bootstrap.is_few`); else empty.
    """

    over: str
    of: Mapping[str, str]
    note: str = ""
    count: int = 0
    few: str = ""

    def named(self, ids: Iterable[str]) -> list[str] | None:
        """The cluster of each id; None where single utterances are resampled."""
        return [self.of[name] for name in ids] if self.of else None


def choose(utterances: Iterable[Utterance]) -> Clusters:
    """Speakers where at least two are known, else dialogues, else single utterances.

    Utterances of one speaker, and of one dialogue, are alike, and an interval that takes them for independent is too
    narrow. An utterance without a name is a cluster of its own; dialogues go first where most name no speaker.

    >>> choose([Utterance(f"u{n}", speaker=f"S{n % 2}", dialogue=f"D{n % 6}") for n in range(12)]).over
    'speakers'
    """
    rows = list(utterances)
    unnamed = {column: sum(not getattr(row, column) for row in rows) for column in _COLUMNS}
    of = {column: {row.id: getattr(row, column) or f"utterance {row.id}" for row in rows} for column in _COLUMNS}
    single = [column for column in _COLUMNS if not unnamed[column] and len(set(of[column].values())) == 1]
    usable = [column for column in _COLUMNS if unnamed[column] < len(rows) and column not in single]
    if not usable:
        return _clusters("utterances", {}, dict.fromkeys((row.id for row in rows), 1), 0, _of_one(single))
    column = min(usable, key=lambda column: 2 * unnamed[column] > len(rows))  # the first of equals
    alone = unnamed[column]
    note = f"{alone} of {len(rows)} tested utterances name no {column} and are resampled one by one" if alone else ""
    wider = [other for other in single if _COLUMNS.index(other) < _COLUMNS.index(column)]
    return _clusters(f"{column}s", of[column], Counter(of[column].values()), alone, note, _of_one(wider))


def _clusters(over: str, of: Mapping[str, str], sizes: Mapping[str, int], alone: int, *notes: str) -> Clusters:
    return Clusters(over, of, "; ".join(filter(None, notes)), len(sizes), _few(over, list(sizes.values()), alone))


def _few(over: str, sizes: Sequence[int], alone: int) -> str:
    """That nothing can be shown by clusters of these sizes, `alone` of them single utterances without a name."""
    equal, named = effective_of(sizes), len(sizes) - alone
    if not sizes or not is_few(equal):
        return ""
    if is_few(named):
        return f"only {named} {over} were tested, so nothing can be shown about others"
    return (
        f"the {named} {over} that were tested have so unequal numbers of utterances that they count as {equal:.1f}, so "
        "nothing can be shown about others"
    )


def _of_one(columns: Sequence[str]) -> str:
    if not columns:
        return ""
    what = " and one ".join(columns)
    return f"all tested utterances are of one {what}: the intervals do not say how figures differ between {columns[0]}s"
