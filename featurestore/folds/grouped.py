"""Cutting ids into parts that keep groups (speakers, sessions, scripts) together and classes balanced."""

import hashlib
import warnings
from collections.abc import Collection, Mapping, Sequence

DEV_PARTS = 5  # dev is about one part in five of training


def parts(
    ids: Collection[str], groups: Mapping[str, str], classes: Mapping[str, str], count: int, seed: int
) -> list[set[str]]:
    """Cuts ids into `count` parts; the ids of one group stay together, and classes are balanced as far as they can be.

    scikit-learn's StratifiedGroupKFold where groups hold more than one id; else each class's ids, in the order of the
    sha256 of `seed:id`, are dealt in turn. The order of `ids` does not matter.

    Args:
        ids: what to cut.
        groups: by id, what stays together.
        classes: by id.
        count: at most as many as there are groups.
        seed: draws.
    """
    ordered = sorted(ids)
    if len({groups[name] for name in ordered}) == len(ordered):
        return _dealt(ordered, classes, count, seed)
    from sklearn.model_selection import StratifiedGroupKFold

    cutter = StratifiedGroupKFold(count, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)  # a rare class is no fault here
        cut = cutter.split(ordered, [classes[name] for name in ordered], [groups[name] for name in ordered])
        return [{ordered[row] for row in rows} for _, rows in cut]


def dev(train: Sequence[str], groups: Mapping[str, str], classes: Mapping[str, str], seed: int) -> list[set[str]]:
    """The parts of training, about a fifth each and of whole groups, without which every class stays in training.

    Returns:
        Disjoint parts, at most five, each fit to be dev; none where none can be cut.
    """
    count = min(DEV_PARTS, len({groups[name] for name in train}))
    if count < 2:
        return []
    present = {classes[name] for name in train}
    try:
        cuts = parts(train, groups, classes, count, seed)
    except ValueError:  # scikit-learn: every class has fewer members than there are parts
        return []
    return [part for part in cuts if part and {classes[name] for name in train if name not in part} == present]


def lot(name: str, seed: int) -> str:
    """A drawn place for an id that depends on nothing but the id and the seed."""
    return hashlib.sha256(f"{seed}:{name}".encode()).hexdigest()


def _dealt(ids: Sequence[str], classes: Mapping[str, str], count: int, seed: int) -> list[set[str]]:
    ordered = sorted(ids, key=lambda name: (classes[name], lot(name, seed)))
    return [set(ordered[start::count]) for start in range(count)]
