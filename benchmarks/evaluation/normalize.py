"""Normalisation before a head: none, over the training part, or within each speaker."""

from collections.abc import Mapping, Sequence

import numpy as np

from featurestore.errors import BadValue, Mismatch
from featurestore.normalization import over

NONE, GLOBAL, SPEAKER = "none", "global", "speaker"
WAYS = (NONE, GLOBAL, SPEAKER)
# stated wherever a figure rests on it
NOTES = {
    NONE: "",
    GLOBAL: "each column brought to mean 0 and standard deviation 1 of the training part",
    SPEAKER: "each column brought to mean 0 and standard deviation 1 within each speaker, test speakers included, "
    "over the speaker's own clips without their labels: legitimate only where the speaker is known",
}


def check_way(way: str) -> None:
    """Checks that this is a way to normalise.

    Raises:
        BadValue: it is none.
    """
    if way not in WAYS:
        raise BadValue(f"{way!r} is no way to normalise", expected=", ".join(WAYS))


def normalize(
    train: np.ndarray, test: np.ndarray, way: str, speakers: tuple[Sequence[str], Sequence[str]]
) -> tuple[np.ndarray, np.ndarray]:
    """Training and test rows (N, D), (M, D), normalised; no label is looked at.

    Args:
        train: rows of the training and dev parts.
        test: rows of the test part.
        way: `none`, `global` or `speaker`.
        speakers: of the training rows and of the test rows; asked for by `speaker` alone.

    Raises:
        Mismatch: `speaker`, and one is not known.
    """
    if way == NONE:
        return train, test
    if way == GLOBAL:
        scaling = over(train)
        return scaling.apply(train), scaling.apply(test)
    names = [*speakers[0], *speakers[1]]
    if not all(names):
        raise Mismatch(
            f"{names.count('')} of {len(names)} utterances have no speaker, and are to be normalised by it",
            do="fill the column speaker of the manifest, or --normalize global",
        )
    both = _by_group(np.concatenate([train, test]), names)
    return both[: len(train)], both[len(train) :]


def known_speakers(speakers: Mapping[str, str], ids: Sequence[str]) -> list[str]:
    """The speaker of each id, empty where it is not known."""
    return [speakers.get(name, "") for name in ids]


def _by_group(X: np.ndarray, names: Sequence[str]) -> np.ndarray:
    _, group = np.unique(np.asarray(names), return_inverse=True)
    out = np.empty_like(X)
    for number in range(int(group.max()) + 1):
        rows = group == number
        out[rows] = over(X[rows]).apply(X[rows])
    return out
