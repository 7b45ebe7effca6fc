"""The corpus's own partitions: trains on `train`, keeps `dev` for choosing, tests on each `test` partition."""

from collections.abc import Mapping, Sequence

from featurestore.errors import Mismatch
from featurestore.folds.fold import Fold
from featurestore.manifest import Utterance
from featurestore.protocols._groups import column_of, known

__all__ = ["SPEAKER_INDEPENDENT", "folds", "groups"]

SPEAKER_INDEPENDENT = False  # as the corpus has it
PARTIAL = True  # training and dev utterances are never tested
_DEV = ("dev", "val")  # what the names of dev partitions begin with: dev, development, valid, validation


def folds(utterances: Sequence[Utterance], classes: Mapping[str, str], seed: int) -> list[Fold]:
    """One fold per partition whose name begins with `test`, named after it; nothing is drawn.

    Raises:
        Mismatch: an utterance has no partition, a name that is not understood, or training or test is missing.
    """
    partition = {name: value.lower() for name, value in known("partition", utterances, classes).items()}
    names = set(partition.values())
    strange = sorted(name for name in names if not name.startswith(("train", "test", *_DEV)))
    tests = sorted(name for name in names if name.startswith("test"))
    if strange or not tests or not any(name.startswith("train") for name in names):
        raise Mismatch(
            "the partitions of the manifest are not training, dev and test",
            expected="names that begin with train, dev or val, test",
            got=", ".join(sorted(names)),
            do="take another protocol: cli list protocols",
        )
    train, dev = _of(partition, ("train",)), _of(partition, _DEV)
    return [Fold(test, train, _of(partition, (test,), whole=True), dev) for test in tests]


def groups(utterances: Sequence[Utterance]) -> dict[str, str]:
    """A speaker stays together where a dev part has to be cut."""
    return column_of("speaker", utterances)


def _of(partition: Mapping[str, str], names: tuple[str, ...], whole: bool = False) -> tuple[str, ...]:
    return tuple(name for name, value in partition.items() if value in names or (not whole and value.startswith(names)))
