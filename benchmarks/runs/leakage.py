"""The leakage guard: no figure on utterances that an encoder was tuned on, unless it says so."""

from collections import Counter
from collections.abc import Mapping, Sequence

from benchmarks.folds.fold import Fold
from benchmarks.runs.inputs import Inputs
from benchmarks.runs.source import Store
from featurestore.errors import Leakage

_WORDS = {"id": "by id", "clip": "by the same clip", "text": "by the same text"}


def check(
    folds: Sequence[Fold], overlaps: Mapping[str, Mapping[str, Mapping[str, str]]], *, allow: bool = False
) -> dict[str, str]:
    """What leaks, by fold: the test utterances that an encoder was tuned on.

    Args:
        folds: their test parts are held against every encoder.
        overlaps: by fold and encoder name, the ids that it was fine-tuned on, and how each is known
            (`featurestore.trained.overlap`).
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
            do="take the protocol and the fold that the encoder was tuned on (--protocol, --fold), or tune one per "
            "fold (cli finetune --all-folds, cli extract --all-folds); where other utterances only have the same "
            "ids or texts, give them ids of their own in a column id; --allow-leakage runs it and marks every figure",
        )
    return {name: "; ".join(lines) for name, lines in leaks.items()}


def overlaps(store: Store, folds: Sequence[Fold], inputs: Sequence[Inputs]) -> dict[str, dict[str, Mapping[str, str]]]:
    """Find what every encoder of each fold was fine-tuned on, as `check` takes it."""
    return {
        fold.name: {encoder: store.overlap(encoder) for encoder in one.every_encoder}
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
