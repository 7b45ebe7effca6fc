"""Define the base class of heads that read frames of audio beside frames of text."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from heads._inputs import FRAMES, Frames, Layout
from heads._utterances import UtteranceHead

AUDIO, TEXT = "audio", "text"


@dataclass(kw_only=True, eq=False, repr=False)
class AudioTextHead(UtteranceHead):
    """Base class of heads that read frames of audio beside frames of text.

    Each feature of frames has an encoder of its own, and those of one modality are joined. A feature of unknown
    modality, such as a plain matrix, is read on both sides.

    `COST` of these heads is of a fit on frames: 5,531 utterances of 225 audio frames and 14 tokens on average, with 768
    dimensions each, in 60 epochs.

    Args:
        max_tokens: frames of text that are read of an utterance, from its beginning, and 0 for all of them.
            `max_frames` is of every other modality.
    """

    TAKES: ClassVar[frozenset[str]] = frozenset({FRAMES})
    KIND: ClassVar[str] = "frames"

    max_tokens: int = 0

    def list_modalities(self) -> tuple[str, ...]:
        """List the modalities that the head cannot do without."""
        return (AUDIO, TEXT)

    def _count_frames(self, frames: Frames, row: int) -> int:
        if frames.modality != TEXT:
            return super()._count_frames(frames, row)
        length = len(frames.rows[row])
        return min(length, self.max_tokens) if self.max_tokens else length

    def _check_params(self) -> None:
        super()._check_params()
        self._check_number("max_tokens", low=0, integer=True, inclusive=True)


def find_side(modalities: Iterable[str], side: str) -> list[int]:
    """List the places of a modality among others. An unknown one counts as every modality."""
    return [place for place, modality in enumerate(modalities) if modality in (side, "")]


def find_frames(layout: Layout, side: str) -> list[int]:
    """List the numbers of the features of frames of a modality, as `find_side` does.

    Raises:
        ValueError: there is none.
    """
    found = find_side((modality for _, modality, _ in layout.frames), side)
    if not found:
        names = ", ".join(name for name, _, _ in layout.frames) or "no frames"
        raise ValueError(f"the features have no frames of {side}, which this head reads: {names}")
    return found
