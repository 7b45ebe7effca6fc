"""What an utterance is to an encoder: the bytes of its clip, or its text; a vector is known by that and the encoder."""

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from featurestore import audio
from featurestore.encoders import Item
from featurestore.errors import Unencodable

_READERS = 8  # files read at once: hashing releases the interpreter, and disks answer in parallel


def digests(items: Sequence[Item], modality: str) -> list[str]:
    """The sha256 of each item's content; a clip that cannot be read gets the digest of the reason."""
    if modality == "text":
        return [hashlib.sha256(item.text.encode("utf-8")).hexdigest() for item in items]
    with ThreadPoolExecutor(_READERS) as pool:
        return list(pool.map(_audio_digest, items))


def key(fingerprint: str, content: str) -> str:
    """The key of a vector: the sha256 of its encoder's fingerprint and its utterance's content."""
    return hashlib.sha256(f"{fingerprint} {content}".encode()).hexdigest()


def _audio_digest(item: Item) -> str:
    if item.audio is None:
        return hashlib.sha256(b"no audio in the manifest").hexdigest()
    try:
        return audio.digest(item.audio)
    except Unencodable as reason:
        return hashlib.sha256(reason.what.encode()).hexdigest()
