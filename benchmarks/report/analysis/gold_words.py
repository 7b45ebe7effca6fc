"""Compare the same head on the words of the corpus and on recognized ones: what a deployment without transcripts loses.

Two systems are compared if head, normalization, logits and training are the same and their features differ only in the
words that text encoders read.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from benchmarks.evaluation.baselines import is_baseline
from benchmarks.grid.results import Results
from benchmarks.report.analysis.content_types import SummaryContent
from benchmarks.report.analysis.modalities import find_pair
from benchmarks.report.analysis.result_curves import select_interval
from benchmarks.report.analysis.section_types import RecognizedContent, RecognizedSystemContent
from benchmarks.report.analysis.system_types import SystemContent
from featurestore.default_files import forget_transcript
from featurestore.spec import TRANSCRIPT, parse_feature


class _Reading(NamedTuple):
    """What a system reads.

    `alike` is equal for systems that differ only in their words; `words` are the transcripts, empty for the corpus.
    """

    alike: tuple[Any, ...]
    words: frozenset[str]


def compare_words(results: Results, summary: SummaryContent) -> RecognizedContent:
    """Compare systems on recognized words with those on the words of the corpus, in the headline metric.

    Args:
        results: of a benchmark with `transcripts`.
        summary: its summary, whose pairs are used.

    Returns:
        `systems`: recognized minus gold, one entry for each system on one transcript that has a counterpart;
            `transcripts`: the word errors of each.
    """
    rows = [row for row in summary["leaderboard"] if not is_baseline(row["head"])]
    read = {row["system"]: _describe_reading(row, results.about) for row in rows}
    gold = {read[row["system"]].alike: row for row in reversed(rows) if not read[row["system"]].words}
    return {
        "transcripts": results.about["transcripts"],
        "systems": list(_compare_systems(rows, read, gold, summary)),
    }


def _compare_systems(
    rows: list[SystemContent],
    read: Mapping[str, _Reading],
    gold: Mapping[tuple[Any, ...], SystemContent],
    summary: SummaryContent,
) -> Iterator[RecognizedSystemContent]:
    for row in rows:
        alike, words = read[row["system"]]
        own = gold.get(alike)
        if len(words) == 1 and own:
            yield {
                "head": row["head"],
                "transcript": next(iter(words)),
                "gold": select_interval(own, summary["metric"]),
                "recognized": select_interval(row, summary["metric"]),
                **find_pair(summary["pairs"], row["system"], own["system"]),
            }


def _describe_reading(row: SystemContent, about: Mapping[str, Any]) -> _Reading:
    own = about.get("words", {}).get(row["feature_set"])
    words, features = set(filter(None, [own])), []
    for feature in map(parse_feature, row["features"]):
        made = _find_descriptions(feature.encoder, about["encoders"])
        words |= {one[TRANSCRIPT]["name"] for one in made if TRANSCRIPT in one}
        features.append((feature.kind, feature.index, tuple(sorted(map(forget_transcript, made)))))
    training = (row["head"], row["normalize"], row["logits"], row.get("train_on"), row.get("missing"))
    return _Reading((*training, *features), frozenset(words))


def _find_descriptions(encoder: str, encoders: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Find how the files of an encoder were made, one or one for each fold."""
    return [one["made"] for name, one in encoders.items() if name.partition("@")[0] == encoder.partition("@")[0]]
