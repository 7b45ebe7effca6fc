"""Tell which heads are baselines."""

from featurestore import registry
from heads import list_baselines, list_heads


def is_baseline(head: str) -> bool:
    """Tell by scikit-learn's tag `poor_score` whether a head is a baseline, which other heads must beat.

    The project's own heads are not imported for this (`heads.list_baselines`). An unknown head is no baseline, for
    example that of a benchmark which was run with a plug-in that is missing now.

    Args:
        head: its registry name.

    >>> is_baseline("prior")
    True
    """
    if head in list_heads():
        return head in list_baselines()
    if not registry.is_known("heads", head):
        return False
    return bool(registry.load("heads", head)().__sklearn_tags__().classifier_tags.poor_score)
