"""Report the progress of long work: lines for the user, and a bar on a terminal."""

import sys
import time
from collections.abc import Callable
from types import TracebackType

Say = Callable[[str], None]  # receives lines for the user

_INTERVAL = 20.0  # seconds between two plain lines


class Progress:
    """Show how much of some work is done. Use it as a context manager.

    Args:
        label: what the work is.
        total: how much there is of it, in `unit`.
        unit: what is counted, in the plural.
        done: how much was done before.
    """

    def __init__(self, label: str, total: int, unit: str = "utterances", done: int = 0) -> None:
        from tqdm import tqdm

        self.label, self.total, self.unit, self.done = label, total, unit, done
        # `disable=None` shows the bar on a terminal only
        self._bar = tqdm(
            desc=label, total=total, unit=f" {unit}", initial=done, file=sys.stderr, dynamic_ncols=True, disable=None
        )
        self._started = self._last = time.monotonic()
        self._before = done

    def __enter__(self) -> "Progress":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.close()

    def advance(self, count: int) -> None:
        """Report that `count` more are done."""
        self.done += count
        self._bar.update(count)
        if self._bar.disable and (time.monotonic() - self._last > _INTERVAL or self.done >= self.total):
            self._last = time.monotonic()
            rate = (self.done - self._before) / max(self._last - self._started, 1e-9)
            print(f"{self.label}: {self.done} of {self.total} {self.unit}, {rate:.1f} a second", file=sys.stderr)
