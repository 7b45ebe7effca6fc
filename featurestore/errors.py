"""What can go wrong, as one small tree: every error says what and where, expected against got, and what to do next."""

import shlex


class Problem(Exception):
    """Base of every error that a user can cause; its text is the whole message.

    Args:
        what: what is wrong, and where (file, utterance, option).
        expected: what should have been there; empty where it is plain.
        got: what was there.
        do: what to do next, at best the command that mends it.
    """

    def __init__(self, what: str, *, expected: str = "", got: str = "", do: str = "") -> None:
        self.what = what
        parts = [("expected", expected), ("got", got), ("do", do)]
        text = "\n".join([what, *(f"  {name}: {value}" for name, value in parts if value)])
        super().__init__(text)
        self.text = text

    def __str__(self) -> str:
        return self.text


class BadValue(Problem, ValueError):
    """A value that the user gave cannot be used."""


class UnknownName(Problem, LookupError):
    """A name (corpus, encoder, head, feature, utterance) that is not there."""


class NotFound(Problem, FileNotFoundError):
    """A file or folder that is not there."""


class Mismatch(Problem, ValueError):
    """Two things that must agree do not: a damaged file, a stale feature, another checkpoint."""


class Leakage(Problem, ValueError):
    """Test utterances that an encoder was tuned on."""


class Unencodable(Problem, ValueError):
    """One utterance that cannot be encoded; the others go on."""


class Unavailable(Problem, RuntimeError):
    """Something outside is missing: a package, the network, a lock, memory."""


def quoted(word: object) -> str:
    """A path or another word of a command that is to be copied into a shell."""
    return shlex.quote(str(word))


def told_briefly(error: Exception) -> str:
    """Write an error of a foreign library in one line: its kind and the beginning of its text."""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
