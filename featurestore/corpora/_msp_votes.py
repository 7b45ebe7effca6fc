"""Parse ratings and votes as the corpora of UT Dallas write them: `WORKER1; Angry; Angry,Sad; A:4; V:2; D:3; N:5;`."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from featurestore.manifest import Utterance
from featurestore.releases.finding_list import FindingList
from featurestore.releases.label_tables import parse_number

_NUMBER = r"\d+(?:\.\d+)?|NaN"
RATINGS = rf"A:\s*(?P<act>{_NUMBER})\s*;\s*V:\s*(?P<val>{_NUMBER})\s*;\s*D:\s*(?P<dom>{_NUMBER})\s*;?" + (
    rf"(?:\s*N:\s*(?P<nat>{_NUMBER})\s*;?)?"
)  # of activation, valence, dominance, naturalness
_VOTE = re.compile(rf"(?P<rater>[^;]+);\s*(?P<major>[^;]*);\s*(?P<second>.*?)\s*;?\s*{RATINGS}")


def parse_vote(line: str) -> dict[str, Any] | None:
    """Parse one rater's vote, or return None for another line."""
    match = _VOTE.fullmatch(line.strip())
    return build_vote(match["rater"], match["major"], match["second"], match.groupdict()) if match else None


def build_vote(rater: str, major: str, second: str, ratings: Mapping[str, str | None]) -> dict[str, Any]:
    """Build a vote.

    Args:
        rater: name of the rater.
        major: the emotion chosen first.
        second: all emotions heard, separated by commas.
        ratings: by `act`, `val`, `dom`, `nat`; other keys are ignored.
    """
    numbers = {name: _shorten(ratings[name]) for name in ("val", "act", "dom", "nat") if ratings.get(name) is not None}
    labels = [label.strip() for label in second.split(",") if label.strip()]
    return {"rater": rater.strip(), "labels": [major.strip()] if major.strip() else [], "second": labels, **numbers}


def report_ratings(rows: Iterable[Utterance], scale: tuple[float, float], found: FindingList) -> None:
    """Report the utterances whose mean ratings are outside the scale."""
    low, high = scale
    for row in rows:
        ratings = (row.valence, row.activation, row.dominance)
        is_outside = any(value is not None and not low <= value <= high for value in ratings)
        found.add(f"mean ratings outside {low:g} to {high:g}, kept", [row.id] if is_outside else [])


def _shorten(text: str | None) -> float | int | None:
    value = parse_number(text or "")
    return int(value) if value is not None and value.is_integer() else value
