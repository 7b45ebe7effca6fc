"""IEMOCAP's evaluation files: the label, mean ratings and every rater's votes of each turn of a dialogue."""

import json
import re
from dataclasses import dataclass

_N = r"\d+(?:\.\d*)?"
_TURN = re.compile(
    rf"\[(?P<start>{_N})\s*-\s*(?P<end>{_N})\]\s+(?P<id>\S+)\s+(?P<label>\S+)\s+"
    rf"\[(?P<valence>{_N}),\s*(?P<activation>{_N}),\s*(?P<dominance>{_N})\]"
)
_VOTE = re.compile(r"(?P<rater>[CA]-[^:\s]+)\s*:\s*(?P<vote>.*?)\s*(\((?P<comment>.*)\)?)?")
_RATING = re.compile(rf"(val|act|dom)\s*({_N})?")
_NUMBERS = ("start", "end", "valence", "activation", "dominance")


@dataclass(frozen=True)
class Turn:
    """One evaluated turn: times in seconds into the dialogue, mean ratings, `votes` as JSON."""

    id: str
    label: str
    start: float
    end: float
    valence: float
    activation: float
    dominance: float
    votes: str


def turns(text: str) -> tuple[list[Turn], list[int]]:
    """The turns of one evaluation file in its order, and the numbers of the lines that could not be read."""
    heads: list[re.Match[str]] = []
    votes: list[list[dict[str, object]]] = []
    strange: list[int] = []
    for number, line in enumerate(text.split("\n"), 1):
        line = line.strip()
        if not line or line.startswith("%"):
            continue
        if head := _TURN.fullmatch(line):
            heads.append(head)
            votes.append([])
        elif heads and (vote := _vote(line)):
            votes[-1].append(vote)
        else:
            strange.append(number)
    return [_turn(head, given) for head, given in zip(heads, votes, strict=True)], strange


def _turn(head: re.Match[str], votes: list[dict[str, object]]) -> Turn:
    numbers = {name: float(head[name]) for name in _NUMBERS}
    compact = json.dumps(votes, ensure_ascii=False, separators=(",", ":"))
    return Turn(id=head["id"], label=head["label"], votes=compact, **numbers)


def _vote(line: str) -> dict[str, object] | None:
    """One rater's vote: the labels that were heard, or the ratings (None where left blank), and the comment if any."""
    match = _VOTE.fullmatch(line)
    if not match:
        return None
    given: dict[str, object] = {"rater": match["rater"]}
    parts = [part.strip() for part in match["vote"].split(";")]
    if match["rater"].startswith("C"):
        given["labels"] = [part for part in parts if part]
    else:
        ratings = [_RATING.fullmatch(part) for part in parts if part]
        if not all(ratings):
            return None
        given |= {rating[1]: _number(rating[2] or "") for rating in ratings if rating}
    comment = (match["comment"] or "").removesuffix(")").strip()
    return given | ({"comment": comment} if comment else {})


def _number(text: str) -> float | None:
    return (int(text) if text.isdigit() else float(text)) if text else None
