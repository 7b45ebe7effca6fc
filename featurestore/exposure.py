"""Know the utterances that an encoder was fine-tuned on again: by the corpus's own id, by the clip, by the words."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from featurestore.errors import Mismatch


@dataclass(frozen=True, order=True)
class TrainedUtterance:
    """An utterance that an encoder was fine-tuned on.

    Args:
        id: in the corpus that it was of.
        content: sha256 of what the encoder saw of it, the decoded samples or the words; empty where not recorded.
        clip: sha256 of its decoded samples, where the encoder is of text; empty where there is no clip.
        origin: sha256 of the rows that the corpus's reader made the id up from; empty where the corpus gave it.
    """

    id: str
    content: str = ""
    clip: str = ""
    origin: str = ""


@dataclass(frozen=True)
class Contents:
    """What the utterances of a store are known by.

    Args:
        by_id: sha256 of what the encoder was given of each, by id; empty where it is not recorded.
        made_up: by id, the origin of those that the corpus's reader made up.
    """

    by_id: Mapping[str, str]
    made_up: Mapping[str, str]

    def trusts(self, seen: TrainedUtterance) -> bool:
        """Whether the same id means the same utterance: the corpus gave it, or the rows have not changed since."""
        return seen.origin == self.made_up.get(seen.id, "") or not seen.content

    def holds(self, seen: TrainedUtterance) -> bool:
        """Whether an utterance of training is here under its own id."""
        return self.trusts(seen) and self.by_id.get(seen.id) == seen.content


@dataclass(frozen=True)
class Exposure:
    """What an encoder was fine-tuned on, among the utterances of a store.

    Args:
        known: by id, how each utterance of training is known: `id`, `clip` or `text`.
        suspects: ids of those that may be such, which nobody can tell: with the id of one, made up, and other content;
            or with its words and another clip, where it is not here itself.
    """

    known: Mapping[str, str]
    suspects: tuple[str, ...] = ()


def from_record(record: Mapping[str, Any]) -> tuple[TrainedUtterance, ...]:
    """Read what fine-tuning recorded in `finetune.json`; records of older versions hold ids alone.

    Raises:
        Mismatch: the record is damaged.
    """
    if "trained_utterances" not in record:
        return tuple(map(TrainedUtterance, record.get("trained_on", ())))
    try:
        return tuple(TrainedUtterance(**entry) for entry in record["trained_utterances"])
    except TypeError as error:
        raise Mismatch(
            "the record of training beside a checkpoint, finetune.json, is damaged",
            expected="trained_utterances: a list of objects with id, content, clip and origin",
            got=str(error),
            do="tune the checkpoint again: whom it saw cannot be told",
        ) from None


def find_exposure(
    trained: Iterable[TrainedUtterance],
    here: Contents,
    modality: str,
    clip: Callable[[str], str],
    beside: Contents | None = None,
) -> Exposure:
    """Find the utterances that an encoder was fine-tuned on.

    An id decides where the corpus gave it, then and now, where the rows are still those that it was made up from, or
    where nothing else was recorded. Any other id decides only together with the content. The same clip is the same
    utterance. The same words alone are not, since people say "yeah" often: they count where the utterance of training
    is not in this store under its own id, unless its clip is known to be another one, or the corpora gave both ids and
    several utterances of one of them have these words.

    Args:
        trained: what the encoder was fine-tuned on.
        here: the utterances of the store.
        modality: of the encoder, `audio` or `text`.
        clip: gives the sha256 of an utterance's decoded samples by its id; empty where it has no usable clip. It is
            asked of utterances of a text encoder that share their id or words with one of training.
        beside: the utterances of another store, which an utterance of training may be, too.
    """
    record = _Record(tuple(trained), here, beside)
    known: dict[str, str] = {}
    suspects: list[str] = []
    for name, content in here.by_id.items():
        own = clip(name) if modality == "text" and record.needs_clip(name, content) else ""
        how = record.known_by(name, content, modality, own)
        if how:
            known[name] = how
        elif record.is_suspect(name, content):
            suspects.append(name)
    return Exposure(known, tuple(suspects))


class _Record:
    """What was trained on, by id, content and clip."""

    def __init__(self, trained: Sequence[TrainedUtterance], here: Contents, beside: Contents | None) -> None:
        self.here, self.stores = here, [here, *([beside] if beside else [])]
        self.by_id: dict[str, list[TrainedUtterance]] = {}
        self.by_content: dict[str, list[TrainedUtterance]] = {}
        self.times = Counter(here.by_id.values())
        self.clips = {seen.clip for seen in trained if seen.clip}
        for seen in trained:
            self.by_id.setdefault(seen.id, []).append(seen)
            if seen.content:
                self.by_content.setdefault(seen.content, []).append(seen)

    def needs_clip(self, name: str, content: str) -> bool:
        """Whether the clip of an utterance may decide: its id and words do not, and clips were recorded."""
        return (
            bool(self.clips) and not self._has_id(name, content) and (name in self.by_id or content in self.by_content)
        )

    def known_by(self, name: str, content: str, modality: str, clip: str) -> str:
        """How an utterance is known to be one of training; empty where it is not."""
        if self._has_id(name, content):
            return "id"
        if clip in self.clips or (modality == "audio" and content in self.by_content):
            return "clip"
        missing = self._missing(content)
        told = [seen for seen in missing if not (clip and seen.clip) and not self._are_common(name, seen)]
        return "text" if told else ""

    def is_suspect(self, name: str, content: str) -> bool:
        """Whether an utterance that is not known to be one of training may be one all the same."""
        return name in self.by_id or bool(self._missing(content))

    def _has_id(self, name: str, content: str) -> bool:
        return any(self.here.trusts(seen) or seen.content == content for seen in self.by_id.get(name, ()))

    def _are_common(self, name: str, seen: TrainedUtterance) -> bool:
        """Whether words prove nothing: both ids are the corpora's own, and several utterances have these words."""
        several = len(self.by_content[seen.content]) > 1 or self.times[seen.content] > 1
        return several and not seen.origin and name not in self.here.made_up

    def _missing(self, content: str) -> list[TrainedUtterance]:
        """The utterances of training with the same content that are in no store under their own ids."""
        same = self.by_content.get(content, ())
        return [seen for seen in same if not any(store.holds(seen) for store in self.stores)]
