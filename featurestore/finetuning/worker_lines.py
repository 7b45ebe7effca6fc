"""Bring the lines of workers to the user while they work: each worker writes a file, which is followed here.

A future brings only the answer at the end, and a worker's own output is not seen here if it is on another machine.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
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
def follow_lines(paths: Mapping[str, Path], say: Say) -> Iterator[Callable[[], None]]:
    """Report new lines of several files during the block, and remove the files before and after it.

    Args:
        paths: file by the name of the fold.
        say: receives each line with the name before it.

    Yields:
        A function that reports what has been written up to now.
    """
    _remove(paths)
    ended, reader = threading.Event(), _LineReader(paths, say)

    def follow() -> None:
        while not ended.wait(_EVERY):
            reader.read()

    thread = threading.Thread(target=follow, name="follow-folds", daemon=True)
    thread.start()
    try:
        yield reader.read
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
        self._lock = threading.Lock()

    def read(self) -> None:
        """Report the new lines of every file."""
        with self._lock:
            for name, path in self._paths.items():
                for line in self._take(name, path):
                    self._say(f"fold {name}: {line}")

    def _take(self, name: str, path: Path) -> list[str]:
        """Return the whole lines that were added to a file."""
        if not path.is_file():
            return []
        with path.open("rb") as file:
            file.seek(self._read[name])
            lines, end, _ = file.read().rpartition(b"\n")
        self._read[name] += len(lines) + len(end)
        return lines.decode().split("\n") if end else []


def _remove(paths: Mapping[str, Path]) -> None:
    for path in paths.values():
        path.unlink(missing_ok=True)
