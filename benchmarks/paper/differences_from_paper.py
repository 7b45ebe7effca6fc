"""List the differences between a run and the paper, for the top of the page."""

from collections.abc import Iterator, Mapping
from typing import Any

from benchmarks.paper.paper_plan import PaperPlan, read_published_figures

_STAGES = ("text", "audio", "fusion")


def list_differences(results: Mapping[str, Any], plan: PaperPlan) -> list[str]:
    """Return one sentence for each known difference, or a single sentence that there is none."""
    found = [*_corpus(results), *_switches(results), *_checkpoints(plan), *_settings(plan), *_counts(results)]
    found += _leaks(results)
    return found or ["No known difference: corpus, checkpoints, settings and split are the paper's."]


def _corpus(results: Mapping[str, Any]) -> Iterator[str]:
    corpus = results["corpus"]
    if corpus["name"] != read_published_figures()["corpus"]:
        note = f" ({corpus['note']})" if corpus["note"] else ""
        yield (
            f"The corpus is not IEMOCAP but: {corpus['title']}{note}. "
            "Differences from published figures say nothing about the paper."
        )


def _switches(results: Mapping[str, Any]) -> Iterator[str]:
    repaired = [switch["name"] for switch in results["switches"] if not switch["as_published"]]
    if len(repaired) == len(results["switches"]):
        yield "All quirks of the published code are repaired (mode fixed; see the switches below)."
    elif repaired:
        yield f"Quirks of the published code that are repaired: {', '.join(repaired)}."


def _checkpoints(plan: PaperPlan) -> Iterator[str]:
    for modality, paper in read_published_figures()["checkpoints"].items():
        if plan.is_own(modality):
            yield f"The {modality} encoder is the demo's small untrained network, not the pretrained {paper}."
        elif plan.checkpoints[modality] != paper:
            yield f"The {modality} encoder starts from {plan.checkpoints[modality]}, not from {paper}."


def _settings(plan: PaperPlan) -> Iterator[str]:
    used = {modality: plan.to_json()["settings"][modality] for modality in _STAGES}
    for name in ("epochs", "learning_rate", "batch_size"):
        published = read_published_figures()[name]
        others = [
            f"{stage} {_number(used[stage][name])} instead of {_number(published[stage])}"
            for stage in _STAGES
            if used[stage][name] != published[stage]
        ]
        if others:
            yield f"{name.replace('_', ' ').capitalize()}: {', '.join(others)}."


def _number(value: float) -> str:
    return f"{value:g}".replace("e-0", "e-")


def _counts(results: Mapping[str, Any]) -> Iterator[str]:
    kept, published = results["corpus"]["kept"], read_published_figures()
    if results["corpus"]["name"] == published["corpus"] and kept != published["turns"]:
        yield f"The kept classes have {kept:,} turns, not {published['turns']:,}."


def _leaks(results: Mapping[str, Any]) -> Iterator[str]:
    leak = results["stages"]["fusion"]["leak"]
    if leak:
        yield f"Figures marked ! are on turns that an encoder was fine-tuned on, as in the published code: {leak}."
