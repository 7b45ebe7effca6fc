"""Where IEMOCAP's session folders are, and what to tell somebody who points beside them."""

import re
from pathlib import Path

from featurestore.errors import NotFound, quoted

EVALUATIONS = Path("dialog", "EmoEvaluation")
_SESSION = re.compile(r"Session(\d+)")


def sessions(root: Path) -> list[Path]:
    """The session folders of a release, in order.

    Raises:
        NotFound: `root` holds none; the message names the folder above or below that does.
    """
    found = _folders(root)
    if not found:
        raise NotFound(
            f"{root} is not an IEMOCAP release",
            expected="the folder with Session1 to Session5, each with dialog/EmoEvaluation/*.txt",
            got=_got(root),
            do=_advice(root),
        )
    return found


def _folders(root: Path) -> list[Path]:
    if not root.is_dir():
        return []
    found = {int(match[1]): path for path in root.iterdir() if (match := _SESSION.fullmatch(path.name))}
    return [found[number] for number in sorted(found) if (found[number] / EVALUATIONS).is_dir()]


def _got(root: Path) -> str:
    if not root.exists():
        return "no such folder"
    if not root.is_dir():
        return "a file"
    names = sorted(path.name for path in root.iterdir())
    return f"a folder with {', '.join(names[:5])}{' …' if len(names) > 5 else ''}" if names else "an empty folder"


def _advice(root: Path) -> str:
    """The release that lies above or below `root`, as the command that reads it."""
    below = sorted(path for path in root.iterdir() if path.is_dir()) if root.is_dir() else []
    for candidate in (*below, *root.absolute().parents):
        try:
            found = _folders(candidate)
        except OSError:  # a folder that may not be listed
            continue
        if found:
            return f"the release is {candidate}: cli prepare iemocap {quoted(candidate)}"
    return "the release comes from https://sail.usc.edu/iemocap/; for data of your own: cli prepare table TABLE"
