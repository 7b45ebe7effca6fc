"""Train on one store, test on another (`--test-store`), on the classes that both have."""

from collections.abc import Mapping, Sequence

from featurestore.errors import Mismatch
from featurestore.folds.fold import Fold
from featurestore.folds.group_folds import group_by
from featurestore.manifest import Utterance, keep_ids, map_column

__all__ = ["SPEAKER_INDEPENDENT", "folds", "groups"]

SPEAKER_INDEPENDENT = True  # speakers of different corpora are different people
TRAINED, TESTED = "trained-store", "tested-store"  # written into the column partition by the pair of stores
PARTITIONS = {"train": TRAINED, "dev": TRAINED, "test": TESTED}


def folds(utterances: Sequence[Utterance], classes: Mapping[str, str], seed: int) -> list[Fold]:
    """Build one fold from the manifest of a pair of stores (`benchmarks.evaluation.pair`).

    The seed is not used.

    Raises:
        Mismatch: there is only one store.
    """
    partition = map_column(keep_ids(utterances, classes), "partition")
    if set(partition.values()) != {TRAINED, TESTED}:
        raise Mismatch(
            "protocol cross-corpus needs two stores",
            do="cli benchmark --store TRAINED --test-store TESTED --protocol cross-corpus",
        )
    train, test = ([one for one, value in partition.items() if value == side] for side in (TRAINED, TESTED))
    return [Fold("cross-corpus", tuple(train), tuple(test))]


def groups(utterances: Sequence[Utterance]) -> dict[str, str]:
    """Group utterances by speaker."""
    return group_by("speaker", utterances)
