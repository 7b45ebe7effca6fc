"""What each modality brings: text, audio, both; one of them shuffled; embeddings, logits; layer by layer."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from benchmarks.grid.results import Results, System
from benchmarks.statistics.answers import Answers
from benchmarks.statistics.metrics import METRIC
from benchmarks.statistics.paired_comparisons import compare_pairs
from featurestore.spec import parse_feature

PRIOR = "prior"  # looks at no features
KINDS = ("text", "audio", "both", "embeddings", "logits")
_COMPARED = (("both", "text"), ("both", "audio"), ("text", "audio"), ("embeddings", "logits"), ("both", "embeddings"))


def brings(results: Results, summary: Mapping[str, Any]) -> dict[str, Any]:
    """Each head but the prior on each kind of features, with the paired differences between them.

    A kind is the feature set of its name, else the only one of that kind: to take the best of several would be to
    choose by the test part.

    Returns:
        `heads`: of each head (with its normalisation, and its way of taking logits where there are several) the system
            of each kind, and `unclear`, by kind several systems none of which bears its name; `differences`: `first`
            less `second` in unweighted average recall, as in the summary's pairs, with the kinds `of` and `over`.
    """
    found: dict[str, dict[str, list[Mapping[str, Any]]]] = {}
    rows = [row for row in summary["leaderboard"] if row["head"] != PRIOR]
    for row in rows:
        kind = _kind(row["feature_set"], row["features"], results.about["encoders"])
        for variant in _variants(row, rows) if kind else ():
            found.setdefault(variant, {}).setdefault(kind, []).append(row)
    heads = [_head(variant, kinds) for variant, kinds in found.items()]
    return {"heads": heads, "differences": list(_differences(heads, summary["pairs"]))}


def _head(variant: str, kinds: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, Any]:
    systems, unclear = {}, {}
    for kind in (kind for kind in KINDS if kind in kinds):
        named = [row["system"] for row in kinds[kind] if row["feature_set"] == kind]
        possible = named or sorted(row["system"] for row in kinds[kind])
        if len(possible) == 1:
            systems[kind] = possible[0]
        else:
            unclear[kind] = possible
    return {"head": variant, "systems": systems, "unclear": unclear}


def shuffled(results: Results) -> list[dict[str, Any]]:
    """Each system (priors left out) one of whose modalities was shuffled, `first`, less the same unspoiled, `second`.

    `value` is the difference in unweighted average recall over the seeds that both have, with its paired interval and
    p (not corrected): how much the head's answers rest on that modality.
    """
    names = results.clusters.for_ids(results.ids)
    systems = {system.name: system for system in results.systems}
    found = []
    for control in results.controls:
        if control.card.shuffled and control.card.head != PRIOR:
            system = systems[control.card.system]
            seeds = set(control.seeds) & set(system.seeds)
            answers = {one.name: of_seeds(one, seeds) for one in (control, system)}
            (apart,) = compare_pairs(answers, clusters=names)
            about = {"head": control.card.head, "feature_set": control.card.feature_set}
            found.append(about | {"shuffled": control.card.shuffled, **asdict(apart)})
    return found


def layers(summary: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The curve over an encoder's layers of each head that was run on them: layer 0 is the network's own input."""
    curves: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in summary["leaderboard"]:
        number = _layer(row["features"])
        if number is not None:
            encoder = parse_feature(row["features"][0]).encoder
            point = {"layer": number, "system": row["system"], **_interval(row["metrics"][METRIC])}
            curves.setdefault((encoder, _variant(row)), []).append(point)
    return [
        {"encoder": encoder, "head": head, "points": sorted(points, key=lambda point: int(point["layer"]))}
        for (encoder, head), points in sorted(curves.items())
    ]


def _kind(name: str, features: Sequence[str], encoders: Mapping[str, Any]) -> str:
    """The kind of a feature set: as it is named, or by its features; empty for single layers and the like."""
    if name in KINDS:
        return name
    if _layer(features) is not None:
        return ""
    specs = [parse_feature(feature) for feature in features]
    heard = {_modality(spec.encoder, encoders) for spec in specs}
    if heard != {"text", "audio"}:
        return heard.pop() if len(heard) == 1 else ""
    kinds = {spec.kind == "logits" for spec in specs}
    return "logits" if kinds == {True} else "both"


def _modality(encoder: str, encoders: Mapping[str, Any]) -> str:
    own = [entry["modality"] for name, entry in encoders.items() if name.partition("@")[0] == encoder.partition("@")[0]]
    return own[0] if own else ""


def _layer(features: Sequence[str]) -> int | None:
    found = re.fullmatch(r"[^.]+\.layers\[(\d+)\]", features[0]) if len(features) == 1 else None
    return int(found[1]) if found else None


def _differences(heads: Sequence[Mapping[str, Any]], pairs: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    known = {(pair["first"], pair["second"]): pair for pair in pairs}
    for row in heads:
        for of, over in _COMPARED:
            first, second = row["systems"].get(of), row["systems"].get(over)
            if first and second:
                pair = known.get((first, second)) or turned(known[second, first])
                yield {"head": row["head"], "of": of, "over": over, **pair}


def turned(pair: Mapping[str, Any]) -> dict[str, Any]:
    """The same comparison, the other less the one."""
    return {
        **pair,
        "first": pair["second"],
        "second": pair["first"],
        "value": -pair["value"],
        "low": -pair["high"],
        "high": -pair["low"],
    }


def _variants(row: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The lines of the comparison that a system stands in: one without logits stands beside each way of taking them."""
    alike = [one for one in rows if (one["head"], one["normalize"]) == (row["head"], row["normalize"])]
    ways = sorted({one["logits"] for one in alike if one["logits"]})
    if len(ways) < 2:
        return [_variant(row)]
    return [f"{_variant(row)}, {way} logits" for way in ([row["logits"]] if row["logits"] else ways)]


def _variant(row: Mapping[str, Any]) -> str:
    way = {"none": "", "speaker": ", normalised per speaker", "global": ", normalised globally"}[row["normalize"]]
    return f"{row['head']}{way}"


def of_seeds(system: System, seeds: set[int]) -> list[Answers]:
    """The pooled answers of some seeds alone."""
    return [one for seed, one in zip(system.seeds, system.pooled, strict=True) if seed in seeds]


def _interval(metric: Mapping[str, Any]) -> dict[str, float]:
    return {name: metric[name] for name in ("value", "low", "high")}
