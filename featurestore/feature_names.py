"""Check the names of features against what a store holds, and suggest the closest."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

from featurestore.errors import Problem, UnknownName, quote
from featurestore.known_names import find_closest, list_names
from featurestore.spec import FeatureSpec, check_list

_BARE = re.compile(r"[\w@-]+")  # the name of an encoder without a kind


class FeatureNames(Protocol):
    """Feature files by encoder; a store and a pair of stores have them."""

    @property
    def path(self) -> Path:
        """The store's folder."""

    def encoders(self) -> list[str]:
        """List the names of the feature files."""

    def kinds(self, encoder: str) -> list[str]:
        """List the kinds of features of an encoder."""


def is_bare(feature: str) -> bool:
    """Tell whether a text names no kind of feature, such as `egemaps` instead of `egemaps.functionals`."""
    return bool(_BARE.fullmatch(feature))


def check_encoders(store: FeatureNames, features: Iterable[str | FeatureSpec]) -> list[str | FeatureSpec]:
    """Check that each feature names an encoder of a store and a kind, and return the features as a list.

    Args:
        store: one without any feature is not checked: it says so itself when it is read.
        features: texts that are malformed otherwise are not checked.

    Raises:
        BadValue: a text in place of a list.
        UnknownName: a text names no kind, or there is no such encoder; the message lists the features of the store.
    """
    given, known = list(check_list(features, "features")), store.encoders()
    for feature in map(str, given if known else ()):
        encoder = feature.strip().partition(".")[0]
        is_name = bool(_BARE.fullmatch(encoder))
        if is_name and (encoder not in known or is_bare(feature.strip())):
            raise explain_unknown(feature.strip(), list_features(store), store.path)
    return given


def explain_unknown(feature: str, names: Sequence[str], store: Path) -> UnknownName:
    """Build the error of a feature that a store does not hold, with what it holds.

    Args:
        feature: as the user wrote it.
        names: the features of the store. If some are of the same encoder, only those are listed.
        store: its folder.
    """
    encoder = feature.partition(".")[0]
    own = [name for name in names if name.partition(".")[0] == encoder]
    close = own if is_bare(feature) else find_closest(feature, names)
    do = f"did you mean {' or '.join(close)}?" if close else f"see: cli inspect {quote(store)}"
    return UnknownName(
        f"unknown feature {feature!r}",
        expected=f"ENCODER.KIND, one of {list_names(feature, list(own or names))}",
        do=do,
    )


def list_features(store: FeatureNames) -> list[str]:
    """List the features of a store.

    Single layers are left out, and so are files that cannot be read: what is wrong with them is said when they are.
    """
    found: dict[str, None] = {}
    for name in store.encoders():
        try:
            kinds = store.kinds(name)
        except Problem:
            continue
        found |= dict.fromkeys(f"{name}.{kind}" for kind in kinds if "[" not in kind)
    return list(found)
