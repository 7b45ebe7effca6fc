"""Build what a head is given beyond a matrix, for evaluation and for prediction alike."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from featurestore.dialogues import order_turns
from featurestore.manifest import Utterance
from heads import Inputs, Turns

DIALOGUE, FRAMES, WORDS = "dialogue", "frames", "words"  # what a head may name in `TAKES`


class TurnPlace(NamedTuple):
    """Where a turn stands: its dialogue, its place there from 0, and its speaker (empty if unknown)."""

    dialogue: str
    position: int
    speaker: str


def list_taken(head: Any) -> frozenset[str]:
    """List what a head takes beyond a matrix with its settings, nothing for a classifier of another package."""
    taken: frozenset[str] = getattr(head, "takes", frozenset())
    return taken


def describe_approximation(head: Any) -> str:
    """Describe what a fitted head approximates, or return an empty text, as for a classifier of another package."""
    return str(head.describe_approximation()) if hasattr(head, "describe_approximation") else ""


def give(head: Any, inputs: Inputs) -> Any:
    """Return inputs as a head takes them: as they are, or their matrix (N, D)."""
    return inputs if list_taken(head) else inputs.matrix


def place_turns(utterances: Iterable[Utterance], *, segments: bool = False) -> dict[str, TurnPlace]:
    """Find the place of every turn that has a dialogue, by id.

    Args:
        utterances: in manifest order.
        segments: whether `start` counts from the beginning of the turn's own `audio`.

    Raises:
        Mismatch: the order of a dialogue is ambiguous (`featurestore.dialogues.order_turns`).
    """
    dialogues = order_turns(utterances, segments=segments)
    return {
        turn.id: TurnPlace(name, position, turn.speaker)
        for name, turns in dialogues.items()
        for position, turn in enumerate(turns)
    }


def make_turns(
    utterance_ids: Sequence[str], places: Mapping[str, TurnPlace], speakers: Mapping[str, str] | None = None
) -> Turns:
    """Make the turns of some rows. A row without a place is a dialogue of its own, of its speaker in `speakers`."""
    alone = (TurnPlace(f" {one}", 0, (speakers or {}).get(one, "")) for one in utterance_ids)
    found = [places.get(utterance_id, one) for utterance_id, one in zip(utterance_ids, alone, strict=True)]
    dialogue, position, speaker = zip(*found, strict=True)
    return Turns(np.array(dialogue), np.array(position, np.intp), np.array(speaker))
