"""One fold per session: tests on it, trains on the others."""

from collections.abc import Mapping, Sequence

from featurestore.folds.fold import Fold
from featurestore.manifest import Utterance
from featurestore.protocols._groups import column_of, leave_one_out

__all__ = ["SPEAKER_INDEPENDENT", "folds", "groups"]

SPEAKER_INDEPENDENT = True


def folds(utterances: Sequence[Utterance], classes: Mapping[str, str], seed: int) -> list[Fold]:
    """One fold per session, named after it, in natural order; nothing is drawn."""
    return leave_one_out("session", utterances, classes)


def groups(utterances: Sequence[Utterance]) -> dict[str, str]:
    """A session stays together."""
    return column_of("session", utterances)
