"""Hold the outcome of preparing a corpus, and render it for a terminal."""

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path

from featurestore.corpora import CorpusCard, Finding
from featurestore.errors import format_count, quote
from featurestore.shards.cut_manifest import describe_cut_dialogues
from featurestore.store import CORPUS, MANIFEST, SHARDS

_SHOWN = 4  # ids of a finding that the report lists at most; corpus.json lists all
_LETTERS = 240  # that these have together, so that long paths do not fill the screen
_WIDTH = 100
_INDENT = " " * 9
# keep ids and paths on one line, so that they can be copied
_WRAPPER = textwrap.TextWrapper(_WIDTH - len(_INDENT), break_long_words=False, break_on_hyphens=False)


@dataclass(frozen=True)
class ManifestChanges:
    """Difference of a manifest from the previous one: ids added, removed and changed, and whether the order changed."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    reordered: bool = False


@dataclass(frozen=True)
class Preparation:
    """Outcome of preparing a corpus.

    Args:
        corpus: name of the corpus.
        store: folder of the store.
        root: folder that `audio` is relative to.
        card: card of the corpus.
        utterances: number of utterances.
        speakers: number of speakers.
        hours: total duration.
        without_duration: number of utterances whose duration is unknown.
        counts: number of utterances by label code.
        known: counts of a full release; empty if they vary.
        findings: every irregularity.
        changes: changes of the manifest; None if there was none before.
        written: files written; empty if nothing changed.
        features: feature files in the store that were extracted from an earlier manifest.
        shards: number of shards that the corpus is cut into; 0 if it is not.
        cut_dialogues: number of dialogues whose turns lie in several shards.
    """

    corpus: str
    store: Path
    root: Path
    card: CorpusCard = field(repr=False)
    utterances: int
    speakers: int
    hours: float
    without_duration: int
    counts: Mapping[str, int]
    known: Mapping[str, int]
    findings: tuple[Finding, ...] = field(repr=False)  # may name every utterance
    changes: ManifestChanges | None = field(repr=False)
    written: tuple[str, ...]
    features: tuple[str, ...]
    shards: int = 0
    cut_dialogues: int = 0

    def summary(self) -> str:
        """Return the outcome as lines for a terminal."""
        about = {"note": self.card.note, "licence": self.card.licence, "to cite": self.card.citation}
        parts = [
            [_render_headline(self)],
            _render_counts(self),
            _render_findings(self.findings),
            [_render_item(name, text) for name, text in about.items() if text],
            [*_render_changes(self), *_render_files(self)],
        ]
        return "\n\n".join("\n".join(lines) for lines in parts if lines)


def _render_headline(prepared: Preparation) -> str:
    counted = [
        format_count(prepared.utterances, "utterance"),
        format_count(prepared.speakers, "speaker") if prepared.speakers else "speakers unknown",
        _format_hours(prepared.hours) if prepared.without_duration < prepared.utterances else "no durations",
    ]
    return f"{prepared.corpus}: {', '.join(counted)}\n{prepared.card.title}\nread from {prepared.root}"


def _format_hours(hours: float) -> str:
    return f"{hours:.2f} h" if hours >= 0.1 else f"{hours * 3600:.0f} s"


def _render_counts(prepared: Preparation) -> list[str]:
    """Render the counts by label, beside the known ones if there are any."""
    every = dict.fromkeys([*prepared.card.labels, *prepared.counts])
    labels = [label for label in every if label in prepared.counts or label in prepared.known]
    rows = [
        (label or "(none)", prepared.card.labels.get(label, ""), *_count_cells(prepared, [label])) for label in labels
    ]
    rows.append(("all", "", *_count_cells(prepared, labels)))
    header = ("label", "meaning", "here", "known", "difference") if prepared.known else ("label", "meaning", "here")
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]
    return [_align(row, widths) for row in (header, *rows)]


def _count_cells(prepared: Preparation, labels: Sequence[str]) -> tuple[str, ...]:
    here = sum(prepared.counts.get(label, 0) for label in labels)
    if not prepared.known:
        return (f"{here:,}",)
    known = sum(prepared.known.get(label, 0) for label in labels)
    return f"{here:,}", f"{known:,}", f"{here - known:+,}" if here != known else "-"


def _align(row: Sequence[str], widths: Sequence[int]) -> str:
    words = [text.ljust(width) for text, width in zip(row[:2], widths[:2], strict=True) if width]
    numbers = [text.rjust(width) for text, width in zip(row[2:], widths[2:], strict=True)]
    return "  ".join([*words, *numbers]).rstrip()


def _render_findings(findings: Sequence[Finding]) -> list[str]:
    if not findings:
        return ["no irregularities"]
    lines = [_render_item(f"{len(finding.where):,}", finding.what, _list(finding.where)) for finding in findings]
    return [f"irregularities (in full in {CORPUS}):", *lines]


def _render_changes(prepared: Preparation) -> list[str]:
    """Render the changes of the manifest, and the feature files that are out of date."""
    changes = prepared.changes
    if changes is None or not any(Path(name).name == MANIFEST for name in prepared.written):
        return []
    kinds = {"added": changes.added, "removed": changes.removed, "changed": changes.changed}
    lines = [_render_item(f"{len(ids):,}", f"rows {what}", _list(ids)) for what, ids in kinds.items() if ids]
    if changes.reordered:
        lines.append(_render_item("", "rows in another order"))
    if prepared.features:
        lines.append(
            _render_item(f"{len(prepared.features):,}", "feature files of the old manifest", _list(prepared.features))
        )
        lines.append(f"{_INDENT}out of date; commands to extract them again: cli inspect {quote(prepared.store)}")
    return ["the manifest has changed:", *lines] if lines else []


def _render_files(prepared: Preparation) -> list[str]:
    names = (SHARDS, CORPUS) if prepared.shards else (MANIFEST, CORPUS)
    kept = [name for name in names if name not in prepared.written]
    lines = [f"wrote {prepared.store / name}" for name in names if name in prepared.written]
    return [*_render_shards(prepared), *lines, *(f"unchanged {prepared.store / name}" for name in kept)]


def _render_shards(prepared: Preparation) -> list[str]:
    if not prepared.shards:
        return []
    new = sum(Path(name).name == MANIFEST for name in prepared.written)
    line = f"cut into {format_count(prepared.shards, 'shard')}, {new} of them written now"
    return [line, *describe_cut_dialogues(prepared.cut_dialogues)]


def _render_item(head: str, *texts: str) -> str:
    """Render a number or word, and to its right wrapped texts, one below the other."""
    wrapped = [line for text in texts for line in _WRAPPER.wrap(text)]
    return f"{head:>7}  " + f"\n{_INDENT}".join(wrapped)


def _list(ids: Sequence[str]) -> str:
    lengths = accumulate(len(one) + 2 for one in ids[:_SHOWN])
    count = max(1, sum(length <= _LETTERS for length in lengths))
    return ", ".join(ids[:count]) + (" …" if len(ids) > count else "")
