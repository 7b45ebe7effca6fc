"""Say of which encoders it is unknown whom they saw, for every figure that rests on them."""

from collections.abc import Iterable, Mapping
from typing import Any

from featurestore.exposure import note_unknown_exposure
from featurestore.spec import parse_feature


def note_exposures(described: Mapping[str, Mapping[str, Any]], features: Iterable[str] | None = None) -> list[str]:
    """Return a note for each encoder of which it is unknown whom it was trained on.

    Args:
        described: the description of each encoder, by the name of its feature file.
        features: only the encoders of these features; by default all.
    """
    wanted = None if features is None else {_drop_fold(parse_feature(one).encoder) for one in features}
    chosen = {name: one for name, one in described.items() if wanted is None or _drop_fold(name) in wanted}
    return list(filter(None, (note_unknown_exposure(name, one) for name, one in chosen.items())))


def _drop_fold(name: str) -> str:
    return name.partition("@")[0]
