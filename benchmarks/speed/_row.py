"""One measured figure beside its reference, as printed and as kept."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Row:
    """What was measured against what.

    Args:
        name: what was measured.
        against: the reference.
        value: the median of what was measured, in `unit`.
        reference: the median of the reference, in the same unit; None for a figure without a reference.
        ratio: the median of the repeats' own ratios, so that a machine busy with something else touches both sides.
        bar: what the ratio (or, without reference, the value) must reach; None for a figure given for information.
        at_most: the bar is a ceiling, not a floor.
        repeats: how often both sides were measured, in alternation.
        settings: what it ran on beyond the machine: threads, processes, sizes.
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
        """Whether the bar holds; None where there is none."""
        if self.bar is None:
            return None
        reached = self.value if self.ratio is None else self.ratio
        return reached <= self.bar if self.at_most else reached >= self.bar

    def to_json(self) -> dict[str, Any]:
        """The row for a program."""
        return asdict(self) | {"passed": self.passed}

    def cells(self) -> list[str]:
        """The row for a person."""
        bar = "" if self.bar is None else f"{'<=' if self.at_most else '>='} {self.bar:g}"
        verdict = {None: "", True: "yes", False: "NO"}[self.passed]
        reference = "" if self.reference is None else _number(self.reference)
        ratio = "" if self.ratio is None else f"{self.ratio:.2f}"
        return [self.name, self.against, f"{_number(self.value)} {self.unit}", reference, ratio, bar, verdict]


HEADINGS = ["measured", "against", "value", "reference", "ratio", "bar", "holds"]


def compared(
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
) -> Row:
    """A row of repeats measured in alternation.

    Args:
        faster: both are durations and the ratio is how many times faster the first is; else it is value / reference.
    """
    pairs = list(zip(values, references, strict=True))
    ratio = statistics.median(reference / value if faster else value / reference for value, reference in pairs)
    middle, beside = statistics.median(values), statistics.median(references)
    return Row(name, against, middle, unit, beside, ratio, bar, at_most, len(pairs), settings)


def alone(
    name: str, values: Sequence[float], unit: str, settings: str, *, bar: float | None = None, at_most: bool = True
) -> Row:
    """A row without a reference; the bar is on the value itself."""
    return Row(name, "", statistics.median(values), unit, None, None, bar, at_most, len(values), settings)


def _number(value: float) -> str:
    """Three digits that count, without an exponent."""
    if not value:
        return "0"
    return f"{value:,.{max(0, 2 - math.floor(math.log10(abs(value))))}f}"
