"""Compare kinds of features with the same head: text, audio, both; embeddings, logits; layer by layer."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import cast

from benchmarks.evaluation.baselines import is_baseline
from benchmarks.grid.value_results import AnyResults
from benchmarks.report.analysis.content_types import BenchmarkContent, EncoderContent, SummaryContent
from benchmarks.report.analysis.result_curves import select_interval
from benchmarks.report.analysis.section_types import (
    KindDifferenceContent,
    KindsContent,
    LayerContent,
    LayersContent,
    ModalitiesContent,
)
from benchmarks.report.analysis.system_types import PairContent, SystemContent
from featurestore.spec import TRANSCRIPT, parse_feature

KINDS = ("text", "audio", "both", "embeddings", "logits")
_COMPARED = (("both", "text"), ("both", "audio"), ("text", "audio"), ("embeddings", "logits"), ("both", "embeddings"))
_NORMALIZED = {"none": "", "speaker": ", normalized per speaker", "global": ", normalized globally"}


def compare_modalities(results: AnyResults, summary: BenchmarkContent) -> ModalitiesContent:
    """Compare the kinds of features of each head that is not a baseline, in pairs.

    A kind's system is that of the feature set with its name, or else the only one of that kind. Several are listed as
    `unclear`: taking the best would select by the test part. Systems on recognized words are compared in a section of
    their own where others read the words of the corpus.

    Returns:
        `heads`: the system of each kind, by head with its normalization, and its kind of logits if there are several;
            `differences`: `of` minus `over` in the headline metric, from the summary's pairs.
    """
    found: dict[str, dict[str, list[SystemContent]]] = {}
    rows = [row for row in summary["leaderboard"] if not is_baseline(row["head"])]
    rows = _prefer_corpus_words(rows, results.about["encoders"])
    for row in rows:
        kind = _kind(row["feature_set"], row["features"], results.about["encoders"])
        for variant in _variants(row, rows) if kind else ():
            found.setdefault(variant, {}).setdefault(kind, []).append(row)
    heads = [_select_systems(variant, kinds) for variant, kinds in found.items()]
    return {"heads": heads, "differences": list(_differences(heads, summary["pairs"]))}


def compare_layers(summary: SummaryContent) -> list[LayersContent]:
    """Return the curve over an encoder's layers of each head that was run on them. Layer 0 is the network's input."""
    curves: dict[tuple[str, str], list[LayerContent]] = {}
    for row in summary["leaderboard"]:
        number = _layer(row["features"])
        if number is not None:
            encoder = parse_feature(row["features"][0]).encoder
            point = cast(
                LayerContent, {"layer": number, "system": row["system"], **select_interval(row, summary["metric"])}
            )
            curves.setdefault((encoder, _variant(row)), []).append(point)
    return [
        {"encoder": encoder, "head": head, "points": sorted(points, key=lambda point: point["layer"])}
        for (encoder, head), points in sorted(curves.items())
    ]


def find_pair(pairs: Sequence[PairContent], first: str, second: str) -> PairContent:
    """Find the comparison of two systems, first minus second."""
    known = {(pair["first"], pair["second"]): pair for pair in pairs}
    return known.get((first, second)) or reverse_pair(known[second, first])


def reverse_pair(pair: PairContent) -> PairContent:
    """Return the same comparison, second minus first."""
    return {
        **pair,
        "first": pair["second"],
        "second": pair["first"],
        "value": -pair["value"],
        "low": -pair["high"],
        "high": -pair["low"],
    }


def _select_systems(variant: str, kinds: Mapping[str, Sequence[SystemContent]]) -> KindsContent:
    systems, unclear = {}, {}
    for kind in (kind for kind in KINDS if kind in kinds):
        of_that_name = [row["system"] for row in kinds[kind] if row["feature_set"] == kind]
        possible = of_that_name or sorted(row["system"] for row in kinds[kind])
        if len(possible) == 1:
            systems[kind] = possible[0]
        else:
            unclear[kind] = possible
    return {"head": variant, "systems": systems, "unclear": unclear}


def _prefer_corpus_words(rows: Sequence[SystemContent], encoders: Mapping[str, EncoderContent]) -> list[SystemContent]:
    """Leave out systems whose text features read recognized words, where others read the words of the corpus."""
    recognized = {name.partition("@")[0] for name, one in encoders.items() if TRANSCRIPT in one["made"]}
    texts = {name.partition("@")[0] for name, one in encoders.items() if one["modality"] == "text"}
    read = [{parse_feature(feature).encoder.partition("@")[0] for feature in row["features"]} for row in rows]
    is_compared = any(one & (texts - recognized) for one in read)
    return [row for row, one in zip(rows, read, strict=True) if not (is_compared and one & recognized)]


def _kind(name: str, features: Sequence[str], encoders: Mapping[str, EncoderContent]) -> str:
    """Return the kind of a feature set, by its name or its features, or an empty string for a single layer."""
    if name in KINDS:
        return name
    if _layer(features) is not None:
        return ""
    specs = [parse_feature(feature) for feature in features]
    modalities = {_modality(spec.encoder, encoders) for spec in specs}
    if modalities != {"text", "audio"}:
        return modalities.pop() if len(modalities) == 1 else ""
    return "logits" if all(spec.kind == "logits" for spec in specs) else "both"


def _modality(encoder: str, encoders: Mapping[str, EncoderContent]) -> str:
    name = encoder.partition("@")[0]
    return next((entry["modality"] for other, entry in encoders.items() if other.partition("@")[0] == name), "")


def _layer(features: Sequence[str]) -> int | None:
    found = re.fullmatch(r"[^.]+\.layers\[(\d+)\]", features[0]) if len(features) == 1 else None
    return int(found[1]) if found else None


def _differences(heads: Sequence[KindsContent], pairs: Sequence[PairContent]) -> Iterator[KindDifferenceContent]:
    for row in heads:
        for of, over in _COMPARED:
            first, second = row["systems"].get(of), row["systems"].get(over)
            if first and second:
                yield {"head": row["head"], "of": of, "over": over, **find_pair(pairs, first, second)}


def _variants(row: SystemContent, rows: Sequence[SystemContent]) -> list[str]:
    """Return the heads to list a system under: one without logits is compared with each kind of them."""
    alike = [one for one in rows if _variant(one) == _variant(row)]
    ways = sorted({one["logits"] for one in alike if one["logits"]})
    if len(ways) < 2:
        return [_variant(row)]
    return [f"{_variant(row)}, {way} logits" for way in ([row["logits"]] if row["logits"] else ways)]


def _variant(row: SystemContent) -> str:
    trained = ", trained on votes" if "train_on" in row else ""
    missing = f", missing {row['missing']}" if "missing" in row else ""
    return f"{row['head']}{_NORMALIZED[row['normalize']]}{trained}{missing}"
