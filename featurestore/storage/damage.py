"""Errors about a feature file that cannot be read, and the commands that fix it."""

from collections.abc import Sequence
from pathlib import Path

from featurestore.errors import Mismatch, Unavailable, quote, shorten_error
from featurestore.storage.schema import TRANSCRIPTS


class Damaged(Mismatch):
    """A file that is not as it was written: damaged, changed by another program, or not a feature file."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(
            f"{path} is damaged or not a feature file",
            got=reason,
            do=f"repair it: {repair_command(path)} (works if every checksum matches); otherwise move it away and run: "
            f"{extract_command(path)}",
        )
        self.reason = reason


class OpenForWriting(Unavailable):
    """A file that another program has open for writing, or had open when it was killed.

    Args:
        path: the file.
        programs: programs on this machine that have it open, as far as they are visible.
    """

    def __init__(self, path: Path, programs: Sequence[str]) -> None:
        if programs:
            super().__init__(
                f"{path} is open for writing in another program",
                got=", ".join(programs),
                do="close it there (a notebook, HDFView), then run the same command again",
            )
        else:
            super().__init__(
                f"{path} was left open for writing by another program",
                got="the file is marked as open, but no program on this machine has it open: the program was killed, "
                "or runs on another machine",
                do="close it there; if no program has it open, check every checksum and clear the mark: "
                f"{repair_command(path)}",
            )
        self.programs = tuple(programs)


def repair_command(path: Path) -> str:
    """Return the command that repairs a feature file that another program has changed."""
    return f"cli verify {quote(find_store(path))} --repair"


def find_store(path: Path) -> Path:
    """Return the store's folder of a feature file or a transcript."""
    return path.parent.parent if _is_transcript(path) else path.parent


def import_command(path: Path, arguments: str) -> str:
    """Return the command that imports features of another program again.

    Args:
        path: the feature file.
        arguments: of the last import, as the file stores them.
    """
    return f"cli import --store {quote(path.parent)} --name {quote(path.stem)} {arguments}"


def extract_command(path: Path, checkpoint: str = "CHECKPOINT", options: Sequence[str] = ()) -> str:
    """Return the command that makes a feature file or a transcript, with its options."""
    if _is_transcript(path):
        made = f"cli transcribe --store {quote(find_store(path))} --name {quote(path.stem)}"
        return " ".join([made, f"--checkpoint {quote(checkpoint)}", *options])
    command = f"cli extract --store {quote(path.parent)} --encoder {quote(f'{path.stem}={checkpoint}')}"
    return " ".join([command, *options])


def _is_transcript(path: Path) -> bool:
    return path.parent.name == TRANSCRIPTS


class Unreadable(Mismatch):
    """A file of another program that is damaged, or not what its name says."""

    def __init__(self, path: Path, expected: str, error: BaseException) -> None:
        super().__init__(
            f"{path} cannot be read",
            expected=expected,
            got=shorten_error(error) or type(error).__name__,
            do="check that the file is complete, and write it again",
        )
