"""The leakage guard: no figure on utterances that an encoder was tuned on, unless it says so."""

from collections import Counter
from collections.abc import Mapping, Sequence

from benchmarks.evaluation.inputs import Inputs
from benchmarks.evaluation.source import Store
from featurestore.errors import Leakage
from featurestore.folds.fold import Fold

_WAYS_OUT = {
    "id": "take the protocol and the fold that the encoder was tuned on (--protocol, --fold), or tune one per fold "
    "(cli finetune --all-folds, cli extract --all-folds); where other utterances only have the same ids, rename those",
    "clip": "leave one of each copy of a clip out of the corpus, or tune the encoder again with both in training",
    "text": "these words are of training utterances that are not here under the ids that they had: where they are "
    "others, leave them out, or tune the encoder again on a table with a column id",
}
_ALLOWED = "--allow-leakage runs it and marks every figure"
_WORDS = {"id": "by id", "clip": "by the same clip", "text": "by the same text"}


def check(
    folds: Sequence[Fold], overlaps: Mapping[str, Mapping[str, Mapping[str, str]]], *, allow: bool = False
) -> dict[str, str]:
    """What leaks, by fold: the test utterances that an encoder was tuned on.

    Args:
        folds: their test parts are held against every encoder.
        overlaps: by fold and encoder name, the ids that it was fine-tuned on, and how each is known
            (`featurestore.exposure.find_exposure`).
        allow: give the text for each leaking fold instead of refusing.

    Returns:
        For each fold that leaks, a line to put beside its figures; nothing where nothing leaks.

    Raises:
        Leakage: something leaks and is not allowed.
    """
    leaks = {fold.name: _lines(fold, overlaps[fold.name]) for fold in folds}
    leaks = {name: lines for name, lines in leaks.items() if lines}
    if leaks and not allow:
        (first, *others) = [line for lines in leaks.values() for line in lines]
        raise Leakage(
            first,
            expected="test utterances that no encoder has seen",
            got=f"{len(others)} more such cases" if others else "",
            do=_way_out(folds, overlaps),
        )
    return {name: "; ".join(lines) for name, lines in leaks.items()}


def _way_out(folds: Sequence[Fold], overlaps: Mapping[str, Mapping[str, Mapping[str, str]]]) -> str:
    """Say what can be done about test utterances that an encoder has seen, by how they are known."""
    ways = {
        known[name] for fold in folds for known in overlaps[fold.name].values() for name in fold.test if name in known
    }
    return "; ".join([*(_WAYS_OUT[way] for way in _WAYS_OUT if way in ways), _ALLOWED])


def overlaps(store: Store, folds: Sequence[Fold], inputs: Sequence[Inputs]) -> dict[str, dict[str, Mapping[str, str]]]:
    """Find what every encoder of each fold was fine-tuned on, as `check` takes it."""
    return {
        fold.name: {encoder: store.exposure(encoder).known for encoder in one.every_encoder}
        for fold, one in zip(folds, inputs, strict=True)
    }


def _lines(fold: Fold, overlaps: Mapping[str, Mapping[str, str]]) -> list[str]:
    seen = {encoder: [known[name] for name in fold.test if name in known] for encoder, known in overlaps.items()}
    return [
        f"encoder {encoder} was tuned on {len(ways)} of the {len(fold.test)} test utterances of fold {fold.name}"
        f"{_known_by(ways)}"
        for encoder, ways in seen.items()
        if ways
    ]


def _known_by(ways: Sequence[str]) -> str:
    """Say by what they are known, where it is not by their ids alone."""
    counts = Counter(ways)
    if not set(counts) - {"id"}:
        return ""
    return f" ({', '.join(f'{count} known {_WORDS[way]}' for way, count in sorted(counts.items()))})"
