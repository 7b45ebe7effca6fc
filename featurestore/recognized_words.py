"""Open a store with recognized words in place of the manifest's, for text encoders that read them."""

from collections.abc import Mapping
from typing import Any

from featurestore.errors import Mismatch
from featurestore.spec import GOLD, RECOGNIZER, TRANSCRIPT, TranscriptSource
from featurestore.store import Store


def find_transcript_source(store: Store, name: str) -> TranscriptSource | None:
    """Find the transcript of a store that `--text` names, or return None for the words of the manifest.

    Raises:
        NotFound, UnknownName, Mismatch: as `Store.transcript` raises.
    """
    return None if name == GOLD else TranscriptSource(name, store.transcript(name).recognizer)


def open_words(store: Store, description: Mapping[str, Any]) -> Store:
    """Open a store with the words that a text encoder reads, where they are not those of the manifest.

    Args:
        store: one that is not cut into shards.
        description: of the encoder.

    Returns:
        the store itself for every other encoder.

    Raises:
        NotFound, UnknownName, Mismatch: as `Store.transcript` raises.
        Mismatch: the transcript is of another recognizer now.
    """
    source = description.get(TRANSCRIPT)
    if source is None:
        return store
    transcript = store.transcript(source["name"])
    if transcript.fingerprint != source[RECOGNIZER]:
        raise Mismatch(
            f"transcript {transcript.name} of {store.path} is of another recognizer now",
            expected=f"{description[RECOGNIZER]['checkpoint']}, fingerprint {source[RECOGNIZER][:12]}",
            got=f"{transcript.recognizer['checkpoint']}, fingerprint {transcript.fingerprint[:12]}",
            do=f"extract the text encoder again with --text {transcript.name}",
        )
    return store.replace_words(transcript.texts)
