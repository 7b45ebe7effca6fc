"""Keep the times of turns only where they agree with the order in which a release lists the turns."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from featurestore.manifest import Utterance
from featurestore.releases.finding_list import FindingList

_DISAGREE = (
    "dialogues whose times do not give the order of their turns; start and end are left empty, the order is that of "
    "the release"
)


def keep_turn_order(rows: Sequence[Utterance], found: FindingList) -> list[Utterance]:
    """Return the rows without `start` and `end` in dialogues that these would put into another order, or into none.

    Context heads order a dialogue by `start` and `end` where turns have them, and refuse one whose order is unclear.

    Args:
        rows: in the order of the release.
        found: receives the dialogues.
    """
    times: dict[str, list[tuple[float, float] | None]] = defaultdict(list)
    for row in rows:
        times[row.dialogue].append(None if row.start is None or row.end is None else (row.start, row.end))
    wrong = {dialogue for dialogue, known in times.items() if not _is_in_order(known)}
    found.add(_DISAGREE, (dialogue for dialogue in times if dialogue in wrong))
    return [replace(row, start=None, end=None) if row.dialogue in wrong else row for row in rows]


def _is_in_order(times: Sequence[tuple[float, float] | None]) -> bool:
    return all(first is not None and second is not None and first < second for first, second in pairwise(times))
