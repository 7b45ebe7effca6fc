"""Format figures against raters' votes: shares in percent, losses with three decimals."""

from collections.abc import Mapping
from typing import Any

from benchmarks.statistics.formatting import format_interval

_NAMES = {
    "soft_macro_f1": "soft macro F1 %",
    "rater_agreement": "rater agreement %",
    "soft_log_loss": "soft log loss, nats",
    "kl_divergence": "KL divergence, nats",
    "soft_brier_score": "soft Brier score",
}
_SHARES = ("soft_macro_f1", "rater_agreement")


def name_vote_metric(metric: str) -> str:
    """Return the heading of a metric's column.

    >>> name_vote_metric("kl_divergence")
    'KL divergence, nats'
    """
    return _NAMES[metric]


def format_vote_figure(metric: str, one: Mapping[str, Any] | None, mark: str = "", *, difference: bool = False) -> str:
    """Format a figure with its interval, or a dash where there is none.

    Args:
        metric: its full name.
        one: with `value`, `low` and `high`.
        mark: text behind the value, for example of a leaked one.
        difference: format each number with its sign.

    >>> format_vote_figure("kl_divergence", {"value": 0.41234, "low": 0.3, "high": 0.5})
    '0.412 [0.300, 0.500]'
    >>> format_vote_figure("rater_agreement", {"value": 0.5, "low": 0.4, "high": 0.6}, "!")
    '50.0! [40.0, 60.0]'
    """
    if one is None:
        return "–"
    value, low, high = one["value"], one["low"], one["high"]
    if metric in _SHARES:
        return format_interval(value, low, high, mark, difference=difference)
    texts = [_format_loss(number, difference=difference) for number in (value, low, high)]
    return f"{texts[0]}{mark} [{texts[1]}, {texts[2]}]"


def _format_loss(value: float, *, difference: bool) -> str:
    text = f"{value:.3f}".removeprefix("-")
    if not float(text):
        return text  # no zero with a sign
    return ("−" if value < 0 else "+" if difference else "") + text
