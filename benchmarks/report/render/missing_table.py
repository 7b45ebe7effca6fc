"""Format the curves over missing modalities: cells that the page and the Markdown share."""

from collections.abc import Iterator, Mapping, Sequence

from benchmarks.report.analysis.content_types import SummaryContent
from benchmarks.report.analysis.section_types import MissingContent, MissingCurveContent, MissingPointContent
from benchmarks.report.render.markdown_table import format_table
from benchmarks.statistics.formatting import format_interval, name_metric


def explain_masking(missing: MissingContent) -> str:
    """Explain what was done with utterances that lack a modality."""
    lacking = ", ".join(f"{count} lack {modality}" for modality, count in missing["lacking"].items() if count)
    text = (
        "Utterances that lack a modality stay: its columns are filled with the training means, beside an indicator. "
        f"Of the utterances with a class, {lacking or 'none lacks a modality'}."
    )
    if "both-trained" not in missing["modes"]:
        return text
    return (
        f"{text} Both-trained: {100 * missing['dropout']:g} % of the complete training utterances lose one modality "
        "before the fit (modality dropout)."
    )


def explain_shares(metric: str) -> str:
    """Explain the columns of the table, the headline metric being `metric`."""
    return (
        f"{name_metric(metric).capitalize()} when this share of the complete test utterances of each fold is predicted "
        "without the modality, by the same fitted head. The utterances are drawn by the seed, and are the same for all "
        "systems; a larger share holds those of a smaller one."
    )


def count_without(curve: MissingCurveContent, point: MissingPointContent) -> int:
    """Return the number of test utterances that were predicted without the modality of a curve."""
    return sum(count for lacking, count in point["lacking"].items() if curve["modality"] in lacking.split("+"))


def list_counts(curves: Sequence[MissingCurveContent]) -> Iterator[str]:
    """Yield a sentence for each modality about how many utterances were predicted without it, by feature set."""
    by_set: Mapping[tuple[str, str], MissingCurveContent] = {
        (one["feature_set"], one["modality"]): one for one in curves
    }
    several = len({feature_set for feature_set, _ in by_set}) > 1
    for (feature_set, modality), curve in by_set.items():
        counts = ", ".join(f"{count_without(curve, one)} at {100 * one['share']:g} %" for one in curve["points"])
        n = sum(curve["points"][0]["lacking"].values())
        of = f" of {feature_set}" if several else ""
        yield f"Predicted without {modality}{of}, of {n} test utterances: {counts}"


def format_missing(summary: SummaryContent) -> Iterator[str]:
    """Yield the lines of the section in Markdown."""
    missing = summary["missing"]
    yield from ("## Missing modality", "", explain_masking(missing), "")
    shares = sorted({point["share"] for curve in missing["curves"] for point in curve["points"]})
    header = ["system", "without", *(f"{100 * share:g} %" for share in shares)]
    if missing["curves"]:
        cells = [_list_cells(curve, summary["metric"]) for curve in missing["curves"]]
        yield from (*format_table(header, cells), "", explain_shares(summary["metric"]), "")
    for line in list_counts(missing["curves"]):
        yield from (f"{line}.", "")


def _list_cells(curve: MissingCurveContent, metric: str) -> list[str]:
    found = [point[metric] for point in curve["points"]]  # type: ignore[literal-required]
    mark = "!" if curve.get("leaked") else ""
    figures = [format_interval(one["value"], one["low"], one["high"], mark) for one in found]
    return [curve["system"], curve["modality"], *figures]
