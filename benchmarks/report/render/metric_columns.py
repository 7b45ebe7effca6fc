"""List the metrics that tables and figures show, the headline metric first."""

from benchmarks.report.analysis.summary_notes import SHOWN
from benchmarks.statistics.metrics import METRIC


def list_page_metrics(metric: str) -> tuple[str, ...]:
    """List the metrics of the leaderboard on the page and in LaTeX.

    >>> list_page_metrics("accuracy")
    ('accuracy', 'unweighted_average_recall', 'macro_f1')
    """
    return tuple(dict.fromkeys((metric, METRIC, "accuracy", "macro_f1")))


def list_summary_metrics(metric: str) -> tuple[str, ...]:
    """List the metrics of the leaderboard in Markdown. By default it opens with the accuracy, as it always did.

    >>> list_summary_metrics("weighted_f1")
    ('weighted_f1', 'accuracy', 'unweighted_average_recall', 'macro_f1')
    """
    return SHOWN if metric == METRIC else tuple(dict.fromkeys((metric, *SHOWN)))


def list_main_metrics(metric: str) -> tuple[str, str]:
    """Return the two metrics where there is no room for more: the headline and the accuracy, or the recall beside that.

    >>> list_main_metrics("weighted_f1"), list_main_metrics("accuracy")
    (('weighted_f1', 'accuracy'), ('accuracy', 'unweighted_average_recall'))
    """
    return metric, METRIC if metric == "accuracy" else "accuracy"
