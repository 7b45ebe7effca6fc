"""Read the votes of MSP-Podcast, which its releases keep in four forms."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from featurestore.corpora._msp_votes import build_vote, parse_vote
from featurestore.releases.finding_list import FindingList
from featurestore.releases.json_files import format_votes, get_text, read_json_object
from featurestore.releases.label_tables import read_rows
from featurestore.releases.release_files import ReleaseFiles, get_stem

_NAMES = ("labels_detailed.csv", "labels_detailed.json")
_RATERS = ("WorkerID", "Workers", "Worker")  # names of the column in releases 2.0 and 1.6
_RATINGS = {"act": "EmoAct", "val": "EmoVal", "dom": "EmoDom"}


def read_votes(files: ReleaseFiles, folder: PurePosixPath, ids: Collection[str], found: FindingList) -> dict[str, str]:
    """Read the votes on each utterance.

    Args:
        files: of the release.
        folder: of the consensus labels; labels_detailed.csv, or .json, lies beside these.
        ids: of the utterances.
        found: receives the findings.

    Returns:
        The votes as JSON, by id.

    Raises:
        NotFound: the file cannot be read.
        Mismatch: it cannot be parsed.
    """
    path = next(filter(None, (files.find((folder / name).as_posix()) for name in _NAMES)), "")
    if not path:
        found.add("files that this copy lacks, so that votes are empty", [_NAMES[0]])
        return {}
    votes: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for name, vote in _list_votes(files.root / path, found):
        votes[get_stem(name)].append(vote)
    found.add("utterances without votes", (one for one in ids if one not in votes))
    return {utterance_id: format_votes(listed) for utterance_id, listed in votes.items()}


def _list_votes(path: Path, found: FindingList) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the file name of a clip, and a vote on it."""
    if path.suffix.lower() == ".json":
        for name, raters in read_json_object(path).items():
            for rater, entry in raters.items() if isinstance(raters, dict) else ():
                yield name, _build(rater, entry)
        return
    for row in read_rows(path, ["FileName"], found):
        vote = parse_vote(row["EmoDetail"]) if "EmoDetail" in row else _build(_find_rater(row), row)
        if vote is None:
            found.add("votes that cannot be read, ignored", [f"{row['FileName']}: {row['EmoDetail']}"])
        else:
            yield row["FileName"], vote


def _find_rater(row: Mapping[str, str]) -> str:
    return next((row[column] for column in _RATERS if column in row), "")


def _build(rater: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    ratings = {name: get_text(entry, column) for name, column in _RATINGS.items()}
    return build_vote(rater, get_text(entry, "EmoClass_Major"), get_text(entry, "EmoClass_Second"), ratings)
