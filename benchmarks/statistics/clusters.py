"""Choose the clusters that intervals resample: speakers where they are known, else dialogues, else utterances."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.statistics.bootstrap import effective_count_of_sizes, is_few
from featurestore.manifest import Utterance, list_column, map_column

_COLUMNS = ("speaker", "dialogue")  # the widest first


@dataclass(frozen=True)
class Clusters:
    """The cluster of each utterance.

    Args:
        over: the kind of cluster: `speakers`, `dialogues` or `utterances`.
        of: cluster by utterance id; empty where single utterances are resampled.
        note: a caveat for readers of the intervals; empty where there is none.
        count: number of clusters.
        few: why no difference can be shown, where there are too few clusters (`bootstrap.is_few`); else empty.
    """

    over: str
    of: Mapping[str, str]
    note: str = ""
    count: int = 0
    few: str = ""

    def for_ids(self, utterance_ids: Iterable[str]) -> list[str] | None:
        """Return the cluster of each utterance id, or None where single utterances are resampled."""
        return [self.of[utterance_id] for utterance_id in utterance_ids] if self.of else None


def choose_clusters(utterances: Iterable[Utterance]) -> Clusters:
    """Choose speakers where at least two are known, else dialogues, else single utterances.

    Utterances of one speaker, and of one dialogue, are alike: an interval that treats them as independent is too
    narrow. An utterance without a cluster name is its own cluster. Dialogues are preferred where most utterances
    name no speaker.

    >>> choose_clusters([Utterance(f"u{n}", speaker=f"S{n % 2}", dialogue=f"D{n % 6}") for n in range(12)]).over
    'speakers'
    """
    rows = utterances if isinstance(utterances, Sequence) else list(utterances)
    names = {column: map_column(rows, column) for column in _COLUMNS}
    unnamed = {column: list(names[column].values()).count("") for column in _COLUMNS}
    of = {column: {one: name or f"utterance {one}" for one, name in names[column].items()} for column in _COLUMNS}
    single = [column for column in _COLUMNS if not unnamed[column] and len(set(of[column].values())) == 1]
    usable = [column for column in _COLUMNS if unnamed[column] < len(rows) and column not in single]
    if not usable:
        return _clusters("utterances", {}, dict.fromkeys(list_column(rows, "id"), 1), 0, _note_single(single))
    column = min(usable, key=lambda column: 2 * unnamed[column] > len(rows))  # the first of equals
    alone = unnamed[column]
    note = f"{alone} of {len(rows)} test utterances name no {column} and are resampled one by one" if alone else ""
    wider = [other for other in single if _COLUMNS.index(other) < _COLUMNS.index(column)]
    return _clusters(f"{column}s", of[column], Counter(of[column].values()), alone, note, _note_single(wider))


def _clusters(over: str, of: Mapping[str, str], sizes: Mapping[str, int], alone: int, *notes: str) -> Clusters:
    note = "; ".join(filter(None, notes))
    return Clusters(over, of, note, len(sizes), _explain_few(over, list(sizes.values()), alone))


def _explain_few(over: str, sizes: Sequence[int], alone: int) -> str:
    """Explain why clusters of these sizes are too few, or an empty string where they are enough.

    Args:
        over: the kind of cluster.
        sizes: utterances of each cluster.
        alone: clusters that are single utterances without a name.
    """
    effective, named = effective_count_of_sizes(sizes), len(sizes) - alone
    if not sizes or not is_few(effective):
        return ""
    if is_few(named):
        return f"only {named} {over} in test, too few to show a difference"
    return (
        f"the {named} {over} in test have very unequal numbers of utterances: their effective number is "
        f"{effective:.1f}, too few to show a difference"
    )


def _note_single(columns: Sequence[str]) -> str:
    if not columns:
        return ""
    what = " and one ".join(columns)
    return f"all test utterances are of one {what}: the intervals do not cover differences between {columns[0]}s"
