"""Check rows of a manifest, and explain ids that it lacks."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from featurestore.errors import BadValue, UnknownName, quote


def check_one_given(ids: Sequence[str] | None, rows: ArrayLike | None) -> None:
    """Check that utterances are named in one way.

    Raises:
        BadValue: both ids and rows are given.
    """
    if rows is not None and ids is not None:
        raise BadValue("both ids and rows are given", expected="one of them", do="leave ids out: rows have ids")


def check_rows(rows: ArrayLike, count: int) -> np.ndarray:
    """Return rows of a manifest as int64 (M,), after checking them.

    Args:
        rows: of the manifest.
        count: number N of its utterances.

    Raises:
        BadValue: they are not a sequence of integers from 0 to N - 1.
    """
    given = np.asarray(rows)
    if not given.size:
        given = given.astype(np.int64)
    is_valid = given.ndim == 1 and given.dtype.kind in "iu"
    if not is_valid or (given.size and not (given.min() >= 0 and given.max() < count)):
        got = f"{given.min()} to {given.max()}" if is_valid else f"shape {given.shape} of {given.dtype}"
        raise BadValue(
            "rows are not rows of the manifest",
            expected=f"integers from 0 to {count - 1}, as Store.rows returns",
            got=got,
        )
    return given.astype(np.int64, copy=False)


def explain_unknown_ids(missing: Sequence[str], total: int, where: Path) -> UnknownName:
    """Build the error of ids that a manifest does not have.

    Args:
        missing: the ids.
        total: number of ids that were asked for.
        where: the store's folder.
    """
    return UnknownName(
        f"{len(missing)} of {total} utterances are not in {where}: {', '.join(map(str, missing[:5]))}",
        expected="ids of the manifest, such as Store.utterances.ids",
        do=f"cli inspect {quote(where)}",
    )
