"""What `cli prepare` did and found, and how it is told on a terminal."""

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from featurestore.corpora import Card, Finding
from featurestore.errors import quoted
from featurestore.store import CORPUS, MANIFEST, Store

_SHOWN = 4  # ids of a finding that the report lists; corpus.json has all
_WIDTH = 100
_INDENT = " " * 9
# ids and paths stay whole: they are to be copied
_WRAPPER = textwrap.TextWrapper(_WIDTH - len(_INDENT), break_long_words=False, break_on_hyphens=False)


@dataclass(frozen=True)
class Changes:
    """How the manifest differs from the one that was there: ids of rows added, removed, changed."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    reordered: bool = False


@dataclass(frozen=True)
class Prepared:
    """What `prepare` did and found.

    Args:
        counts: utterances by label code.
        known: the counts of a full release, empty where it varies.
        changes: against the manifest that was there; None where there was none.
        written: the files that are new; empty where nothing changed.
        features: feature files in the store that were made on another manifest.
    """

    corpus: str
    store: Path
    root: Path
    card: Card
    utterances: int
    speakers: int
    hours: float
    counts: Mapping[str, int]
    known: Mapping[str, int]
    findings: tuple[Finding, ...]
    changes: Changes | None
    written: tuple[str, ...]
    features: tuple[str, ...]


def report(prepared: Prepared) -> str:
    """What a user should know after `prepare`, as lines for a terminal."""
    about = {"note": prepared.card.note, "licence": prepared.card.licence, "to cite": prepared.card.citation}
    parts = [
        [_headline(prepared)],
        _table(prepared),
        _odd(prepared.findings),
        [_item(name, text) for name, text in about.items() if text],
        [*_changed(prepared), *_written(prepared)],
    ]
    return "\n\n".join("\n".join(lines) for lines in parts if lines)


def again(store: Store, root: object = "ROOT") -> str:
    """Give the command that prepares a store again, under its name and with its columns."""
    reader = str(store.info.get("reader", store.corpus))
    name = ["--name", store.corpus] if reader != store.corpus else []
    columns = [f"--column {quoted(f'{target}={source}')}" for target, source in store.info.get("columns", {}).items()]
    return " ".join(["cli prepare", reader, quoted(root), "--store", quoted(store.path), *name, *columns])


def _headline(prepared: Prepared) -> str:
    counted = [f"{prepared.utterances:,} utterances", f"{prepared.speakers} speakers", _length(prepared.hours)]
    return f"{prepared.corpus}: {', '.join(counted)}\n{prepared.card.title}\nread from {prepared.root}"


def _length(hours: float) -> str:
    return f"{hours:.2f} h" if hours >= 0.1 else f"{hours * 3600:.0f} s"


def _table(prepared: Prepared) -> list[str]:
    """The counts by label; beside the known ones where there are any."""
    every = dict.fromkeys([*prepared.card.labels, *prepared.counts])
    labels = [label for label in every if label in prepared.counts or label in prepared.known]
    rows = [(label or "(none)", prepared.card.labels.get(label, ""), *_cells(prepared, [label])) for label in labels]
    rows.append(("all", "", *_cells(prepared, labels)))
    header = ("label", "meaning", "here", "known", "difference") if prepared.known else ("label", "meaning", "here")
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]
    return [_aligned(row, widths) for row in (header, *rows)]


def _cells(prepared: Prepared, labels: Sequence[str]) -> tuple[str, ...]:
    here = sum(prepared.counts.get(label, 0) for label in labels)
    if not prepared.known:
        return (f"{here:,}",)
    known = sum(prepared.known.get(label, 0) for label in labels)
    return f"{here:,}", f"{known:,}", f"{here - known:+,}" if here != known else "-"


def _aligned(row: Sequence[str], widths: Sequence[int]) -> str:
    words = [text.ljust(width) for text, width in zip(row[:2], widths[:2], strict=True) if width]
    numbers = [text.rjust(width) for text, width in zip(row[2:], widths[2:], strict=True)]
    return "  ".join([*words, *numbers]).rstrip()


def _odd(findings: Sequence[Finding]) -> list[str]:
    if not findings:
        return ["nothing odd"]
    lines = [_item(f"{len(finding.where):,}", finding.what, _listed(finding.where)) for finding in findings]
    return [f"odd (in full in {CORPUS}):", *lines]


def _changed(prepared: Prepared) -> list[str]:
    """How the manifest differs from the one that was there, and which features that leaves behind."""
    changes = prepared.changes
    if changes is None or MANIFEST not in prepared.written:
        return []
    kinds = {"added": changes.added, "removed": changes.removed, "changed": changes.changed}
    lines = [_item(f"{len(ids):,}", f"rows {what}", _listed(ids)) for what, ids in kinds.items() if ids]
    if changes.reordered:
        lines.append(_item("", "rows in another order"))
    if prepared.features:
        lines.append(
            _item(f"{len(prepared.features):,}", "feature files of the old manifest", _listed(prepared.features))
        )
        lines.append(
            f"{_INDENT}out of date until extracted again; by which commands: cli inspect {quoted(prepared.store)}"
        )
    return ["the manifest has changed:", *lines] if lines else []


def _written(prepared: Prepared) -> list[str]:
    kept = [name for name in (MANIFEST, CORPUS) if name not in prepared.written]
    lines = [f"wrote {prepared.store / name}" for name in (MANIFEST, CORPUS) if name in prepared.written]
    return lines + [f"unchanged {prepared.store / name}" for name in kept]


def _item(head: str, *texts: str) -> str:
    """A line that starts with a number or a word, wrapped, its texts one under the other."""
    wrapped = [line for text in texts for line in _WRAPPER.wrap(text)]
    return f"{head:>7}  " + f"\n{_INDENT}".join(wrapped)


def _listed(ids: Sequence[str]) -> str:
    return ", ".join(ids[:_SHOWN]) + (" …" if len(ids) > _SHOWN else "")
