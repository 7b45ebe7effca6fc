"""Trains on one store, tests on another (`--test-store`), on the classes that both have."""

from collections.abc import Mapping, Sequence

from featurestore.errors import Mismatch
from featurestore.folds.fold import Fold
from featurestore.manifest import Utterance
from featurestore.protocols._groups import column_of

__all__ = ["SPEAKER_INDEPENDENT", "folds", "groups"]

SPEAKER_INDEPENDENT = True  # a speaker's name belongs to a corpus
TRAINED, TESTED = "trained-store", "tested-store"  # what the pair of stores writes into the column partition


def folds(utterances: Sequence[Utterance], classes: Mapping[str, str], seed: int) -> list[Fold]:
    """One fold; nothing is drawn. `benchmarks.evaluation.pair` makes one store of two.

    Raises:
        Mismatch: there is only one store.
    """
    partition = {row.id: row.partition for row in utterances if row.id in classes}
    if set(partition.values()) != {TRAINED, TESTED}:
        raise Mismatch(
            "protocol cross-corpus needs two stores",
            do="cli benchmark --store TRAINED --test-store TESTED --protocol cross-corpus",
        )
    train, test = ([name for name, value in partition.items() if value == side] for side in (TRAINED, TESTED))
    return [Fold("cross-corpus", tuple(train), tuple(test))]


def groups(utterances: Sequence[Utterance]) -> dict[str, str]:
    """A speaker stays together where a dev part has to be cut."""
    return column_of("speaker", utterances)
