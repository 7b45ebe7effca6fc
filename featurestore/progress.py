"""Progress of long work: a bar on a terminal, plain lines elsewhere."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TextIO

_LINE_EVERY = 20.0  # seconds between two plain lines


class Progress:
    """Counts work done; use as a context manager.

    Args:
        label: what is going on.
        total: how much there is, in `unit`.
        done: how much was done before.
    """

    def __init__(self, label: str, total: int, unit: str = "utterances", done: int = 0) -> None:
        from tqdm import tqdm

        self.label, self.total, self.unit, self.done = label, total, unit, done
        self._stream: TextIO = sys.stderr
        self._bar = None
        if self._stream.isatty():
            self._bar = tqdm(
                desc=label, total=total, unit=f" {unit}", initial=done, file=self._stream, dynamic_ncols=True
            )
        self._started = self._last = time.monotonic()
        self._before = done

    def __enter__(self) -> "Progress":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()

    def advance(self, count: int) -> None:
        """Reports that `count` more are done."""
        self.done += count
        if self._bar is not None:
            self._bar.update(count)
        elif time.monotonic() - self._last > _LINE_EVERY or self.done >= self.total:
            self._last = time.monotonic()
            rate = (self.done - self._before) / max(self._last - self._started, 1e-9)
            print(f"{self.label}: {self.done} of {self.total} {self.unit}, {rate:.1f} a second", file=self._stream)


@contextmanager
def stage(label: str) -> Iterator[None]:
    """Says what is going on and, when it ends well, how long it took."""
    started = time.monotonic()
    print(f"{label} …", file=sys.stderr)
    yield
    print(f"{label}: done in {time.monotonic() - started:.1f} s", file=sys.stderr)
