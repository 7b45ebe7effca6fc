"""Parse IEMOCAP's evaluation files: label, mean ratings and every rater's votes of each turn of a dialogue."""

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
class EvaluatedTurn:
    """Evaluation of a turn: times in seconds into the dialogue, mean ratings, `votes` as JSON."""

    id: str
    label: str
    start: float
    end: float
    valence: float
    activation: float
    dominance: float
    votes: str


def parse_evaluation(text: str) -> tuple[list[EvaluatedTurn], list[int]]:
    """Parse an evaluation file.

    Args:
        text: the file's content with plain newlines.

    Returns:
        The turns in the order of the file, and the numbers of the lines that could not be parsed.
    """
    heads: list[re.Match[str]] = []
    votes: list[list[dict[str, object]]] = []
    unparsed: list[int] = []
    for number, line in enumerate(text.split("\n"), 1):
        line = line.strip()
        if not line or line.startswith("%"):
            continue
        if head := _TURN.fullmatch(line):
            heads.append(head)
            votes.append([])
        elif heads and (vote := _parse_vote(line)):
            votes[-1].append(vote)
        else:
            unparsed.append(number)
    return [_to_turn(head, votes_of_turn) for head, votes_of_turn in zip(heads, votes, strict=True)], unparsed


def _to_turn(head: re.Match[str], votes: list[dict[str, object]]) -> EvaluatedTurn:
    numbers = {name: float(head[name]) for name in _NUMBERS}
    compact = json.dumps(votes, ensure_ascii=False, separators=(",", ":"))
    return EvaluatedTurn(id=head["id"], label=head["label"], votes=compact, **numbers)


def _parse_vote(line: str) -> dict[str, object] | None:
    """Parse one rater's labels or ratings (None for a blank one) and comment, or return None for another line."""
    match = _VOTE.fullmatch(line)
    if not match:
        return None
    parsed: dict[str, object] = {"rater": match["rater"]}
    parts = [part.strip() for part in match["vote"].split(";")]
    if match["rater"].startswith("C"):
        parsed["labels"] = [part for part in parts if part]
    else:
        ratings = [_RATING.fullmatch(part) for part in parts if part]
        if not all(ratings):
            return None
        parsed |= {rating[1]: _parse_number(rating[2] or "") for rating in ratings if rating}
    comment = (match["comment"] or "").removesuffix(")").strip()
    return parsed | ({"comment": comment} if comment else {})


def _parse_number(text: str) -> float | None:
    return (int(text) if text.isdigit() else float(text)) if text else None
