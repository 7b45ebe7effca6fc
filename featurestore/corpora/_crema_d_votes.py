"""Read what the raters of CREMA-D chose: finishedResponses.csv, one row per response."""

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from featurestore.releases.finding_list import FindingList
from featurestore.releases.json_files import format_votes
from featurestore.releases.label_tables import read_rows

_COLUMNS = ("localid", "queryType", "clipName", "respEmo", "respLevel")
_PRESENTED = {"1": "voice", "2": "face", "3": "voice and face"}
_LABELS = {"A": "ANG", "D": "DIS", "F": "FEA", "H": "HAP", "N": "NEU", "S": "SAD"}


def read_votes(path: Path, found: FindingList) -> dict[str, str]:
    """Return the votes on each clip as JSON, by the id of its utterance.

    A vote has `rater`, `labels` (a list of one), `level` (0 to 100, how strong the emotion is; only where given) and
    `presented`: `voice`, `face` or `voice and face`.

    Args:
        path: the file.
        found: receives the findings.

    Raises:
        Mismatch: a column is missing, or the file cannot be parsed.
        NotFound: the file cannot be read.
    """
    votes: dict[str, list[dict[str, object]]] = defaultdict(list)
    for number, row in enumerate(read_rows(path, _COLUMNS, found), 1):
        if row["respEmo"] in _LABELS and row["queryType"] in _PRESENTED:
            votes[row["clipName"].upper()].append(_to_vote(row))
        else:
            found.add("responses of an unknown emotion or presentation, ignored", [f"{path.name}, response {number}"])
    return {clip: format_votes(own) for clip, own in votes.items()}


def _to_vote(row: Mapping[str, str]) -> dict[str, object]:
    level = {"level": int(row["respLevel"])} if row["respLevel"].isdecimal() else {}
    labels = [_LABELS[row["respEmo"]]]
    return {"rater": row["localid"], "labels": labels, **level, "presented": _PRESENTED[row["queryType"]]}
