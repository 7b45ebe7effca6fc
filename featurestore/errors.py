"""Define the errors that a user can cause. Each says what is wrong and where, expected against got, and what to do."""

import shlex
from typing import Self


class Problem(Exception):
    """Base of every error that a user can cause. Its text is the whole message.

    Args:
        what: what is wrong, and where (file, utterance, option).
        expected: what should have been there; empty if that is obvious.
        got: what was there.
        do: what to do next, if possible a command.
    """

    def __init__(self, what: str, *, expected: str = "", got: str = "", do: str = "") -> None:
        self.what, self.expected, self.got, self.do = what, expected, got, do
        parts = [("expected", expected), ("got", got), ("do", do)]
        text = "\n".join([what, *(f"  {name}: {value}" for name, value in parts if value)])
        super().__init__(text)
        self.text = text

    def __str__(self) -> str:
        return self.text

    def with_advice(self, advice: str) -> Self:
        """Return the same error with something else to do, if there is any advice."""
        if not advice:
            return self
        return type(self)(self.what, expected=self.expected, got=self.got, do=advice)


class BadValue(Problem, ValueError):
    """A value from the user that is invalid."""


class UnknownName(Problem, LookupError):
    """A name (corpus, encoder, head, feature, utterance) that does not exist."""


class NotFound(Problem, FileNotFoundError):
    """A file or folder that does not exist."""


class Mismatch(Problem, ValueError):
    """Two things that must agree and do not: a damaged file, a stale feature, another checkpoint."""


class Leakage(Problem, ValueError):
    """Test utterances that an encoder was fine-tuned on."""


class Unencodable(Problem, ValueError):
    """An utterance that cannot be encoded. The other utterances are."""


class UnencodableNow(Unencodable):
    """An utterance that cannot be encoded under present limits or with what is installed. The next run tries again."""


class Unavailable(Problem, RuntimeError):
    """Something outside the program that is missing: a package, the network, a lock, memory."""


def quote(word: object) -> str:
    """Quote a path or another word of a command for the shell."""
    return shlex.quote(str(word))


def format_count(count: int, noun: str) -> str:
    """Return a number with its noun, which takes an -s unless the number is 1.

    >>> format_count(1, "speaker"), format_count(1200, "speaker")
    ('1 speaker', '1,200 speakers')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def summarize_error(error: Exception) -> str:
    """Return one line about an error of a foreign library: its class and the beginning of its text."""
    return f"{type(error).__name__}: {shorten_error(error)}"


def shorten_error(error: BaseException) -> str:
    """Return the beginning of an error's text in one line, at most 300 characters."""
    return " ".join(str(error).split())[:300]
