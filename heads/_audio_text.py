"""Define the base class of heads that read frames of audio beside frames of text."""

from dataclasses import dataclass
from typing import ClassVar

from heads._inputs import FRAMES, Frames
from heads._modalities import AUDIO, TEXT
from heads._utterances import UtteranceHead


@dataclass(kw_only=True, eq=False, repr=False)
class AudioTextHead(UtteranceHead):
    """Base class of heads that read frames of audio beside frames of text.

    Each feature of frames has an encoder of its own, and those of one modality are joined. A feature of unknown
    modality, such as a plain matrix, is read on both sides.

    `COST` of these heads is of a fit on frames: 5,531 utterances of 225 audio frames and 14 tokens on average, with 768
    dimensions each, in 60 epochs.

    Args:
        max_tokens: frames of text that are read of an utterance, from its beginning; 0 for all of them. `max_frames`
            limits every other modality.
    """

    TAKES: ClassVar[frozenset[str]] = frozenset({FRAMES})
    KIND: ClassVar[str] = "frames"

    max_tokens: int = 0

    def list_modalities(self) -> tuple[str, ...]:
        """List the modalities that the head cannot do without."""
        return (AUDIO, TEXT)

    def _find_limit(self, frames: Frames) -> int:
        return self.max_tokens if frames.modality == TEXT else self.max_frames

    def _check_params(self) -> None:
        super()._check_params()
        self._check_counts("max_tokens", low=0)
