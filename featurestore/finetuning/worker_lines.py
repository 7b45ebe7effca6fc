"""Bring the lines of workers to the user while they work: each worker writes a file, which is followed here.

A future brings only the answer at the end, and a worker's own output is not seen here if it is on another machine.
"""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from featurestore.progress import Say

_EVERY = 0.5  # seconds between two looks at the files


@contextmanager
def open_lines(path: Path) -> Iterator[Say]:
    """Yield a function that appends a line to a file."""
    with path.open("a", encoding="utf-8") as file:

        def say(line: str) -> None:
            file.write(f"{line}\n")
            file.flush()

        yield say


@contextmanager
def follow_lines(paths: Mapping[str, Path], say: Say) -> Iterator[None]:
    """Report new lines of several files during the block, and remove the files before and after it.

    Args:
        paths: file by the name of the fold.
        say: receives each line with the name before it.
    """
    _remove(paths)
    ended, reader = threading.Event(), _LineReader(paths, say)

    def follow() -> None:
        while not ended.wait(_EVERY):
            reader.read()

    thread = threading.Thread(target=follow, name="follow-folds", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        reader.read()
        _remove(paths)


class _LineReader:
    """Read what was added to some files since the last time, in whole lines."""

    def __init__(self, paths: Mapping[str, Path], say: Say) -> None:
        self._paths, self._say = paths, say
        self._read = dict.fromkeys(paths, 0)

    def read(self) -> None:
        """Report the new lines of every file."""
        for name, path in self._paths.items():
            with suppress(FileNotFoundError), path.open("rb") as file:
                file.seek(self._read[name])
                whole = file.read().rpartition(b"\n")
                self._read[name] += len(whole[0]) + len(whole[1])
                for line in whole[0].decode().split("\n") if whole[1] else ():
                    self._say(f"fold {name}: {line}")


def _remove(paths: Mapping[str, Path]) -> None:
    for path in paths.values():
        path.unlink(missing_ok=True)
