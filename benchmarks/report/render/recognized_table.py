"""Format the section on recognized words: cells that the page and the Markdown share."""

from collections.abc import Iterator

from benchmarks.report.analysis.section_types import ErrorCountContent, RecognizedContent, TranscriptContent
from benchmarks.report.render.markdown_table import format_table
from benchmarks.statistics.formatting import format_interval, format_p_value, format_percent
from featurestore.errors import format_count

ALL = "all"


def list_errors(found: TranscriptContent) -> list[tuple[str, ErrorCountContent]]:
    """List the word errors of a transcript by class, all utterances first. Empty where they could not be counted."""
    overall = found.get("overall")
    return [(ALL, overall), *found.get("by_label", {}).items()] if overall else []


def describe_uncounted(found: TranscriptContent) -> str:
    """Describe what is left out of the word error rate of a transcript, or why there is none."""
    if "note" in found:
        return f"no word error rate: {found['note']}"
    without, failed = found["without_words"], found["not_transcribed"]
    left = f"{format_count(without, 'utterance')} without words of the corpus, {failed:,} that failed"
    return f"not counted: {left}; words compared after normalization ({found['normalization']})"


def format_recognized(content: RecognizedContent) -> Iterator[str]:
    """Yield the lines of the section in Markdown."""
    yield "## Gold against recognized words\n"
    yield from format_table(
        ["recognized", "gold", "transcript", "recognized %", "gold %", "recognized minus gold, points", "p (Holm)"],
        [
            [
                one["first"],
                one["second"],
                one["transcript"],
                format_percent(one["recognized"]["value"]),
                format_percent(one["gold"]["value"]),
                format_interval(one["value"], one["low"], one["high"], "!" if "leaked" in one else "", difference=True),
                format_p_value(one["p_holm"]),
            ]
            for one in content["systems"]
        ],
    )
    for name, found in content["transcripts"].items():
        yield f"\nWord errors of {name}; {describe_uncounted(found)}.\n"
        yield from format_table(
            ["class", "word error rate %", "words", "substituted", "deleted", "inserted", "utterances"],
            [
                [
                    label,
                    format_percent(one["word_error_rate"]),
                    *(str(one[kind]) for kind in ("words", "substitutions", "deletions", "insertions", "utterances")),
                ]
                for label, one in list_errors(found)
            ],
        )
    yield ""
