"""Find the utterances of a store that an encoder was fine-tuned on: by the corpus's own id, by clip, by words."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

from featurestore.corpora import GIVEN
from featurestore.exposure import Contents, Exposure, TrainedUtterance
from featurestore.known_training import add_known
from featurestore.manifest import Utterance, list_column
from featurestore.storage.feature_file import FeatureFile


def find_made_up_ids(info: Mapping[str, Any], utterances: Sequence[Utterance]) -> dict[str, str]:
    """Find the ids that the corpus reader made up.

    Args:
        info: content of corpus.json.
        utterances: the manifest.

    Returns:
        the ids, each with the sha256 of the rows that they were made from.
    """
    if info.get("ids", GIVEN) == GIVEN:
        return {}
    columns = [list_column(utterances, name) for name in ("id", "audio", "text")]
    rows = "".join(f"{one}\0{audio}\0{text}\n" for one, audio, text in zip(*columns, strict=True))
    ids = info.get("made_up_ids") or columns[0]
    return dict.fromkeys(ids, hashlib.sha256(rows.encode()).hexdigest())


def find_exposure(
    trained: Iterable[TrainedUtterance],
    here: Contents,
    modality: str,
    clip: Callable[[str], str],
    other: Contents | None = None,
) -> Exposure:
    """Find the utterances that an encoder was fine-tuned on.

    - An equal id is proof if the corpus gave it, then and now, if the rows that it was made up from have not changed,
      or if nothing else was recorded. Any other id is proof only together with the content.
    - An equal clip is proof.
    - Equal words alone are not, because people say "yeah" often. They are proof if the training utterance is not in
      this store under its own id. They are not if its clip is known to differ, or if the corpora gave both ids and
      several utterances of one of them have these words.

    Args:
        trained: the utterances that the encoder was fine-tuned on.
        here: the utterances of the store.
        modality: of the encoder, `audio` or `text`.
        clip: returns the sha256 of the decoded samples of an utterance by its id; empty if it has no usable clip. It is
            called for utterances of a text encoder that share their id or words with a training utterance.
        other: the utterances of another store, which may hold training utterances too.
    """
    index = _TrainingIndex(tuple(trained), here, other)
    known: dict[str, str] = {}
    suspects: list[str] = []
    for utterance_id, content in here.by_id.items():
        own = clip(utterance_id) if modality == "text" and index.needs_clip(utterance_id, content) else ""
        evidence = index.find_evidence(utterance_id, content, modality, own)
        if evidence:
            known[utterance_id] = evidence
        elif index.is_suspect(utterance_id, content):
            suspects.append(utterance_id)
    return Exposure(known, tuple(suspects))


class _ExposedStore(Protocol):
    """A store, as far as it is asked for the utterances that an encoder was fine-tuned on."""

    @property
    def info(self) -> Mapping[str, Any]:
        """Content of corpus.json."""

    @property
    def utterances(self) -> Sequence[Utterance]:
        """The manifest."""

    @property
    def row_numbers(self) -> frozenset[str]:
        """Ids that were made from row numbers."""

    def collect_contents(self, encoder: str) -> Contents:
        """Return the contents of all utterances."""

    def clip_digest(self, utterance_id: str) -> str:
        """Return the sha256 of an utterance's decoded samples."""


def find_store_exposure(
    store: _ExposedStore, file: FeatureFile, encoder: str, other: Contents | None = None
) -> Exposure:
    """Find the utterances of a store that an encoder was fine-tuned on, by its record and by the cards.

    Args:
        store: the store.
        file: a feature file of the encoder.
        encoder: its name.
        other: the utterances of another store, which may hold training utterances too.
    """
    found = Exposure({})
    if file.trained_on:
        here, numbers = store.collect_contents(encoder), store.row_numbers
        found = find_exposure(file.trained_on, here, file.header.modality, store.clip_digest, other)
        # an equal row number alone is no reason for suspicion
        found = Exposure(found.known, tuple(suspect for suspect in found.suspects if suspect not in numbers))
    return add_known(found, file.header.encoder, store.info, store.utterances)


class _TrainingIndex:
    """Training utterances by id, content and clip."""

    def __init__(self, trained: Sequence[TrainedUtterance], here: Contents, other: Contents | None) -> None:
        self.here, self.stores = here, [here, *([other] if other else [])]
        self.by_id: dict[str, list[TrainedUtterance]] = {}
        self.by_content: dict[str, list[TrainedUtterance]] = {}
        self.counts = Counter(here.by_id.values())
        self.clips = {one.clip for one in trained if one.clip}
        for one in trained:
            self.by_id.setdefault(one.id, []).append(one)
            if one.content:
                self.by_content.setdefault(one.content, []).append(one)

    def needs_clip(self, utterance_id: str, content: str) -> bool:
        """Tell whether the clip of an utterance may decide: clips were recorded, and id and words are no proof."""
        is_candidate = utterance_id in self.by_id or content in self.by_content
        return bool(self.clips) and not self._has_id(utterance_id, content) and is_candidate

    def find_evidence(self, utterance_id: str, content: str, modality: str, clip: str) -> str:
        """Return what proves that an utterance is one of training, or an empty text if nothing does."""
        if self._has_id(utterance_id, content):
            return "id"
        if clip in self.clips or (modality == "audio" and content in self.by_content):
            return "clip"
        for one in self._find_missing(content):
            if not (clip and one.clip) and not self._are_common(utterance_id, one):
                return "text"
        return ""

    def is_suspect(self, utterance_id: str, content: str) -> bool:
        """Tell whether an utterance without evidence may still be one of training."""
        return utterance_id in self.by_id or bool(self._find_missing(content))

    def _has_id(self, utterance_id: str, content: str) -> bool:
        return any(self.here.trusts(one) or one.content == content for one in self.by_id.get(utterance_id, ()))

    def _are_common(self, utterance_id: str, trained: TrainedUtterance) -> bool:
        """Tell whether words are no proof: both ids are the corpora's own, and several utterances have these words."""
        several = len(self.by_content[trained.content]) > 1 or self.counts[trained.content] > 1
        return several and not trained.origin and utterance_id not in self.here.made_up

    def _find_missing(self, content: str) -> list[TrainedUtterance]:
        """Return the training utterances with this content that are in no store under their own ids."""
        same = self.by_content.get(content, ())
        return [one for one in same if not any(store.holds(one) for store in self.stores)]
