"""Write figures as people read them: the same value gives the same text in every table, page and export."""

from decimal import ROUND_HALF_UP, Decimal

_DIGITS = 6  # the last ones of a float differ between processors, and between two orders of the same sum
_STEP = Decimal("0.1")


def percent(value: float) -> str:
    """Write a share in percent, one decimal, without the sign.

    The value is taken to six significant digits first, so that 0.0475 and 0.04749999999999999 are one figure; a half
    is rounded up.

    >>> percent(0.69166), percent(0.0475), percent(19 / 400 - 1e-17)
    ('69.2', '4.8', '4.8')
    """
    return str(_hundredfold(value))


def points(value: float) -> str:
    """Write a difference of shares in percentage points, with its sign.

    >>> points(0.0475), points(-0.0123), points(0.00001)
    ('+4.8', '−1.2', '0.0')
    """
    found = _hundredfold(value)
    return f"{found:+}".replace("-", "−") if found else "0.0"


def estimate(value: float, low: float, high: float, mark: str = "") -> str:
    """Write a share and its interval in percent.

    Args:
        value: the share, in 0..1.
        low: lower end of its interval; `high` the upper.
        mark: put behind the figure, for example of one that leaks.

    >>> estimate(0.5, 0.41, 0.6, "!")
    '50.0! [41.0, 60.0]'
    """
    return f"{percent(value)}{mark} [{percent(low)}, {percent(high)}]"


def _hundredfold(value: float) -> Decimal:
    found = (100 * Decimal(f"{value:.{_DIGITS}g}")).quantize(_STEP, ROUND_HALF_UP)
    return found or abs(found)  # no zero with a sign
