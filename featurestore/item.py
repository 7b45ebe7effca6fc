"""What an encoder is given of one utterance, and the digest that knows its content again."""

import hashlib
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from featurestore.audio import decode as audio_files
from featurestore.errors import Unencodable

_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Item:
    """Hold what an encoder is given of one utterance; its clip is decoded once.

    Args:
        id: of the utterance.
        audio: the clip; None where there is none.
        text: the words; empty where there are none.
        start: seconds at which the utterance begins in the clip; None where it is the whole clip.
        end: seconds at which it ends in the clip; None where it ends with the clip.
    """

    id: str
    audio: Path | None
    text: str
    start: float | None = None
    end: float | None = None

    @cached_property
    def clip(self) -> audio_files.Clip:
        """The decoded clip, mono; raises Unencodable where it is no usable audio."""
        if self.audio is None:
            raise Unencodable("no audio in the manifest")
        return audio_files.decode(self.audio, self.start, self.end)

    def waveform(self, rate: int) -> NDArray[np.float32]:
        """Give the clip (S,) at `rate` Hz; raises Unencodable where it is no usable audio or has no sample."""
        samples = self.clip.at(rate)
        if not len(samples):
            raise Unencodable(f"too short: {len(self.clip.samples)} samples give none at {rate} Hz")
        return samples

    def content(self, modality: str) -> str:
        """Compute the sha256 of what an encoder is given: the decoded samples, or the words."""
        return self.clip.digest() if modality == "audio" else text_digest(self.text)

    def clip_digest(self) -> str:
        """Compute the sha256 of the decoded samples; empty where there is no usable clip."""
        try:
            return self.clip.digest()
        except Unencodable:
            return ""


def text_digest(text: str) -> str:
    """Compute the sha256 of a text's words; case, punctuation and space between them do not count."""
    words = " ".join(_WORD.findall(text.casefold())) or text.strip()
    return hashlib.sha256(words.encode("utf-8")).hexdigest()
