"""Hold a measured figure with its reference, and format it as text and as JSON."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Measurement:
    """A figure and its reference.

    Args:
        name: what was measured.
        against: the reference.
        value: the median of what was measured, in `unit`.
        reference: the median of the reference, in the same unit; None for a figure without a reference.
        ratio: the median of the repeats' own ratios, so that other load affects both sides.
        bar: limit for the ratio, or for the value if there is no reference; None for information only.
        at_most: the bar is a ceiling, not a floor.
        repeats: number of times that both sides were measured, in alternation.
        settings: threads, processes, sizes.
    """

    name: str
    against: str
    value: float
    unit: str
    reference: float | None
    ratio: float | None
    bar: float | None
    at_most: bool
    repeats: int
    settings: str

    @property
    def passed(self) -> bool | None:
        """Whether the bar holds; None if there is no bar."""
        if self.bar is None:
            return None
        reached = self.value if self.ratio is None else self.ratio
        return reached <= self.bar if self.at_most else reached >= self.bar

    def to_json(self) -> dict[str, Any]:
        """Return the row as JSON."""
        return asdict(self) | {"passed": self.passed}

    def cells(self) -> list[str]:
        """Return the row's cells as text."""
        bar = "" if self.bar is None else f"{'<=' if self.at_most else '>='} {self.bar:g}"
        verdict = {None: "", True: "yes", False: "NO"}[self.passed]
        reference = "" if self.reference is None else _format_number(self.reference)
        ratio = "" if self.ratio is None else f"{self.ratio:.2f}"
        return [self.name, self.against, f"{_format_number(self.value)} {self.unit}", reference, ratio, bar, verdict]


HEADINGS = ["measured", "against", "value", "reference", "ratio", "bar", "holds"]


def compare_repeats(
    name: str,
    against: str,
    values: Sequence[float],
    references: Sequence[float],
    unit: str,
    settings: str,
    *,
    bar: float | None = None,
    at_most: bool = False,
    faster: bool = False,
) -> Measurement:
    """Summarize repeats of a value and its reference, measured in alternation.

    Args:
        faster: both are durations, and the ratio is reference / value; otherwise it is value / reference.
    """
    pairs = list(zip(values, references, strict=True))
    ratio = statistics.median(reference / value if faster else value / reference for value, reference in pairs)
    middle, reference = statistics.median(values), statistics.median(references)
    return Measurement(name, against, middle, unit, reference, ratio, bar, at_most, len(pairs), settings)


def summarize(
    name: str, values: Sequence[float], unit: str, settings: str, *, bar: float | None = None, at_most: bool = True
) -> Measurement:
    """Summarize repeats that have no reference, with the bar on the value itself."""
    return Measurement(name, "", statistics.median(values), unit, None, None, bar, at_most, len(values), settings)


def _format_number(value: float) -> str:
    """Format a number with three significant digits and no exponent."""
    if not value:
        return "0"
    return f"{value:,.{max(0, 2 - math.floor(math.log10(abs(value))))}f}"
