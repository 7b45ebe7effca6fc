"""Select the utterances that can be trained on, and report those that are left out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from featurestore.errors import BadValue, Mismatch, Unencodable, UnknownName, format_count
from featurestore.finetuning.inputs.clip_cache import ClipCache
from featurestore.finetuning.inputs.ctc import TranscriptPreparer
from featurestore.finetuning.inputs.ctc_vocabulary import CtcVocabulary
from featurestore.finetuning.inputs.data import ClipPreparer, TextPreparer, TrainingPart, read_part
from featurestore.finetuning.inputs.training_limits import measure_limits
from featurestore.finetuning.options.settings import Settings
from featurestore.item import Item
from featurestore.networks.limits import TooLong, TooLongForNetwork
from featurestore.progress import Say

# The share of utterances that may be unreadable. Clips that are too long for the network, for the memory or for
# --max-seconds do not count.
FEW = 0.01
SHOWN = 20  # reasons in a message; the record holds all


Read = Callable[[Sequence[Item], Mapping[str, str], Sequence[str]], tuple[TrainingPart, dict[str, Unencodable]]]


@dataclass(frozen=True)
class Selection:
    """The utterances of each part that can be read, and the reason of each one left out, by utterance id.

    The dev part or the test part may be empty.
    """

    training: TrainingPart
    dev: TrainingPart
    test: TrainingPart
    left_out: Mapping[str, Unencodable]

    def find_scored(self, settings: Settings) -> tuple[str, TrainingPart]:
        """Return the part that is scored after every epoch, with its name, which is empty where there is none."""
        if settings.test_every_epoch:
            return "test" if len(self.test) else "", self.test
        return "dev" if len(self.dev) else "", self.dev


def select(
    items: Sequence[Item],
    train_ids: Sequence[str],
    dev_ids: Sequence[str],
    test_ids: Sequence[str],
    classes: Mapping[str, str],
    class_names: Sequence[str],
    read: Read,
    say: Say,
) -> Selection:
    """Read every utterance once, and report which are left out and why.

    Args:
        items: the utterances of the manifest.
        train_ids: the utterances to train on.
        dev_ids: the utterances that choose the epoch.
        test_ids: the utterances to report on.
        classes: class by utterance id.
        class_names: the classes, in the order of the logits.
        read: as `make_reader` returns it.
        say: receives the reasons.

    Raises:
        UnknownName: an id is not in the manifest.
        Mismatch: more than a few utterances cannot be read.
        BadValue: no utterances are left to train on, or all are of one class.
    """
    by_id = {item.id: item for item in items}
    ids = (train_ids, dev_ids, test_ids)
    (training, unread), (dev, unread_dev), (test, unread_test) = (
        read(_find_items(by_id, one), classes, class_names) for one in ids
    )
    left_out = unread | unread_dev | unread_test
    _report_left_out(left_out, sum(map(len, ids)), say)
    if left_out and not len(training):
        utterance_id, reason = min(left_out.items())
        raise BadValue(
            f"all {len(train_ids)} training utterances are left out",
            got=f"{utterance_id}: {reason}",
            do=_advise(reason),
        )
    check_classes([class_names[target] for target in training.targets])
    return Selection(training, dev, test, left_out)


def check_classes(classes: Sequence[str]) -> None:
    """Raise BadValue for fewer than two classes."""
    found = sorted(set(classes))
    if len(found) < 2:
        raise BadValue(
            f"training needs at least two classes: all {len(classes)} training utterances are {found[0]!r}"
            if found
            else "no utterances to train on",
            expected="at least 2 classes in the training part",
            do="choose other --labels, another --protocol or --fold, or fix the labels in the manifest",
        )


def _find_items(by_id: Mapping[str, Item], utterance_ids: Sequence[str]) -> list[Item]:
    unknown = [utterance_id for utterance_id in utterance_ids if utterance_id not in by_id]
    if unknown:
        raise UnknownName(f"{format_count(len(unknown), 'id')} not in the manifest, {unknown[0]} among them")
    return [by_id[utterance_id] for utterance_id in utterance_ids]


def make_reader(
    model: Any,
    processor: Any,
    modality: str,
    settings: Settings,
    vocabulary: CtcVocabulary | None = None,
    cache: ClipCache | None = None,
) -> Read:
    """Make the function that reads the utterances of a part for a network.

    With a vocabulary, clips come with their transcripts. With a cache, their samples stay in it.
    """
    if modality == "text":
        return partial(
            read_part, preparer=TextPreparer(processor, model.config, settings.fixed_length, settings.context)
        )
    clips = ClipPreparer(processor, model.config, settings.fixed_length, settings.window)
    preparer = TranscriptPreparer(clips, vocabulary) if vocabulary else clips
    return partial(read_part, preparer=preparer, check=measure_limits(clips, model, settings).check, cache=cache)


def _report_left_out(left_out: Mapping[str, Unencodable], count: int, say: Say) -> None:
    """Report which utterances are left out and why.

    Raises:
        Mismatch: too many cannot be read.
    """
    long, beyond = _select_kind(left_out, TooLong), _select_kind(left_out, TooLongForNetwork)
    unread = {name: reason for name, reason in left_out.items() if name not in {**long, **beyond}}
    if len(unread) > FEW * count:
        raise Mismatch(
            f"{len(unread)} of {count} utterances cannot be read:\n{_format_reasons(unread)}",
            expected=f"at most {FEW:.0%} of them",
            do="run cli prepare to see what is missing; fix the corpus, or remove them from the manifest",
        )
    if long:
        say(f"left out because too long ({len(long)} of {count}):\n{_format_reasons(long)}")
    if beyond:
        say(f"left out because too long for the network ({len(beyond)} of {count}):\n{_format_reasons(beyond)}")
    if unread:
        say(f"left out because unreadable ({len(unread)} of {count}):\n{_format_reasons(unread)}")


def _advise(reason: Unencodable) -> str:
    if isinstance(reason, TooLongForNetwork):
        return "start from a network that reads inputs of this length, or cut them"
    return "raise --max-seconds, or fix the utterances that are left out"


def _select_kind(left_out: Mapping[str, Unencodable], kind: type[Unencodable]) -> dict[str, Unencodable]:
    return {utterance_id: reason for utterance_id, reason in left_out.items() if isinstance(reason, kind)}


def _format_reasons(left_out: Mapping[str, Unencodable]) -> str:
    lines = [f"  {utterance_id}: {reason}" for utterance_id, reason in sorted(left_out.items())]
    return "\n".join([*lines[:SHOWN], *([f"  and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else [])])
