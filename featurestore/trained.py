"""Know the utterances that an encoder was fine-tuned on again: by the corpus's own id, by the clip, by the words."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, order=True)
class TrainedUtterance:
    """An utterance that an encoder was fine-tuned on.

    Args:
        id: in the corpus that it was of.
        content: sha256 of what the encoder saw of it, the decoded samples or the words; empty where not recorded.
        clip: sha256 of its decoded samples, where the encoder is of text; empty where there is no clip.
        manifest: sha256 of the manifest, where its reader made the id up; empty where the corpus gave the id.
    """

    id: str
    content: str = ""
    clip: str = ""
    manifest: str = ""


@dataclass(frozen=True)
class Contents:
    """What the utterances of a store are known by.

    Args:
        by_id: sha256 of what the encoder was given of each, by id; empty where it is not recorded.
        manifest: sha256 of the manifest, where its reader made the ids up; empty where the corpus gave them.
    """

    by_id: Mapping[str, str]
    manifest: str = ""

    def trusts(self, seen: TrainedUtterance) -> bool:
        """Whether the same id means the same utterance: the corpus gave it, or the manifest has not changed since."""
        return seen.manifest == self.manifest or not seen.content

    def holds(self, seen: TrainedUtterance) -> bool:
        """Whether an utterance of training is here under its own id."""
        return self.trusts(seen) and self.by_id.get(seen.id) == seen.content


def from_record(record: Mapping[str, Any]) -> tuple[TrainedUtterance, ...]:
    """Read what fine-tuning recorded in `finetune.json`; records of older versions hold ids alone."""
    if "trained_utterances" in record:
        return tuple(TrainedUtterance(**entry) for entry in record["trained_utterances"])
    return tuple(map(TrainedUtterance, record.get("trained_on", ())))


def overlap(
    trained: Iterable[TrainedUtterance],
    here: Contents,
    modality: str,
    clip: Callable[[str], str],
    beside: Contents | None = None,
) -> dict[str, str]:
    """Find the utterances that an encoder was fine-tuned on, by id, with how each is known: `id`, `clip` or `text`.

    An id decides where the corpus gave it, then and now, where the manifest is still the one that made it up, or where
    nothing else was recorded. Any other id decides only together with the content. The same clip is the same
    utterance. The same words alone are not, since people say "yeah" often: they count where the utterance of training
    is not in this store under its own id, unless its clip is known to be another one.

    Args:
        trained: what the encoder was fine-tuned on.
        here: the utterances of the store.
        modality: of the encoder, `audio` or `text`.
        clip: gives the sha256 of an utterance's decoded samples by its id; empty where it has no usable clip.
        beside: the utterances of another store, which an utterance of training may be, too.
    """
    by_id: dict[str, list[TrainedUtterance]] = {}
    by_content: dict[str, list[TrainedUtterance]] = {}
    for seen in trained:
        by_id.setdefault(seen.id, []).append(seen)
        if seen.content:
            by_content.setdefault(seen.content, []).append(seen)
    stores = [here, *([beside] if beside else [])]
    found: dict[str, str] = {}
    for name, content in here.by_id.items():
        same = by_content.get(content, [])
        if any(here.trusts(seen) or seen.content == content for seen in by_id.get(name, ())):
            found[name] = "id"
        elif same and modality == "audio":
            found[name] = "clip"
        elif _may_be(name, [seen for seen in same if not any(store.holds(seen) for store in stores)], clip):
            found[name] = "text"
    return found


def namesakes(trained: Iterable[TrainedUtterance], here: Contents, known: Collection[str]) -> list[str]:
    """List the utterances that share an id with one of training, and are not known to be the same.

    The ids were made up of file names. They may be the same recordings, processed otherwise, or others of the same
    name: nobody can tell.
    """
    ids = {seen.id for seen in trained}
    return [name for name in here.by_id if name in ids and name not in known]


def _may_be(name: str, missing: Sequence[TrainedUtterance], clip: Callable[[str], str]) -> bool:
    """Whether an utterance may be one of the missing ones of the same words: clips that differ rule it out."""
    own = clip(name) if missing and all(seen.clip for seen in missing) else ""
    return any(not own or own == seen.clip for seen in missing)
