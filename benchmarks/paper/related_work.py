"""Read the systems that the paper quotes or describes: what it says of each, what their sources say, what runs here."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from featurestore.spec import FeatureSpec, parse_feature


@dataclass(frozen=True)
class RelatedSystem:
    """A system of the paper's tables or of its section on related work, or one beside them.

    Args:
        system: as the paper calls it, with its year.
        place: where the paper has it.
        quoted: the paper's figure in percent, or None.
        labels: their number by the paper, or an empty string.
        head: registry name of the head that runs it here, or an empty string for none.
        params: settings of the head that differ from its defaults.
        features: of the paper's encoders `text` and `audio` and of hand-made ones. Empty for a head that reads words.
        here: how what runs here differs, or how it is run.
        says: what the source says of the figure: metric, labels, modalities, protocol, choice of the epoch.
        source: authors, year, and where it was published; its repository.
    """

    system: str
    place: str
    quoted: float | None
    labels: str
    head: str
    params: Mapping[str, Any]
    features: Sequence[str]
    here: str
    says: str
    source: str


@cache
def read_related_work() -> tuple[RelatedSystem, ...]:
    """Read the systems from `related_work.json`, in the paper's order."""
    content = json.loads((Path(__file__).parent / "related_work.json").read_text("utf-8"))
    return tuple(RelatedSystem(**{**row, "params": _make_tuples(row["params"])}) for row in content["systems"])


def list_features(systems: Sequence[RelatedSystem]) -> list[FeatureSpec]:
    """List the features that some systems read, each once, as `related_work.json` names them."""
    return list(dict.fromkeys(parse_feature(feature) for one in systems for feature in one.features))


def list_kinds(systems: Sequence[RelatedSystem], encoder: str) -> set[str]:
    """List the kinds of an encoder's features that some systems read: `cls`, `frames`, …"""
    return {feature.kind for feature in list_features(systems) if feature.encoder == encoder}


def _make_tuples(params: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in params.items()}
