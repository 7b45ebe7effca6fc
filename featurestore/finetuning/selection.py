"""Select the utterances that can be trained on, and name those that are left out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from featurestore.errors import BadValue, Mismatch, Unencodable, UnknownName
from featurestore.finetuning.data import Clips, Part, Texts, part
from featurestore.finetuning.settings import Settings
from featurestore.finetuning.step_memory import allowed
from featurestore.item import Item
from featurestore.networks.limits import TooLong

# Of the utterances may be unreadable; more than that, and something else is wrong. Clips that are left out by
# --max-seconds or for lack of memory do not count: the user or the machine decides of them, and each is named.
FEW = 0.01
SHOWN = 20  # of the reasons in a message; the record holds all


Read = Callable[[Sequence[Item], Mapping[str, str], Sequence[str]], tuple[Part, dict[str, Unencodable]]]


@dataclass(frozen=True)
class Selection:
    """The two parts, and the reason of each utterance that is in neither, by id."""

    training: Part
    held_out: Part
    left_out: Mapping[str, Unencodable]


def select(
    items: Sequence[Item],
    train_ids: Sequence[str],
    held_out_ids: Sequence[str],
    classes: Mapping[str, str],
    names: Sequence[str],
    read: Read,
    tell: Callable[[str], None],
) -> Selection:
    """Read every utterance once, and say which are left out and why.

    Args:
        items: the utterances of the manifest.
        train_ids: what to learn.
        held_out_ids: what to report on.
        classes: class by id.
        names: the classes, in the order of the logits.
        read: as `reader` made it.
        tell: receives the reasons.

    Raises:
        UnknownName: an id that is not in the manifest.
        Mismatch: more than a few cannot be read.
        BadValue: what is left to train on is of one class.
    """
    by_id = {item.id: item for item in items}
    training, unread = read(_known(by_id, train_ids), classes, names)
    held_out, unread_too = read(_known(by_id, held_out_ids), classes, names)
    left_out = unread | unread_too
    _tell_left_out(left_out, len(train_ids) + len(held_out_ids), tell)
    if left_out and not len(training):
        name, reason = min(left_out.items())
        raise BadValue(
            f"none of {len(train_ids)} utterances is left to train on",
            got=f"{name}: {reason}",
            do="raise --max-seconds, or mend what is left out",
        )
    check_classes([names[target] for target in training.targets])
    return Selection(training, held_out, left_out)


def check_classes(classes: Sequence[str]) -> None:
    """Raise BadValue unless there are two classes to tell apart."""
    found = sorted(set(classes))
    if len(found) < 2:
        raise BadValue(
            f"one class cannot be learned: all {len(classes)} training utterances are {found[0]!r}"
            if found
            else "there is no utterance to train on",
            expected="at least 2 classes in the training part",
            do="choose other --labels, another --protocol or --fold, or mend the labels in the manifest",
        )


def _known(by_id: Mapping[str, Item], names: Sequence[str]) -> list[Item]:
    unknown = [name for name in names if name not in by_id]
    if unknown:
        raise UnknownName(f"{len(unknown)} ids are not in the manifest, {unknown[0]} among them")
    return [by_id[name] for name in names]


def reader(model: Any, processor: Any, modality: str, settings: Settings) -> Read:
    """Make the function that reads the utterances of a part, and says why others are left out."""
    if modality == "text":
        return partial(part, preparer=Texts(processor, model.config, settings.fixed_length))
    clips = Clips(processor, model.config, settings.fixed_length)
    return partial(part, preparer=clips, check=allowed(clips, model, settings).check)


def _tell_left_out(left_out: Mapping[str, Unencodable], count: int, progress: Callable[[str], None]) -> None:
    """Tell which utterances are left out and why; raises Mismatch where too many cannot be read."""
    long = {name: reason for name, reason in left_out.items() if isinstance(reason, TooLong)}
    unread = {name: reason for name, reason in left_out.items() if name not in long}
    if len(unread) > FEW * count:
        raise Mismatch(
            f"{len(unread)} of {count} utterances cannot be read:\n{_reasons(unread)}",
            expected=f"at most {FEW:.0%} of them",
            do="cli prepare says what is missing; mend the corpus, or leave them out of the manifest "
            "(clips that are too long for the encoder: by --max-seconds)",
        )
    if long:
        progress(f"left out, because they are too long ({len(long)} of {count}):\n{_reasons(long)}")
    if unread:
        progress(f"left out, because they cannot be read ({len(unread)} of {count}):\n{_reasons(unread)}")


def _reasons(left_out: Mapping[str, Unencodable]) -> str:
    lines = [f"  {name}: {reason}" for name, reason in sorted(left_out.items())]
    return "\n".join([*lines[:SHOWN], *([f"  and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else [])])
