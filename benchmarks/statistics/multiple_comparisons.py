"""Correct p-values for the number of comparisons (Holm), and group systems that do not differ significantly."""

import gc
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager


def correct_holm(p_values: Sequence[float]) -> list[float]:
    """Correct p-values for their number by Holm's method.

    The smallest is multiplied by the number of comparisons, the next by one less, and so on (Holm 1979, "A Simple
    Sequentially Rejective Multiple Test Procedure").

    >>> correct_holm([0.01, 0.5, 0.02])
    [0.03, 0.5, 0.04]
    """
    from statsmodels.stats.multitest import multipletests

    with _leave_out_of_collections():  # multipletests collects at every call: most of a second once torch is loaded
        return [float(p) for p in multipletests(p_values, method="holm")[1]]


@contextmanager
def _leave_out_of_collections() -> Iterator[None]:
    """Leave objects out of garbage collections, unless the caller does so already: unfreezing would end that too."""
    if gc.get_freeze_count():
        yield
        return
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def compact_letter_display(names: Sequence[str], significant: AbstractSet[frozenset[str]]) -> dict[str, str]:
    """Return letters by name: two names share a letter exactly where they do not differ significantly.

    Source: Piepho 2004, "An Algorithm for a Letter-Based Representation of All-Pairwise Comparisons".

    Args:
        names: best first; the best has the letter `a`.
        significant: the pairs that differ significantly.

    >>> compact_letter_display(["mlp", "svm", "prior"], {frozenset(["mlp", "prior"]), frozenset(["svm", "prior"])})
    {'mlp': 'a', 'svm': 'a', 'prior': 'b'}
    """
    groups = [set(names)]
    for pair in sorted(map(sorted, significant)):
        split = [group - {name} for group in groups if group >= set(pair) for name in pair]
        kept = [group for group in groups if not group >= set(pair)] + split
        groups = [group for group in kept if not any(group < other for other in kept)]
        groups = [group for place, group in enumerate(groups) if group not in groups[:place]]
    groups.sort(key=lambda group: [names.index(name) for name in sorted(group, key=names.index)])
    return {name: "".join(_letter(place) for place, group in enumerate(groups) if name in group) for name in names}


def _letter(place: int) -> str:
    return chr(ord("a") + place) if place < 26 else f"({place + 1})"
