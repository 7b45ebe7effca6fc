"""Read recognized words: for heads that read transcripts, and to count the errors of a recognizer."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.evaluation.fold_features import FoldFeatures, ResolvedFeatures
from benchmarks.evaluation.source import FeatureSource, RecognizedWords
from featurestore.errors import Mismatch, Unavailable
from featurestore.manifest import keep_ids, list_column, map_column
from featurestore.spec import TRANSCRIPT
from featurestore.word_errors import count_word_errors


@dataclass(frozen=True)
class JoinedTranscript:
    """Recognized words of a pair of stores; `RecognizedWords` says what it has."""

    texts: Mapping[str, str]
    recognizer: dict[str, Any]
    fingerprint: str
    failed: Mapping[str, str] = field(default_factory=dict)


def join_transcripts(name: str, sides: Mapping[str, RecognizedWords]) -> JoinedTranscript:
    """Join the transcripts of two stores.

    Args:
        name: of the transcripts.
        sides: the transcript by the side, which begins the ids.

    Raises:
        Mismatch: they are not of the same recognizer.
    """
    first, second = sides.values()
    if first.fingerprint != second.fingerprint:
        raise Mismatch(
            f"transcript {name} is not of the same recognizer in the two stores",
            expected=str(first.recognizer["checkpoint"]),
            got=str(second.recognizer["checkpoint"]),
            do="transcribe both with the same --checkpoint",
        )
    texts = {f"{side}:{one}": text for side, found in sides.items() for one, text in found.texts.items()}
    failed = {f"{side}:{one}": why for side, found in sides.items() for one, why in found.failed.items()}
    return JoinedTranscript(texts, first.recognizer, first.fingerprint, failed)


def find_transcript(store: FeatureSource, inputs: FoldFeatures) -> str:
    """Find the transcript whose words a head reads beside features: the one that all of its text features read.

    Returns:
        Its name; empty for the words of the corpus, also where features read several transcripts or the corpus too.
    """
    if inputs.words:
        return inputs.words
    names = {
        store.describe(file.encoder).get(TRANSCRIPT, {}).get("name", "")
        for file in inputs.files
        if store.modality(file.encoder) == "text"
    }
    return names.pop() if len(names) == 1 else ""


def read_words(store: FeatureSource, inputs: FoldFeatures, ids: Collection[str]) -> dict[str, str]:
    """Read the words of utterances, by id: the corpus's own, or recognized ones (`find_transcript`)."""
    own: dict[str, str] = map_column(keep_ids(store.utterances, ids), "text")
    name = find_transcript(store, inputs)
    if not name:
        return own
    texts = store.transcript(name).texts
    return {one: texts.get(one, "") for one in own}


def find_wordless(store: FeatureSource, features: Sequence[ResolvedFeatures]) -> dict[str, str]:
    """Find the utterances without words in a transcript that heads of words alone read, by id, and why.

    A text encoder fails on them, too, and so does prediction.
    """
    found: dict[str, str] = {}
    for name in dict.fromkeys(fold.words for one in features for fold in one.folds if fold.words):
        transcript = store.transcript(name)
        texts, failed = transcript.texts, transcript.failed
        for one in list_column(store.utterances, "id"):
            if not texts.get(one):
                why = "no words recognized" if one in texts else failed.get(one, "not transcribed")
                found.setdefault(one, f"{name}: {why}")
    return found


def measure_transcripts(
    store: FeatureSource, features: Sequence[ResolvedFeatures], classes: Mapping[str, str]
) -> dict[str, Any]:
    """Count the word errors of every transcript that feature sets read, overall and by class, as JSON by its name.

    Args:
        store: of the features.
        features: the feature sets.
        classes: of the utterances that count, by id.

    Returns:
        what `WordErrors.to_json` returns; a `note` in its place where the errors cannot be counted.
    """
    names = sorted({find_transcript(store, fold) for one in features for fold in one.folds} - {""})
    return {name: _measure(store, name, classes) for name in names}


def _measure(store: FeatureSource, name: str, classes: Mapping[str, str]) -> dict[str, Any]:
    try:
        rows = keep_ids(store.utterances, classes.keys())
        return count_word_errors(rows, store.transcript(name).texts, classes).to_json()
    except Unavailable as problem:
        return {"note": problem.what}
