"""What an interval resamples: speakers where they are known, else dialogues, else single utterances."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from featurestore.manifest import Utterance

_COLUMNS = ("speaker", "dialogue")  # the widest first


@dataclass(frozen=True)
class Clusters:
    """The cluster of each utterance, and what it is.

    Args:
        over: `speakers`, `dialogues` or `utterances`.
        of: by id; empty where single utterances are resampled.
        note: what a reader of the intervals must know; empty where there is nothing.
    """

    over: str
    of: Mapping[str, str]
    note: str = ""

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
        return Clusters("utterances", {}, _of_one(single))
    column = min(usable, key=lambda column: 2 * unnamed[column] > len(rows))  # the first of equals
    alone = unnamed[column]
    note = f"{alone} of {len(rows)} tested utterances name no {column} and are resampled one by one" if alone else ""
    wider = [other for other in single if _COLUMNS.index(other) < _COLUMNS.index(column)]
    return Clusters(f"{column}s", of[column], "; ".join(filter(None, (note, _of_one(wider)))))


def _of_one(columns: Sequence[str]) -> str:
    if not columns:
        return ""
    what = " and one ".join(columns)
    return f"all tested utterances are of one {what}: the intervals do not say how figures differ between {columns[0]}s"
