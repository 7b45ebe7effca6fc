"""What an interval resamples: speakers where enough are known, else dialogues, else single utterances."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from featurestore.manifest import Utterance

LEAST = 5  # of fewer clusters there are too few different resamples for the ends of a 95 % interval


@dataclass(frozen=True)
class Clusters:
    """The cluster of each utterance, and what it is.

    Args:
        over: `speakers`, `dialogues` or `utterances`.
        of: by id; empty where single utterances are resampled.
    """

    over: str
    of: Mapping[str, str]

    def named(self, ids: Iterable[str]) -> list[str] | None:
        """The cluster of each id; None where single utterances are resampled."""
        return [self.of[name] for name in ids] if self.of else None


def choose(utterances: Iterable[Utterance]) -> Clusters:
    """The widest clusters that are known for every utterance and of which there are at least five.

    Utterances of one speaker, and of one dialogue, are alike, and an interval that takes them for independent is too
    narrow.

    >>> choose([Utterance(f"u{n}", speaker=f"S{n % 2}", dialogue=f"D{n % 6}") for n in range(12)]).over
    'dialogues'
    """
    rows = list(utterances)
    for column in ("speaker", "dialogue"):
        values = {row.id: getattr(row, column) for row in rows}
        if all(values.values()) and len(set(values.values())) >= LEAST:
            return Clusters(f"{column}s", values)
    return Clusters("utterances", {})
