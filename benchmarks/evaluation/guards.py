"""Guard against figures that mislead: leakage of test utterances, and normalization that removes the class."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.evaluation.fold_features import FoldFeatures
from benchmarks.evaluation.source import FeatureSource
from featurestore.errors import Leakage, Mismatch
from featurestore.folds.fold import Fold
from featurestore.normalization import SPEAKER

# by fold and encoder, the ids that the encoder was fine-tuned on, and how each was recognized (`Exposure.known`)
Overlaps = Mapping[str, Mapping[str, Mapping[str, str]]]

_REMEDIES = {
    "id": "take the protocol and the fold that the encoder was fine-tuned on (--protocol, --fold), or fine-tune one "
    "per fold (cli finetune --all-folds, cli extract --all-folds); if different utterances have the same ids, "
    "rename them",
    "clip": "remove one copy of each such clip from the corpus, or fine-tune the encoder again with both in training",
    "text": "these texts match training utterances whose recorded ids are not in this store: if they are different "
    "utterances, leave them out, or fine-tune the encoder again on a table with a column id",
    "card": "the card of its checkpoint names this corpus (cli list checkpoints): use a checkpoint of other data, or "
    "test a partition that it was not trained on",
}
_ALLOW = "or evaluate anyway and mark every figure: --allow-leakage"
_KNOWN_BY = {
    "id": "by id",
    "clip": "by the same clip",
    "text": "by the same text",
    "card": "by the card of its checkpoint",
}

# The mean of a speaker with 9 of 10 utterances in one class is nearly that class's mean. Subtracting it removes the
# class.
DOMINANT = 0.9
# If half of the test utterances are affected, a figure shows what normalization removed, not what the head learned.
MOST = 0.5


@dataclass(frozen=True)
class OneClassSpeakers:
    """Counts of test speakers with one class, and of their utterances.

    Args:
        speakers: test speakers with at least `DOMINANT` of their utterances in one class, in some fold.
        known: all test speakers.
        tested: test utterances of `speakers`.
        n: all test utterances.
        unit: `class`, or what stands in for it where values are predicted.
    """

    speakers: int
    known: int
    tested: int
    n: int
    unit: str = "class"

    def __str__(self) -> str:
        """Return both counts in words."""
        return (
            f"{self.speakers} of {self.known} test speakers have at least {100 * DOMINANT:.0f} % of their utterances "
            f"in one {self.unit}, {self.tested} of {self.n} test utterances in all"
        )


def find_overlaps(store: FeatureSource, folds: Sequence[Fold], features: Sequence[FoldFeatures]) -> Overlaps:
    """Find the utterances that every encoder of each fold was fine-tuned on."""
    return {
        fold.name: {encoder: store.exposure(encoder).known for encoder in one.all_encoders}
        for fold, one in zip(folds, features, strict=True)
    }


def check_leakage(folds: Sequence[Fold], overlaps: Overlaps, *, allow: bool = False) -> dict[str, str]:
    """Check that no test utterance was used to fine-tune an encoder.

    Args:
        folds: their test parts are compared with every encoder.
        overlaps: what `find_overlaps` returned.
        allow: describe leaks instead of raising.

    Returns:
        For each fold that leaks, a line to show with its figures. Other folds are not in it.

    Raises:
        Leakage: something leaks, and `allow` is false.
    """
    leaks = {fold.name: _describe_leaks(fold, overlaps[fold.name]) for fold in folds}
    leaks = {name: lines for name, lines in leaks.items() if lines}
    if leaks and not allow:
        (first, *others) = [line for lines in leaks.values() for line in lines]
        raise Leakage(
            first,
            expected="test utterances that no encoder has seen",
            got=f"{len(others)} more such cases" if others else "",
            do=_suggest_remedies(folds, overlaps),
        )
    return {name: "; ".join(lines) for name, lines in leaks.items()}


def count_one_class_speakers(
    folds: Sequence[Fold], classes: Mapping[str, str], speakers: Mapping[str, str], targets: Sequence[str] = ()
) -> OneClassSpeakers:
    """Count the test speakers that have one class in their fold, and their test utterances.

    Args:
        folds: a speaker's mean is computed over all parts of a fold.
        classes: by id.
        speakers: by id. An utterance without a speaker is never counted.
        targets: names of the values that are predicted; `classes` are then quarters of the first.
    """
    one_class, known, tested = set(), set(), 0
    for fold in folds:
        alone = _find_one_class((*fold.train, *fold.dev, *fold.test), classes, speakers)
        names = [speakers.get(utterance_id, "") for utterance_id in fold.test]
        known |= {name for name in names if name}
        one_class |= alone.intersection(names)
        tested += sum(name in alone for name in names)
    unit = f"quarter of {targets[0]}" if targets else "class"
    return OneClassSpeakers(len(one_class), len(known), tested, sum(len(fold.test) for fold in folds), unit)


def check_speaker_normalization(
    normalizations: Iterable[str],
    folds: Sequence[Fold],
    classes: Mapping[str, str],
    speakers: Mapping[str, str],
    *,
    allow: bool = False,
    targets: Sequence[str] = (),
) -> None:
    """Check that normalization per speaker does not remove the class, or the value.

    Args:
        normalizations: only `speaker` among them is checked.
        folds, classes, speakers, targets: as `count_one_class_speakers` takes them.
        allow: do not raise. The check `speaker-classes` fails nevertheless.

    Raises:
        Mismatch: at least half of the test utterances are of speakers with one class.
    """
    if allow or SPEAKER not in normalizations:
        return
    found = count_one_class_speakers(folds, classes, speakers, targets)
    if found.tested and found.tested >= MOST * found.n:
        raise Mismatch(
            f"normalization per speaker removes the {'value' if targets else 'class'} of most utterances",
            expected=f"speakers with several {'quarters' if targets else 'classes'} each",
            got=str(found),
            do="--normalize global or none; --allow-degenerate runs it, and the check speaker-classes fails",
        )


def _describe_leaks(fold: Fold, overlaps: Mapping[str, Mapping[str, str]]) -> list[str]:
    seen = {
        encoder: [known[utterance_id] for utterance_id in fold.test if utterance_id in known]
        for encoder, known in overlaps.items()
    }
    return [
        f"encoder {encoder} was fine-tuned on {len(ways)} of the {len(fold.test)} test utterances of fold {fold.name}"
        f"{_describe_ways(ways)}"
        for encoder, ways in seen.items()
        if ways
    ]


def _describe_ways(ways: Sequence[str]) -> str:
    """Describe how the utterances were recognized, unless all were recognized by id."""
    counts = Counter(ways)
    if not set(counts) - {"id"}:
        return ""
    return f" ({', '.join(f'{count} known {_KNOWN_BY[way]}' for way, count in sorted(counts.items()))})"


def _suggest_remedies(folds: Sequence[Fold], overlaps: Overlaps) -> str:
    """List what to do, by how the test utterances were recognized."""
    ways = {
        known[utterance_id]
        for fold in folds
        for known in overlaps[fold.name].values()
        for utterance_id in fold.test
        if utterance_id in known
    }
    return "; ".join([*(_REMEDIES[way] for way in _REMEDIES if way in ways), _ALLOW])


def _find_one_class(ids: Iterable[str], classes: Mapping[str, str], speakers: Mapping[str, str]) -> set[str]:
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for utterance_id in ids:
        if speakers.get(utterance_id):
            counts[speakers[utterance_id]][classes[utterance_id]] += 1
    return {name for name, found in counts.items() if max(found.values()) >= DOMINANT * found.total()}
