"""Speakers of one class: normalised by such a speaker's mean, an utterance loses the class itself."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.evaluation.normalize import SPEAKER
from featurestore.errors import Mismatch
from featurestore.folds.fold import Fold

# Of a speaker with 9 of 10 utterances in one class, the mean is that class's but for a tenth; taken away, it takes the
# class along just as where all are.
DOMINANT = 0.9
# With half of the test utterances or more, the figure is of what normalisation took away, not of the head.
MOST = 0.5


@dataclass(frozen=True)
class OneClass:
    """How much of a test part is of speakers of one class.

    Args:
        speakers: test speakers with `DOMINANT` or more of a fold's utterances in one class.
        known: all test speakers.
        tested: test utterances of the former.
        n: all test utterances.
    """

    speakers: int
    known: int
    tested: int
    n: int

    def __str__(self) -> str:
        """Both counts in words."""
        return (
            f"{self.speakers} of {self.known} test speakers have one class alone (or all but a tenth of it), and so "
            f"{self.tested} of {self.n} test utterances"
        )


def count(folds: Sequence[Fold], classes: Mapping[str, str], speakers: Mapping[str, str]) -> OneClass:
    """Count the test speakers that have one class in their fold, and their test utterances.

    Args:
        folds: over all parts of one a speaker's mean is taken.
        classes: by id.
        speakers: by id; an utterance whose speaker is not known counts as one of several classes.
    """
    found, known, tested = set(), set(), 0
    for fold in folds:
        alone = _alone((*fold.train, *fold.dev, *fold.test), classes, speakers)
        names = [speakers.get(utterance_id, "") for utterance_id in fold.test]
        known |= {name for name in names if name}
        found |= alone.intersection(names)
        tested += sum(name in alone for name in names)
    return OneClass(len(found), len(known), tested, sum(len(fold.test) for fold in folds))


def check(
    ways: Iterable[str],
    folds: Sequence[Fold],
    classes: Mapping[str, str],
    speakers: Mapping[str, str],
    *,
    allow: bool = False,
) -> None:
    """Check that normalisation per speaker leaves something to tell classes by.

    Args:
        ways: the normalisations asked for; only `speaker` is checked.
        folds, classes, speakers: as `count` takes them.
        allow: do not refuse; the check `speaker-classes` fails all the same.

    Raises:
        Mismatch: half of the test utterances or more are of speakers of one class.
    """
    if allow or SPEAKER not in ways:
        return
    found = count(folds, classes, speakers)
    if found.tested and found.tested >= MOST * found.n:
        raise Mismatch(
            "normalised per speaker, most utterances lose the class itself",
            expected="speakers with several classes each",
            got=str(found),
            do="--normalize global or none; --allow-degenerate runs it all the same, and the check speaker-classes "
            "says so",
        )


def _alone(ids: Iterable[str], classes: Mapping[str, str], speakers: Mapping[str, str]) -> set[str]:
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for utterance_id in ids:
        if speakers.get(utterance_id):
            counts[speakers[utterance_id]][classes[utterance_id]] += 1
    return {name for name, found in counts.items() if max(found.values()) >= DOMINANT * found.total()}
