"""Define targets that are values: valence, activation and dominance, as the manifest has them of each utterance."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TypeGuard

import numpy as np

from featurestore.errors import BadValue, Mismatch, UnknownName
from featurestore.known_names import check_known
from featurestore.manifest import Utterance, list_column

DIMENSIONS = ("valence", "activation", "dominance")  # columns of the manifest
HEADS, REGRESSORS = "heads", "regressors"  # kinds of the registry
_QUARTERS = 4
_FEWEST = 10  # utterances of a quarter
_OTHER_WORDS = {"arousal": "activation", "pleasure": "valence", "power": "dominance"}

Ratings = Mapping[str, tuple[float, ...]]  # by id, a value of each target


def parse_targets(text: str | None) -> tuple[str, ...]:
    """Parse the value of `--target`, names of columns separated by commas, each once.

    Raises:
        BadValue: it is empty.
        UnknownName: a name is none of these columns.

    >>> parse_targets("valence, activation"), parse_targets(None)
    (('valence', 'activation'), ())
    """
    if text is None:
        return ()
    found = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    if not found:
        raise BadValue("--target is empty", expected=f"one or more of {', '.join(DIMENSIONS)}")
    for name in found:
        if meant := _OTHER_WORDS.get(name.lower()):
            raise UnknownName(
                f"unknown target {name!r}",
                expected=f"one of {', '.join(DIMENSIONS)}",
                do=f"the manifest calls it {meant}: --target {meant}",
            )
        check_known(name, DIMENSIONS, what=f"target {name!r}", do="cli fit-head --help; classes need no --target")
    return found


def name_kind(targets: Sequence[str]) -> str:
    """Name the kind of head in the registry: regressors of values, and else classifiers.

    >>> name_kind(()), name_kind(("valence",))
    ('heads', 'regressors')
    """
    return REGRESSORS if targets else HEADS


def collect_ratings(utterances: Sequence[Utterance], targets: Sequence[str]) -> dict[str, tuple[float, ...]]:
    """Collect the values of the utterances that have one for every target, by id, in manifest order.

    Raises:
        Mismatch: no utterance has all of them.
    """
    rows = _zip_columns(utterances, targets)
    numbers = ((one, [value for value in values if _is_number(value)]) for one, values in rows)
    found = {one: tuple(values) for one, values in numbers if len(values) == len(targets)}
    if not found:
        rated = [one for one in DIMENSIONS if any(map(_is_number, list_column(utterances, one)))]
        raise Mismatch(
            f"no utterance has a value of {' and '.join(targets)}",
            expected=f"numbers for {', '.join(targets)} in the manifest",
            got=f"numbers in {', '.join(rated)} alone" if rated else f"none in {', '.join(DIMENSIONS)}",
            do=f"--target {','.join(rated)}"
            if rated
            else "choose a corpus with ratings, or fill the columns of a table",
        )
    return found


def count_unrated(utterances: Sequence[Utterance], targets: Sequence[str]) -> dict[str, int]:
    """Count the utterances that lack a value, by the targets that they lack.

    >>> rows = [Utterance("a", valence=1.0), Utterance("b", activation=2.0), Utterance("c", activation=3.0)]
    >>> count_unrated(rows, ("valence", "activation"))
    {'no valence': 2, 'no activation': 1}
    """
    lacking = (
        " and ".join(f"no {target}" for target, value in zip(targets, values, strict=True) if not _is_number(value))
        for _, values in _zip_columns(utterances, targets)
    )
    counts = Counter(lacking)
    del counts[""]
    return dict(counts.most_common())


def cut_quarters(ratings: Ratings, targets: Sequence[str]) -> dict[str, str]:
    """Cut the utterances into quarters by their value of the first target, which stand in for classes.

    Protocols balance the parts of a split by them. Equal values are in one quarter, so there may be fewer, and there
    are fewer where a quarter would have fewer than ten utterances.

    >>> cut_quarters({f"u{value:02}": (float(value),) for value in range(40)}, ("valence",))["u39"]
    'valence, quarter 4'
    """
    values = np.array([row[0] for row in ratings.values()])
    count = max(1, min(_QUARTERS, len(values) // _FEWEST))
    edges = np.unique(np.quantile(values, np.arange(1, count) / count))
    numbers = 1 + np.searchsorted(edges, values, side="left")
    return {one: f"{targets[0]}, quarter {number}" for one, number in zip(ratings, numbers.tolist(), strict=True)}


def _zip_columns(
    utterances: Sequence[Utterance], targets: Sequence[str]
) -> "zip[tuple[str, tuple[float | None, ...]]]":
    columns = [list_column(utterances, target) for target in targets]
    return zip(list_column(utterances, "id"), zip(*columns, strict=True), strict=True)


def _is_number(value: float | None) -> TypeGuard[float]:
    return value is not None and math.isfinite(value)
