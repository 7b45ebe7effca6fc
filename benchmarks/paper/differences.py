"""What differs between a run and the paper's: said at the top of the page, worked out from what was done."""

from collections.abc import Iterator, Mapping
from typing import Any

from benchmarks.paper.plan import Plan, published

_STAGES = ("text", "audio", "fusion")


def lines(results: Mapping[str, Any], plan: Plan) -> list[str]:
    """Every difference that this project knows of, one sentence each; without any, a sentence that says so."""
    found = [*_corpus(results), *_switches(results), *_checkpoints(plan), *_settings(plan), *_counts(results)]
    found += _leaks(results)
    return found or ["Nothing that this project knows of: corpus, checkpoints, settings and split are the paper's."]


def _corpus(results: Mapping[str, Any]) -> Iterator[str]:
    corpus = results["corpus"]
    if corpus["name"] != published()["corpus"]:
        note = f" ({corpus['note']})" if corpus["note"] else ""
        yield (
            f"The corpus is not IEMOCAP but: {corpus['title']}{note}. "
            "A difference from a published figure says nothing about the paper."
        )


def _switches(results: Mapping[str, Any]) -> Iterator[str]:
    repaired = [switch["name"] for switch in results["switches"] if not switch["as_published"]]
    if len(repaired) == len(results["switches"]):
        yield "The ways of the published code are repaired, all of them (mode fixed; see the switches below)."
    elif repaired:
        yield f"Ways of the published code that are repaired: {', '.join(repaired)}."


def _checkpoints(plan: Plan) -> Iterator[str]:
    for modality, paper in published()["checkpoints"].items():
        if plan.is_own(modality):
            yield f"The {modality} encoder is the demo's small untrained network, not the pretrained {paper}."
        elif plan.checkpoints[modality] != paper:
            yield f"The {modality} encoder starts from {plan.checkpoints[modality]}, not from {paper}."


def _settings(plan: Plan) -> Iterator[str]:
    used = {modality: plan.to_json()["settings"][modality] for modality in _STAGES}
    for name in ("epochs", "learning_rate", "batch_size"):
        others = [
            f"{stage} {_number(used[stage][name])} instead of {_number(published()[name][stage])}"
            for stage in _STAGES
            if used[stage][name] != published()[name][stage]
        ]
        if others:
            yield f"{name.replace('_', ' ').capitalize()}: {', '.join(others)}."


def _number(value: float) -> str:
    return f"{value:g}".replace("e-0", "e-")


def _counts(results: Mapping[str, Any]) -> Iterator[str]:
    kept = results["corpus"]["kept"]
    if results["corpus"]["name"] == published()["corpus"] and kept != published()["turns"]:
        yield f"There are {kept:,} turns of the classes kept, not {published()['turns']:,}."


def _leaks(results: Mapping[str, Any]) -> Iterator[str]:
    leak = results["stages"]["fusion"]["leak"]
    if leak:
        yield f"Figures marked ! are on turns that an encoder has learned, as in the published code: {leak}."
