"""Format figures as text: the same value gives the same text in every table, page and export."""

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal

_DIGITS = 6  # the last digits of a float differ between processors, and between two orders of the same sum
_STEP, _THOUSANDTH = Decimal("0.1"), Decimal("0.001")


def name_metric(metric: str) -> str:
    """Write the full name of a metric in words.

    >>> name_metric("unweighted_average_recall"), name_metric("weighted_f1"), name_metric("pearson_correlation")
    ('unweighted average recall', 'weighted F1', 'Pearson correlation')
    """
    return metric.replace("_", " ").replace(" f1", " F1").replace("pearson", "Pearson")


def format_percent(value: float) -> str:
    """Format a share in percent, with one decimal and without the sign.

    The value is rounded to six significant digits first, so that 0.0475 and 0.04749999999999999 give the same text. A
    half is rounded up.

    >>> format_percent(0.69166), format_percent(0.0475), format_percent(19 / 400 - 1e-17)
    ('69.2', '4.8', '4.8')
    """
    return str(_to_percent(value))


def format_points(value: float) -> str:
    """Format a difference of shares in percentage points, with its sign.

    >>> format_points(0.0475), format_points(-0.0123), format_points(0.00001)
    ('+4.8', '−1.2', '0.0')
    """
    found = _to_percent(value)
    return f"{found:+}".replace("-", "−") if found else "0.0"


def format_interval(value: float, low: float, high: float, mark: str = "", *, difference: bool = False) -> str:
    """Format a share with its interval in percent, or a difference of shares in percentage points.

    Args:
        value: the share, in 0..1; of a difference in -1..1.
        low: lower end of its interval.
        high: upper end.
        mark: text behind the value, for example of a leaked one.
        difference: format each number with its sign.

    >>> format_interval(0.5, 0.41, 0.6, "!")
    '50.0! [41.0, 60.0]'
    >>> format_interval(0.05, -0.01, 0.11, difference=True)
    '+5.0 [−1.0, +11.0]'
    """
    write = format_points if difference else format_percent
    return f"{write(value)}{mark} {format_ends(low, high, difference=difference)}"


def format_ends(low: float, high: float, *, difference: bool = False) -> str:
    """Format the two ends of an interval.

    >>> format_ends(0.41, 0.6)
    '[41.0, 60.0]'
    """
    write = format_points if difference else format_percent
    return f"[{write(low)}, {write(high)}]"


def format_value(value: float) -> str:
    """Format a correlation or an error with three decimals, rounded as `format_percent` rounds.

    >>> format_value(0.61249), format_value(-0.0004), format_value(-0.25)
    ('0.612', '0.000', '−0.250')
    """
    return str(_to_thousandths(value)).replace("-", "−")


def format_value_difference(value: float) -> str:
    """Format a difference of correlations with its sign.

    >>> format_value_difference(0.0321), format_value_difference(-0.25), format_value_difference(0.0)
    ('+0.032', '−0.250', '0.000')
    """
    found = _to_thousandths(value)
    return f"{found:+}".replace("-", "−") if found else "0.000"


def format_value_interval(value: float, low: float, high: float, mark: str = "", *, difference: bool = False) -> str:
    """Format a correlation or an error with its interval, or a difference of two.

    Args:
        value: the figure.
        low: lower end of its interval.
        high: upper end.
        mark: text behind the value, for example of a leaked one.
        difference: format each number with its sign.

    >>> format_value_interval(0.5, -0.41, 0.6, "!")
    '0.500! [−0.410, 0.600]'
    """
    write = format_value_difference if difference else format_value
    return f"{write(value)}{mark} {format_value_ends(low, high, difference=difference)}"


def format_value_ends(low: float, high: float, *, difference: bool = False) -> str:
    """Format the two ends of an interval of a correlation or an error.

    >>> format_value_ends(-0.41, 0.6)
    '[−0.410, 0.600]'
    """
    write = format_value_difference if difference else format_value
    return f"[{write(low)}, {write(high)}]"


def align_cells(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the lines of a table for a terminal, its columns aligned.

    >>> align_cells([["class", "n"], ["sad", "12"]])
    ['class  n', 'sad    12']
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ([cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in rows)
    return ["  ".join(line).rstrip() for line in lines]


def format_p_value(value: float) -> str:
    """Format a p-value to three decimals.

    >>> format_p_value(0.00012), format_p_value(0.0421), format_p_value(1.0)
    ('< 0.001', '0.042', '1')
    """
    if value < 0.001:
        return "< 0.001"
    return "1" if value >= 0.9995 else f"{value:.3f}"


def format_bytes(count: float) -> str:
    """Format a number of bytes in the unit that leaves one to three digits before the point.

    >>> format_bytes(831), format_bytes(48_700), format_bytes(271_000_000)
    ('831 B', '48.7 kB', '271.0 MB')
    """
    for unit, least in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= least:
            return f"{count / least:.1f} {unit}"
    return f"{count:.0f} B"


def _to_percent(value: float) -> Decimal:
    return _round(100 * Decimal(f"{value:.{_DIGITS}g}"), _STEP)


def _to_thousandths(value: float) -> Decimal:
    return _round(Decimal(f"{value:.{_DIGITS}g}"), _THOUSANDTH)


def _round(value: Decimal, step: Decimal) -> Decimal:
    found = value.quantize(step, ROUND_HALF_UP)
    return found or abs(found)  # no zero with a sign
