"""The leakage guard: no figure on utterances that an encoder was tuned on, unless it says so."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet

from benchmarks.folds.fold import Fold
from featurestore.errors import Leakage


def check(
    folds: Sequence[Fold], trained_on: Mapping[str, Mapping[str, AbstractSet[str]]], *, allow: bool = False
) -> dict[str, str]:
    """What leaks, by fold: the test utterances that an encoder was tuned on.

    Args:
        folds: their test parts are held against every encoder.
        trained_on: by fold and encoder name, the ids that it was tuned on.
        allow: give the text for each leaking fold instead of refusing.

    Returns:
        For each fold that leaks, a line to put beside its figures; nothing where nothing leaks.

    Raises:
        Leakage: something leaks and is not allowed.
    """
    leaks = {fold.name: _lines(fold, trained_on[fold.name]) for fold in folds}
    leaks = {name: lines for name, lines in leaks.items() if lines}
    if leaks and not allow:
        (first, *others) = [line for lines in leaks.values() for line in lines]
        raise Leakage(
            first,
            expected="test utterances that no encoder has seen",
            got=f"{len(others)} more such cases" if others else "",
            do="take the protocol and the fold that the encoder was tuned on (--protocol, --fold), or tune one per "
            "fold (cli finetune --all-folds, cli extract --all-folds); where utterances of another corpus only have "
            "the same ids, rename those; --allow-leakage runs it and marks every figure",
        )
    return {name: "; ".join(lines) for name, lines in leaks.items()}


def _lines(fold: Fold, trained_on: Mapping[str, AbstractSet[str]]) -> list[str]:
    seen = {encoder: len(ids & set(fold.test)) for encoder, ids in trained_on.items()}
    return [
        f"encoder {encoder} was tuned on {count} of the {len(fold.test)} test utterances of fold {fold.name}"
        for encoder, count in seen.items()
        if count
    ]
