"""Order the turns of each dialogue of a corpus: by time where it is known, else by their place in the manifest."""

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise

from featurestore.errors import Mismatch, format_count
from featurestore.manifest import Utterance

_SHOWN = 3  # utterances or dialogues that a message names
_DO = (
    "fix the columns start and end, or leave start empty in every turn of the dialogue, which keeps the order of the "
    "rows; a store then needs cli prepare again"
)


def order_turns(utterances: Iterable[Utterance], *, segments: bool = False) -> dict[str, list[Utterance]]:
    """Group utterances into dialogues, and put the turns of each in the order in which they were spoken.

    A dialogue is ordered by `start` where every turn of it has one, and turns of one start by `end`. Where no turn has
    a start, the turns stay in the order in which they are given. Turns without a label are turns like any other.

    Args:
        utterances: in manifest order. Those without a dialogue are left out.
        segments: whether `start` counts from the beginning of the turn's own `audio`, as `Store.segments` says.

    Returns:
        The turns in order, by dialogue. Dialogues are in the order of their first utterance.

    Raises:
        Mismatch: the order is ambiguous: some turns of a dialogue have a start and others have none, two turns have the
            same start and end, or the turns are segments of several recordings.

    Example:
        >>> rows = [Utterance("b", dialogue="d", start=3.0), Utterance("a", dialogue="d", start=1.0), Utterance("c")]
        >>> [row.id for row in order_turns(rows)["d"]]
        ['a', 'b']
    """
    dialogues: dict[str, list[Utterance]] = {}
    for utterance in utterances:
        if utterance.dialogue:
            dialogues.setdefault(utterance.dialogue, []).append(utterance)
    _check_starts(dialogues)
    if segments:
        _check_recordings(dialogues)
    return {name: _order_dialogue(name, turns) for name, turns in dialogues.items()}


def find_previous_turns(
    utterances: Sequence[Utterance], count: int, *, segments: bool = False
) -> list[tuple[Utterance, ...]]:
    """Find the last turns before each utterance in its dialogue, the earliest first.

    Args:
        utterances: in manifest order; ids may repeat.
        count: the most turns to find for each.
        segments: as for `order_turns`.

    Returns:
        The turns before each utterance, in the order of `utterances`. Empty for a first turn, and for an utterance
        without a dialogue.

    Raises:
        Mismatch: as `order_turns` raises.
    """
    rows = list(utterances)  # a manifest makes another object whenever it is asked for one
    places = {id(utterance): place for place, utterance in enumerate(rows)}
    previous: list[tuple[Utterance, ...]] = [()] * len(rows)
    for turns in order_turns(rows, segments=segments).values():
        for position, turn in enumerate(turns):
            previous[places[id(turn)]] = tuple(turns[max(0, position - count) : position])
    return previous


def list_texts(turns: Sequence[Utterance]) -> tuple[str, ...]:
    """List the texts of turns that have one."""
    return tuple(turn.text for turn in turns if turn.text.strip())


def _order_dialogue(name: str, turns: Sequence[Utterance]) -> list[Utterance]:
    if not _has_start(turns[0]):
        return list(turns)
    ordered = sorted(turns, key=_time)
    for first, second in pairwise(ordered):
        if first.start == second.start and (first.end == second.end or None in (first.end, second.end)):
            raise Mismatch(
                f"the order of {first.id} and {second.id} in dialogue {name} is ambiguous",
                expected="turns that differ in start or end",
                got=f"{_format_times(first)} and {_format_times(second)}",
                do=_DO,
            )
    return ordered


def _check_starts(dialogues: dict[str, list[Utterance]]) -> None:
    """Raise Mismatch where some turns of a dialogue have a start and others have none."""
    partial = [name for name, turns in dialogues.items() if len({_has_start(turn) for turn in turns}) > 1]
    if partial:
        turns = dialogues[partial[0]]
        missing = [turn.id for turn in turns if not _has_start(turn)]
        raise Mismatch(
            f"some turns of {_list_dialogues(partial)} have no start, so their order is unknown",
            expected="a start in every turn of a dialogue, or in none",
            got=f"{len(missing)} of {format_count(len(turns), 'turn')} of {partial[0]} without: {_shorten(missing)}",
            do=_DO,
        )


def _check_recordings(dialogues: dict[str, list[Utterance]]) -> None:
    """Raise Mismatch where the starts of a dialogue count from the beginnings of different recordings."""
    recordings = {name: sorted({turn.audio for turn in turns}) for name, turns in dialogues.items()}
    several = [name for name, found in recordings.items() if len(found) > 1 and _has_start(dialogues[name][0])]
    if several:
        raise Mismatch(
            f"the turns of {_list_dialogues(several)} are segments of several recordings, so start does not order them",
            expected="one recording per dialogue, or turns without a start",
            got=f"{len(recordings[several[0]])} recordings in {several[0]}: {_shorten(recordings[several[0]])}",
            do="give the turns of each recording a dialogue of their own, or cut the clips, remove start and end, and "
            "put the rows in order; a store then needs cli prepare again",
        )


def _has_start(turn: Utterance) -> bool:
    return turn.start is not None and math.isfinite(turn.start)


def _time(turn: Utterance) -> tuple[float, float]:
    return turn.start or 0.0, math.inf if turn.end is None else turn.end


def _format_times(turn: Utterance) -> str:
    return f"{turn.start:g} s to {'no end' if turn.end is None else f'{turn.end:g} s'}"


def _list_dialogues(names: Sequence[str]) -> str:
    return f"dialogue {names[0]}" if len(names) == 1 else f"{len(names)} dialogues ({_shorten(names)})"


def _shorten(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (" …" if len(names) > _SHOWN else "")
