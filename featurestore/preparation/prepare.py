"""From a corpus on disk to a store: the manifest, and what was found; the same release gives the same bytes."""

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from featurestore import manifest, registry
from featurestore.corpora import Card, Reading
from featurestore.errors import BadValue, Mismatch, Problem, quoted
from featurestore.manifest import Utterance
from featurestore.preparation import checks
from featurestore.preparation.prepared import Changes, Prepared, report
from featurestore.storage.atomic import write_text
from featurestore.store import CORPUS, MANIFEST

__all__ = ["Changes", "Prepared", "prepare", "report"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


def prepare(
    corpus: str, root: Path | None, store: Path, *, name: str = "", columns: Mapping[str, str] | None = None
) -> Prepared:
    """Read a release and write `utterances.csv` and `corpus.json` into the store where they differ.

    Args:
        corpus: one of `cli list corpora`.
        root: the release; None for the place that the corpus itself knows (only demo does).
        store: a folder, made where it is not there.
        name: what a table of the user's own is to be called; by default as its reader, `table`.
        columns: what a column of the manifest is called in such a table, where it has another name.

    Raises:
        UnknownName: no such corpus.
        BadValue: a root is needed, or the name cannot be given.
        Mismatch: the store holds another corpus, or the release holds nothing.
        Problem: whatever the corpus's reader says.
    """
    module = registry.module("corpora", corpus)
    called = _name(corpus, name, columns or {}, module.CARD)
    source = _source(corpus, root, module, store)
    _check_store(corpus, called, store)
    reading = module.utterances(source, columns) if columns else module.utterances(source)
    if not reading.utterances:
        raise Mismatch(f"{source} holds no utterance", expected=f"a release of {module.CARD.title}")
    before = _before(store)
    changes = None if before is None else _changes(before, reading.utterances)
    folder = source if source.is_dir() else source.parent
    reading = _checked(reading, folder)
    summary = _summary(called, source, folder, module.CARD, reading)
    summary |= {"reader": corpus, "columns": dict(columns or {})}
    # the manifest comes last: while it is missing, the store is not prepared
    contents = {CORPUS: json.dumps(summary, ensure_ascii=False, indent=1) + "\n"}
    contents[MANIFEST] = manifest.to_csv(reading.utterances)
    written = tuple(name for name, content in contents.items() if _write(store / name, content))
    features = tuple(sorted(path.name for path in store.glob("*.h5"))) if before is not None else ()
    return Prepared(
        corpus=called,
        store=store,
        root=folder,
        card=module.CARD,
        utterances=len(reading.utterances),
        speakers=summary["speakers"],
        hours=summary["hours"],
        counts=summary["counts"],
        known=module.CARD.counts,
        findings=reading.findings,
        changes=changes,
        written=written,
        features=features if MANIFEST in written else (),
    )


def _name(corpus: str, name: str, columns: Mapping[str, str], card: Card) -> str:
    """What the corpus is to be called; raises BadValue where it cannot be called so."""
    given = [option for option, value in (("--name", name), ("--column", columns)) if value]
    if given and not card.own:
        raise BadValue(
            f"corpus {corpus!r} takes no {' and no '.join(given)}: its reader knows what it is called and holds",
            do="give these with a table of your own: cli prepare table TABLE --name NAME --column label=emotion",
        )
    if name and (not _NAME.fullmatch(name) or (name != corpus and name in registry.names("corpora"))):
        raise BadValue(
            f"a corpus cannot be called {name!r}",
            expected="letters, digits and _ . -, beginning with a letter or digit; not the name of a known corpus",
            do="choose another --name",
        )
    return name or corpus


def _source(corpus: str, root: Path | None, module: Any, store: Path) -> Path:
    if root is not None:
        return root.expanduser().absolute()
    if not hasattr(module, "default_root"):
        raise BadValue(
            f"corpus {corpus!r} needs a ROOT: where {module.CARD.title} lies on this machine",
            do=f"cli prepare {corpus} ROOT --store {quoted(store)}",
        )
    default: Path = module.default_root(store)
    return default.absolute()


def _checked(reading: Reading, folder: Path) -> Reading:
    """A reading with what holds of any corpus; a file's name may hold bytes that are not UTF-8."""
    findings = (*reading.findings, *checks.findings(reading.utterances, folder))
    written = [replace(one, where=tuple(map(_writable, one.where))) for one in findings]
    return replace(reading, findings=tuple(written))


def _writable(name: str) -> str:
    return name.encode(errors="backslashreplace").decode()


def _check_store(corpus: str, called: str, store: Path) -> None:
    """Raises Mismatch rather than put a second corpus over the first."""
    try:
        info = json.loads((store / CORPUS).read_text("utf-8"))
        there, reader = info["corpus"], info.get("reader", info["corpus"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return  # no store yet, or a damaged one that is about to be written anew
    if there != called:
        again = f"cli prepare {corpus} ROOT --store {quoted(store.with_name(called))}{_option(corpus, called)}"
        same = f"cli prepare {corpus} ROOT --store {quoted(store)} --name {quoted(there)}"
        raise Mismatch(
            f"the store {store} holds another corpus",
            expected=called,
            got=there,
            do=f"choose another folder: {again}" + (f"; to read that one again: {same}" if reader == corpus else ""),
        )


def _option(corpus: str, called: str) -> str:
    return f" --name {called}" if called != corpus else ""


def _before(store: Path) -> tuple[Utterance, ...] | None:
    """The manifest that is there; None where there is none that can be read."""
    try:
        return manifest.read(store / MANIFEST)
    except (Problem, ValueError):
        return None


def _changes(before: Sequence[Utterance], after: Sequence[Utterance]) -> Changes:
    old, new = ({row.id: row for row in rows} for rows in (before, after))
    kept = [name for name in new if name in old]
    return Changes(
        added=tuple(name for name in new if name not in old),
        removed=tuple(name for name in old if name not in new),
        changed=tuple(name for name in kept if new[name] != old[name]),
        reordered=kept != [name for name in old if name in new],
    )


def _summary(corpus: str, source: Path, folder: Path, card: Card, reading: Reading) -> dict[str, Any]:
    """What `corpus.json` holds; a pure function of the release, so that the same release gives the same bytes."""
    rows = reading.utterances
    counts = Counter(row.label for row in rows)
    order = dict.fromkeys([*card.labels, *sorted(counts)])
    return {
        "corpus": corpus,
        "version": card.version,
        "root": str(folder),
        "source": str(source),
        "title": card.title,
        "licence": card.licence,
        "citation": card.citation,
        "note": card.note,
        "utterances": len(rows),
        "hours": round(sum(row.duration or 0 for row in rows) / 3600, 4),
        "without_duration": sum(row.duration is None for row in rows),
        "speakers": len({row.speaker for row in rows if row.speaker}),
        "counts": {label: counts[label] for label in order if counts[label]},
        "known_counts": dict(card.counts),
        "ids": reading.ids,
        # of most corpora it is all or none, and then not listed
        "made_up_ids": list(reading.made_up_ids) if len(reading.made_up_ids) < len(rows) else [],
        "segments": reading.segments,
        "findings": [{"what": finding.what, "where": list(finding.where)} for finding in reading.findings],
    }


def _write(path: Path, content: str) -> bool:
    """Writes a file unless it holds just that; True where it was written."""
    if path.is_file() and path.read_bytes() == content.encode():
        return False
    write_text(path, content)
    return True
