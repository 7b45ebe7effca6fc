"""Build the content of `corpus.json`, and the command that prepares a store again from it."""

import json
from collections import Counter
from collections.abc import Mapping
from itertools import chain, count
from pathlib import Path
from typing import Any

from featurestore.corpora import CorpusCard, Reading
from featurestore.errors import Mismatch, quote
from featurestore.store import CORPUS, Store


def build_corpus_json(
    name: str, reader: str, source: Path, folder: Path, card: CorpusCard, reading: Reading, columns: Mapping[str, str]
) -> dict[str, Any]:
    """Return the content of `corpus.json`, which depends on nothing but the arguments.

    Args:
        name: name of the corpus.
        reader: registry name of the corpus module.
        source: the release's folder, the table, or the name of a dataset on a server.
        folder: that `audio` is relative to.
        card: card of the corpus.
        reading: utterances and findings.
        columns: name of a manifest column in the table, if it is not the same.
    """
    rows = reading.utterances
    counts = Counter(row.label for row in rows)
    order = dict.fromkeys([*card.labels, *sorted(counts)])
    return {
        "corpus": name,
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
        # in most corpora all ids or none are made up; they are then not listed
        "made_up_ids": list(reading.made_up_ids) if len(reading.made_up_ids) < len(rows) else [],
        "segments": reading.segments,
        "findings": [{"what": finding.what, "where": list(finding.where)} for finding in reading.findings],
        "reader": reader,
        "columns": dict(columns),
    }


def find_audio_folder(source: Path) -> Path:
    """Return the folder that `audio` is relative to."""
    return source if source.is_dir() else source.parent


def check_same_corpus(store: Path, name: str, reader: str, source: Path, columns: Mapping[str, str]) -> None:
    """Raise Mismatch if the store holds a corpus of another name.

    Args:
        store: folder of the store.
        name: name of the corpus to prepare.
        reader: registry name of the corpus module.
        source: the release's folder, or the table.
        columns: name of a manifest column in the table, if it is not the same.
    """
    try:
        info = json.loads((store / CORPUS).read_text("utf-8"))
        present, present_reader = info["corpus"], info.get("reader", info["corpus"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return  # no store yet, or a damaged one that is about to be written again
    if present != name:
        other = _build_command(reader, source, _choose_folder(store, name), name, columns)
        same = _build_command(reader, source, store, present, columns)
        raise Mismatch(
            f"the store {store} holds another corpus",
            expected=name,
            got=present,
            do=f"choose another folder: {other}"
            + (f"; to prepare {present} again: {same}" if present_reader == reader else ""),
        )


def prepare_command(store: Store, root: object = "ROOT", *, columns: Mapping[str, str] | None = None) -> str:
    """Return the command that prepares a store again, with its name and columns.

    Args:
        store: the store.
        root: path of the release or table, or a word that stands for it.
        columns: further columns of the command, beside those that the store was prepared with.
    """
    reader = str(store.info.get("reader", store.corpus))
    return _build_command(reader, root, store.path, store.corpus, {**store.info.get("columns", {}), **(columns or {})})


def _build_command(reader: str, root: object, store: Path, name: str, columns: Mapping[str, str]) -> str:
    options = ["--name", quote(name)] if name != reader else []
    options += [f"--column {quote(f'{target}={source}')}" for target, source in columns.items()]
    return " ".join(["cli prepare", reader, quote(root), "--store", quote(store), *options])


def _choose_folder(store: Path, name: str) -> Path:
    """Return a folder beside the store that does not exist yet, named after the corpus if possible."""
    numbered = (store.with_name(f"{name}-{number}") for number in count(2))
    return next(folder for folder in chain([store.with_name(name)], numbered) if not folder.exists())
