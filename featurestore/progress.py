"""Report the progress of long work: a line every 20 seconds for the user, and a bar on a terminal."""

import sys
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any

Say = Callable[[str], None]  # receives lines for the user

_INTERVAL = 20.0  # seconds between two plain lines
_REFRESH = 1.0  # seconds between two times that the bar is drawn


class Progress:
    """Show how much of some work is done, how fast it goes, and when it ends. Use it as a context manager.

    Without a terminal a thread prints a line every 20 seconds, also while nothing ends. The time left is estimated from
    the cost of what is done and of what is left, because the costliest work goes first.

    Args:
        label: what the work is.
        total: how much there is of it, in `unit`.
        unit: what is counted, in the plural.
        done: how much was done before. It counts in no rate.
        cost: of all that is left, in any unit; 0 for as much as its count.
        measure: what the rate counts, such as `s of audio`; by default `unit`.
    """

    def __init__(
        self, label: str, total: int, unit: str = "utterances", done: int = 0, *, cost: float = 0.0, measure: str = ""
    ) -> None:
        self.label, self.total, self.unit, self.done = label, total, unit, done
        self._cost, self.measure = cost or float(total - done), measure or unit
        self._spent = self._amount = 0.0
        self._started = time.monotonic()
        self._bar = self._open_bar()
        self._ended = threading.Event()
        self._timer = threading.Thread(target=self._report_regularly, name="progress", daemon=True)

    def __enter__(self) -> "Progress":
        self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._timer.join()
        self._bar.close()

    def advance(self, count: int, *, cost: float | None = None, amount: float | None = None) -> None:
        """Report that more is done.

        Args:
            count: how much, in `unit`.
            cost: of it; by default its count.
            amount: of what the rate counts; by default its count.
        """
        self.done += count
        self._spent += count if cost is None else cost
        self._amount += count if amount is None else amount
        if self._bar.disable:
            if self.done >= self.total:
                self._print()
        else:
            self._bar.n = self.done
            self._draw()

    def describe(self) -> str:
        """Describe how much is done, how fast it goes, and how long the rest takes, in one line."""
        counts = f"{self.label}: {self.done:,} of {self.total:,} {self.unit}"
        return ", ".join([counts, *self._describe_speed()])

    def _describe_speed(self) -> list[str]:
        elapsed = time.monotonic() - self._started
        if not self._spent:
            return [f"nothing finished yet after {format_duration(elapsed)}"]
        speed = [f"{self._amount / max(elapsed, 1e-9):,.1f} {self.measure} a second"]
        left = elapsed * (self._cost - self._spent) / self._spent
        return speed if self.done >= self.total else [*speed, f"about {format_duration(left)} left"]

    def _open_bar(self) -> Any:
        from tqdm import tqdm

        # `disable=None` shows the bar on a terminal only
        return tqdm(
            desc=self.label,
            total=self.total,
            unit=f" {self.unit}",
            initial=self.done,
            file=sys.stderr,
            dynamic_ncols=True,
            disable=None,
            bar_format="{desc}: {n:,} of {total:,}{unit} |{bar}|{postfix}",
        )

    def _report_regularly(self) -> None:
        while not self._ended.wait(_INTERVAL if self._bar.disable else _REFRESH):
            if self.done < self.total:
                self._report()

    def _report(self) -> None:
        if self._bar.disable:
            self._print()
        else:
            self._draw()

    def _print(self) -> None:
        print(self.describe(), file=sys.stderr, flush=True)

    def _draw(self) -> None:
        self._bar.set_postfix_str(", ".join(self._describe_speed()))


def format_duration(seconds: float) -> str:
    """Format a duration in the unit that suits it.

    >>> [format_duration(seconds) for seconds in (0.4, 59, 170, 3120, 9000, 300_000)]
    ['1 s', '59 s', '3 min', '52 min', '2.5 h', '3.5 days']
    """
    if seconds < 100:
        return f"{max(1.0, seconds):.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 48 * 3600 else f"{seconds / 86_400:.1f} days"
