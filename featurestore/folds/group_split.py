"""Split utterance ids into parts that keep groups (speakers, sessions, scripts) together and balance classes."""

import hashlib
import warnings
from collections.abc import Collection, Mapping, Sequence

DEV_PARTS = 5  # dev is about one part in five of training


def split_groups(
    ids: Collection[str], groups: Mapping[str, str], classes: Mapping[str, str], count: int, seed: int
) -> list[set[str]]:
    """Split ids into `count` parts, keeping each group together and balancing classes as far as possible.

    Use scikit-learn's StratifiedGroupKFold where a group holds more than one id. Otherwise sort the ids of each class
    by the sha256 of `seed:id` and deal them to the parts in turn. The order of `ids` does not matter.

    Args:
        ids: the utterances to split.
        groups: group by id.
        classes: class by id.
        count: number of parts, at most the number of groups.
        seed: split seed.

    Raises:
        ValueError: every class has fewer members than there are parts (from scikit-learn).
    """
    ordered = sorted(ids)
    if len({groups[utterance_id] for utterance_id in ordered}) == len(ordered):
        return _deal(ordered, classes, count, seed)
    from sklearn.model_selection import StratifiedGroupKFold

    splitter = StratifiedGroupKFold(count, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)  # rare classes are expected
        labels, keys = ([values[utterance_id] for utterance_id in ordered] for values in (classes, groups))
        return [{ordered[row] for row in rows} for _, rows in splitter.split(ordered, labels, keys)]


def split_dev_parts(
    train: Sequence[str], groups: Mapping[str, str], classes: Mapping[str, str], seed: int
) -> list[set[str]]:
    """Split training into parts of whole groups that can each serve as dev.

    A part can serve as dev if the rest of training still has every class.

    Args:
        train: training ids.
        groups: group by id.
        classes: class by id.
        seed: split seed.

    Returns:
        Disjoint parts of about a fifth of training each, at most five. Empty where no dev part can be split.
    """
    count = min(DEV_PARTS, len({groups[utterance_id] for utterance_id in train}))
    if count < 2:
        return []
    present = {classes[utterance_id] for utterance_id in train}
    try:
        parts = split_groups(train, groups, classes, count, seed)
    except ValueError:  # scikit-learn: every class has fewer members than there are parts
        return []
    return [part for part in parts if part and {classes[one] for one in train if one not in part} == present]


def draw_key(text: str, seed: int) -> str:
    """Return a sort key that puts texts, such as ids, into a random order that depends on them and the seed alone."""
    return hashlib.sha256(f"{seed}:{text}".encode()).hexdigest()


def _deal(ids: Sequence[str], classes: Mapping[str, str], count: int, seed: int) -> list[set[str]]:
    ordered = sorted(ids, key=lambda utterance_id: (classes[utterance_id], draw_key(utterance_id, seed)))
    return [set(ordered[start::count]) for start in range(count)]
