"""The corpus's own partitions: train on `train` and test on each `test`, or test each `fold` in turn."""

from collections.abc import Mapping, Sequence

from featurestore.errors import Mismatch
from featurestore.folds.fold import Fold
from featurestore.folds.group_folds import group_by, leave_one_group_out, require_column
from featurestore.manifest import Utterance

__all__ = ["SPEAKER_INDEPENDENT", "folds", "groups"]

SPEAKER_INDEPENDENT = False  # depends on the corpus
PARTIAL = True  # training and dev utterances are never tested
_DEV = ("dev", "val")  # prefixes of dev partitions: dev, development, valid, validation


def folds(utterances: Sequence[Utterance], classes: Mapping[str, str], seed: int) -> list[Fold]:
    """Build one fold per partition whose name begins with `test`, named after it, with settings chosen on `dev`.

    Where all names begin with `fold`, build one that tests each and trains on the others. The seed is not used.

    Raises:
        Mismatch: an utterance has no partition, a partition has an unknown name, or training or test is missing.
    """
    partition = {one: value.lower() for one, value in require_column("partition", utterances, classes).items()}
    names = set(partition.values())
    if all(name.startswith("fold") for name in names):
        return leave_one_group_out("fold", partition)
    has_unknown = any(not name.startswith(("train", "test", *_DEV)) for name in names)
    tests = sorted(name for name in names if name.startswith("test"))
    if has_unknown or not tests or not any(name.startswith("train") for name in names):
        raise Mismatch(
            "the column partition of the manifest does not hold training, dev and test",
            expected="names that begin with train, dev or val, test; or all with fold",
            got=", ".join(sorted(names)),
            do="use another protocol: cli list protocols",
        )
    train, dev = _select(partition, ("train",)), _select(partition, _DEV)
    return [Fold(test, train, tuple(one for one, value in partition.items() if value == test), dev) for test in tests]


def groups(utterances: Sequence[Utterance]) -> dict[str, str]:
    """Group utterances by speaker."""
    return group_by("speaker", utterances)


def _select(partition: Mapping[str, str], prefixes: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(utterance_id for utterance_id, value in partition.items() if value.startswith(prefixes))
