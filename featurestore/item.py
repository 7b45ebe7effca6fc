"""Hold the input of an encoder for one utterance, and compute the sha256 that identifies it."""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from featurestore.audio import decode as audio_files
from featurestore.errors import Unencodable

_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Item:
    """Input of an encoder for one utterance. The clip is decoded once.

    Args:
        id: utterance id.
        audio: path of the clip; None if there is none.
        text: the words; empty if there are none.
        start: seconds into the clip at which the utterance begins; None if it is the whole clip.
        end: seconds into the clip at which it ends; None if it ends with the clip.
        context: texts of the turns before it in its dialogue, the earliest first; empty without context.
        check_length: is called with the length of the clip in seconds before it is decoded, and raises Unencodable to
            refuse it. None accepts any length.
    """

    id: str
    audio: Path | None
    text: str
    start: float | None = None
    end: float | None = None
    context: tuple[str, ...] = ()
    check_length: Callable[[float], None] | None = field(default=None, compare=False, repr=False)

    @cached_property
    def clip(self) -> audio_files.Clip:
        """The decoded clip, mono. Raises Unencodable if there is no usable audio."""
        if self.audio is None:
            raise Unencodable("no audio file")
        return audio_files.decode(self.audio, self.start, self.end, self.check_length)

    def waveform(self, rate: int) -> NDArray[np.float32]:
        """Return the clip (S,) at `rate` Hz, full scale -1 to 1.

        Raises:
            Unencodable: there is no usable audio, or not one sample of it at this rate.
        """
        samples = self.clip.at(rate)
        if not len(samples):
            raise Unencodable(f"too short: {len(self.clip.samples)} samples give none at {rate} Hz")
        return samples

    def hash_input(self, modality: str) -> str:
        """Compute the sha256 by which an utterance is recognized: its decoded samples for `audio`, else its own words.

        The context is left out: a turn is the same turn whatever was said before it.
        """
        return self.clip.digest() if modality == "audio" else hash_text(self.text)

    def clip_digest(self) -> str:
        """Return the sha256 of the decoded samples, or an empty text if there is no usable clip."""
        try:
            return self.clip.digest()
        except Unencodable:
            return ""


def hash_text(text: str) -> str:
    """Compute the sha256 of a text's words. Case, punctuation and white space are ignored."""
    words = " ".join(_WORD.findall(text.casefold())) or text.strip()
    return hashlib.sha256(words.encode("utf-8")).hexdigest()
