"""Divide the utterances that are asked of a pair of stores between its two sides."""

from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np

from featurestore.row_checks import explain_unknown_ids


def split_ids(ids: Sequence[str], sides: Collection[str], where: Path) -> dict[str, list[int]]:
    """List the lines of each side that has any of some ids, or without ids no line of the first side.

    Args:
        ids: such as `trained:ID`.
        sides: their names.
        where: the folder of the first store, for the message.

    Raises:
        UnknownName: an id is of no side.
    """
    found = {side: [line for line, one in enumerate(ids) if one.startswith(f"{side}:")] for side in sides}
    if sum(map(len, found.values())) < len(ids):
        unknown = [one for one in ids if one.partition(":")[0] not in sides]
        raise explain_unknown_ids(unknown, len(ids), where)
    return {side: lines for side, lines in found.items() if lines} or {next(iter(found)): []}


def split_rows(rows: np.ndarray, start: int) -> dict[str, np.ndarray]:
    """Return the lines of each side that has any of some rows, or without rows no line of the first side.

    Args:
        rows: of both manifests, the trained one first, int64 (N,).
        start: the first row of the tested one.
    """
    is_tested = rows >= start
    found = {"trained": np.flatnonzero(~is_tested), "tested": np.flatnonzero(is_tested)}
    return {side: lines for side, lines in found.items() if len(lines)} or {"trained": np.empty(0, np.int64)}


def strip_side(ids: Sequence[str], lines: Sequence[int]) -> list[str]:
    """Return the ids of some lines without their side."""
    return [ids[line].partition(":")[2] for line in lines]
