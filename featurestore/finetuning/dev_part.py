"""Take the dev part of a fold, or cut one from its training part by the protocol's own groups."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from featurestore import registry
from featurestore.errors import Mismatch
from featurestore.finetuning.options.settings import Settings
from featurestore.folds.fold import Fold
from featurestore.folds.group_split import split_groups
from featurestore.manifest import Utterance


@dataclass(frozen=True)
class DevSplit:
    """What is trained on, and what chooses the epoch.

    Args:
        train: ids.
        dev: ids; empty for no dev part.
        dev_from: `protocol`, or `cut by` what stays together.
    """

    train: tuple[str, ...]
    dev: tuple[str, ...] = ()
    dev_from: str = ""


def cut_dev(
    fold: Fold, protocol: str, utterances: Sequence[Utterance], classes: Mapping[str, str], settings: Settings
) -> DevSplit:
    """Take the dev part of a fold as it is, or cut about the share `settings.dev` from its training part.

    Each group of the protocol stays on one side. Of the possible parts, the one whose size is nearest to the share is
    taken. Without a share there is no dev part.

    Raises:
        Mismatch: no dev part can be cut with every class left in training.
    """
    if not settings.dev:
        return DevSplit(fold.train)
    if fold.dev:
        return DevSplit(fold.train, fold.dev, "protocol")
    groups = registry.module("protocols", protocol).groups([row for row in utterances if row.id in classes])
    parts = _list_parts(fold, groups, classes, settings)
    if not parts:
        raise Mismatch(
            f"no dev part can be cut from the training part of fold {fold.name}",
            expected="at least two groups (speakers, sessions, …), with every class left in training",
            do="add --dev 0 --select last, or use another protocol",
        )
    wanted = settings.dev * len(fold.train)
    dev = min(parts, key=lambda part: abs(len(part) - wanted))  # the first of equals
    kept, cut = (tuple(one for one in fold.train if (one in dev) == side) for side in (False, True))
    return DevSplit(kept, cut, f"cut by {_name_groups(groups, utterances)}")


def _list_parts(
    fold: Fold, groups: Mapping[str, str], classes: Mapping[str, str], settings: Settings
) -> list[set[str]]:
    """List the parts of training that leave every class in the rest of it."""
    count = min(round(1 / settings.dev), len({groups[one] for one in fold.train}))
    if count < 2:
        return []
    try:
        parts = split_groups(fold.train, groups, classes, count, settings.seed)
    except ValueError:  # scikit-learn: every class has fewer members than there are parts
        return []
    present = {classes[one] for one in fold.train}
    return [part for part in parts if part and {classes[one] for one in fold.train if one not in part} == present]


def _name_groups(groups: Mapping[str, str], utterances: Sequence[Utterance]) -> str:
    """Name what a protocol keeps together, by the column of the manifest that says the same."""
    rows = [row for row in utterances if row.id in groups]
    if all(groups[row.id] == row.id for row in rows):
        return "utterance"
    for name in ("speaker", "session", "dialogue", "script"):
        pairs = [(groups[row.id], getattr(row, name)) for row in rows if getattr(row, name)]
        if pairs and all(group == value for group, value in pairs):
            return name
    return "group"
