"""Check that a name is a known one, and suggest the closest."""

import difflib
import re
from collections.abc import Iterable

from featurestore.errors import UnknownName

_ALL = 60  # names that a message lists in full; all corpora are fewer
_CLOSEST = 30  # of more names, those that it lists


def check_known(name: str, known: Iterable[str], *, what: str, do: str = "") -> None:
    """Check that `name` is known.

    Raises:
        UnknownName: it is not; the message suggests the closest known names.
    """
    known = list(known)
    if name in known:
        return
    close = find_closest(name, known)
    hint = f"did you mean {' or '.join(close)}?" if close else ""
    raise UnknownName(
        f"unknown {what}",
        expected=f"one of {list_names(name, known)}" if known else "",
        do=" ".join(part for part in (hint, f"see: {do}" if do else "") if part),
    )


def find_closest(name: str, known: Iterable[str]) -> list[str]:
    """Find up to three known names that look like a name, or whose words have its letters as initials.

    >>> find_closest("loso", ["holdout", "leave-one-session-out", "leave-one-speaker-out"])
    ['leave-one-session-out', 'leave-one-speaker-out']
    >>> find_closest("EmoDB", ["emodb", "emovo", "meld"])
    ['emodb']
    """
    known = list(known)
    if same := [one for one in known if _simplify(one) == _simplify(name)]:
        return same
    initials = ["".join(word[0] for word in re.split("[-_ ]", one) if word) for one in known]
    short = [one for one, letters in zip(known, initials, strict=True) if len(name) > 1 and letters == name.lower()]
    return short or _match(name, known, count=3, cutoff=0.6)


def list_names(name: str, known: list[str]) -> str:
    """List all known names, or of very many, such as the ids of a corpus, the closest."""
    if len(known) <= _ALL:
        return ", ".join(known)
    closest = _match(name, known, count=_CLOSEST, cutoff=0)
    return f"{', '.join(closest)}, … {len(known):,} in all"


def _simplify(name: str) -> str:
    """Return a name without its case and punctuation: `CREMA_D` is `crema-d`."""
    return re.sub(r"[\W_]", "", name).casefold()


def _match(name: str, known: list[str], *, count: int, cutoff: float) -> list[str]:
    """Return the known names that are most like a name, whatever its case."""
    originals: dict[str, list[str]] = {}
    for one in known:
        originals.setdefault(one.casefold(), []).append(one)
    closest = difflib.get_close_matches(name.casefold(), list(originals), n=count, cutoff=cutoff)
    return [one for folded in closest for one in originals[folded]][:count]
