"""Leave-one-group-out over a column of the manifest: what the session and the speaker protocol share."""

import re
from collections.abc import Mapping, Sequence

from benchmarks.folds import Fold
from featurestore.errors import Mismatch
from featurestore.manifest import Utterance


def leave_one_out(column: str, utterances: Sequence[Utterance], classes: Mapping[str, str]) -> list[Fold]:
    """One fold per value of a column, named after it, in natural order ("2" before "10"); ids in manifest order.

    Raises:
        Mismatch: an utterance has no value there, or all have the same.
    """
    groups = {utterance.id: getattr(utterance, column) for utterance in utterances if utterance.id in classes}
    _check(column, groups)
    return [
        Fold(
            name=value,
            train=tuple(name for name, group in groups.items() if group != value),
            test=tuple(name for name, group in groups.items() if group == value),
        )
        for value in sorted(set(groups.values()), key=_natural)
    ]


def _check(column: str, groups: Mapping[str, str]) -> None:
    do = f"fill the column {column} of the manifest, or take another protocol: cli list protocols"
    missing = [name for name, group in groups.items() if not group]
    if missing:
        raise Mismatch(
            f"{len(missing)} of {len(groups)} utterances have no {column}, {missing[0]} among them",
            expected=f"a {column} for every utterance that the label scheme keeps",
            do=do,
        )
    if len(set(groups.values())) < 2:
        only = ", ".join(set(groups.values())) or "none"
        raise Mismatch(f"leaving one {column} out needs at least two", got=only, do=do)


def _natural(text: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"([0-9]+)", text) if part]
