"""Find the files of IEMOCAP's sessions, in any folder below the root, and the release above a wrong folder."""

import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from featurestore.errors import NotFound, quote
from featurestore.releases.finding_list import FindingList
from featurestore.releases.named_clips import describe_folder
from featurestore.releases.release_files import ReleaseFiles

_SECOND = "audio files of a second copy of the release, ignored; the least nested one is read"
_OTHER = "other audio files, ignored"
_KINDS = ("evaluations", "transcripts", "clips")  # groups of the expression, and fields of SessionFiles
_FILE = re.compile(
    r"(?P<above>(?:.*/)?)session(?P<number>\d+)/(?:"
    r"dialog/(?:(?P<evaluations>emoevaluation)|(?P<transcripts>transcriptions))/[^/]+\.txt"
    r"|(?P<clips>sentences/wav)/[^/]+/[^/]+\.wav|dialog/(?P<others>.+))",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class SessionFiles:
    """Paths of a session's files, in order: text files of one dialogue each, and clips of one turn each.

    Args:
        number: 1 to 5.
        folder: path of the session below the root; its files may be spelt in another case.
        evaluations: paths below the root, as they are on the disk.
        transcripts: likewise.
        clips: likewise.
    """

    number: int
    folder: str
    evaluations: list[str]
    transcripts: list[str]
    clips: list[str]


def find_sessions(files: ReleaseFiles, found: FindingList) -> list[SessionFiles]:
    """Return the sessions of a release in order.

    Args:
        files: below the root.
        found: receives the audio files that are not of a session, and those of second copies.

    Raises:
        NotFound: there are none; the message suggests the folder above that has them.
    """
    matches = {path: match for path in files.paths if (match := _FILE.fullmatch(path))}
    above = [match["above"] for match in matches.values() if match[_KINDS[0]]]
    if not above:
        raise NotFound(
            f"{files.root} is not an IEMOCAP release",
            expected="the folder with Session1 to Session5, each with dialog/EmoEvaluation/*.txt",
            got=describe_folder(files.root),
            do=_suggest(files.root),
        )
    release = min(above, key=lambda folder: (folder.count("/"), folder))
    found.add(_OTHER, (path for path in files.clips() if path not in matches))
    found.add(_SECOND, (path for path in files.clips() if path in matches and matches[path]["above"] != release))
    return _group(release, {path: match for path, match in matches.items() if match["above"] == release})


def _group(release: str, matches: dict[str, re.Match[str]]) -> list[SessionFiles]:
    """Return the sessions in order."""
    paths: dict[tuple[int, str], list[str]] = defaultdict(list)
    for path, match in matches.items():
        paths[int(match["number"]), match.lastgroup or ""].append(path)
    return [
        SessionFiles(number, f"{release}Session{number}", *(paths[number, kind] for kind in _KINDS))
        for number in sorted({number for number, kind in paths if kind in _KINDS})
    ]


def _suggest(root: Path) -> str:
    """Return the command that reads the release above `root`, or where to get the release."""
    for candidate in root.absolute().parents:
        if any(candidate.glob("Session*/dialog/EmoEvaluation")):
            return f"the release is {candidate}: cli prepare iemocap {quote(candidate)}"
    return "get the release from https://sail.usc.edu/iemocap/; for your own data: cli prepare table TABLE"
