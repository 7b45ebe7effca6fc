"""Find IEMOCAP's session folders, and the release above or below a wrong folder."""

import re
from pathlib import Path

from featurestore.errors import NotFound, quote

EVALUATIONS = Path("dialog", "EmoEvaluation")
_SESSION = re.compile(r"Session(\d+)")


def find_sessions(root: Path) -> list[Path]:
    """Return the session folders of a release in order.

    Raises:
        NotFound: there are none; the message suggests the folder above or below that has them.
    """
    sessions = _list_sessions(root)
    if not sessions:
        raise NotFound(
            f"{root} is not an IEMOCAP release",
            expected="the folder with Session1 to Session5, each with dialog/EmoEvaluation/*.txt",
            got=_describe(root),
            do=_suggest(root),
        )
    return sessions


def _list_sessions(root: Path) -> list[Path]:
    if not root.is_dir():
        return []
    found = {int(match[1]): path for path in root.iterdir() if (match := _SESSION.fullmatch(path.name))}
    return [found[number] for number in sorted(found) if (found[number] / EVALUATIONS).is_dir()]


def _describe(root: Path) -> str:
    if not root.exists():
        return "no such folder"
    if not root.is_dir():
        return "a file"
    names = sorted(path.name for path in root.iterdir())
    return f"a folder with {', '.join(names[:5])}{' …' if len(names) > 5 else ''}" if names else "an empty folder"


def _suggest(root: Path) -> str:
    """Return the command that reads the release above or below `root`, or where to get the release."""
    below = sorted(path for path in root.iterdir() if path.is_dir()) if root.is_dir() else []
    for candidate in (*below, *root.absolute().parents):
        try:
            sessions = _list_sessions(candidate)
        except OSError:  # a folder without permission to list it
            continue
        if sessions:
            return f"the release is {candidate}: cli prepare iemocap {quote(candidate)}"
    return "get the release from https://sail.usc.edu/iemocap/; for your own data: cli prepare table TABLE"
