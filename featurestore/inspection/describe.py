"""Describe a store, a feature file, a bundle or a checkpoint, as JSON values or as text."""

import dataclasses
from collections import Counter
from pathlib import Path
from typing import Any

from featurestore.errors import BadValue, Problem
from featurestore.exposure import note_unknown_exposure
from featurestore.known_training import describe_training
from featurestore.networks.checkpoint import RECORD, Checkpoint
from featurestore.prediction import bundle
from featurestore.shards.sharded_store import ShardedStore
from featurestore.spec import is_recognizer
from featurestore.storage import schema
from featurestore.storage.feature_file import FeatureFile
from featurestore.store import CORPUS, Store

_SHOWN = 5  # utterances whose recognized words are shown


def describe(path: Path) -> dict[str, Any]:
    """Describe a file or folder as JSON values.

    Raises:
        BadValue: it is not a store, feature file, bundle or checkpoint.
        Mismatch: it is damaged.
    """
    if path.is_file() and path.suffix == ".h5":
        return _describe_file(FeatureFile(path))
    if (path / CORPUS).is_file():
        store = Store(path)
        return _describe_shards(store) if isinstance(store, ShardedStore) else _describe_store(store)
    if (path / bundle.FILE).is_file():
        return {"bundle": str(path), **bundle.read_head_json(path)}
    if (path / "config.json").is_file():
        return _describe_checkpoint(Checkpoint(str(path), path))
    raise BadValue(
        f"cannot inspect {path}",
        expected="a store (corpus.json), a feature file (.h5), a bundle (head.json) or a checkpoint (config.json)",
        do="give the path of one of these",
    )


def render(content: Any, indent: int = 0) -> str:
    """Format nested values as indented lines. Long lists are shortened."""
    pad = "  " * indent
    lines = []
    for key, value in content.items():
        if isinstance(value, dict) and value:
            lines += [f"{pad}{key}:", render(value, indent + 1)]
        else:
            lines.append(f"{pad}{key}: {_format_value(value)}")
    return "\n".join(lines)


def _format_value(value: Any) -> str:
    if isinstance(value, list) and value:
        shown = ", ".join(str(item) for item in value[:8])
        return f"{shown} … and {len(value) - 8} more" if len(value) > 8 else shown
    return "-" if value in ("", None, {}, []) else str(value)


def _describe_file(file: FeatureFile) -> dict[str, Any]:
    header = dataclasses.asdict(file.header)
    digests = header.pop("digests")
    is_transcript = is_recognizer(header["encoder"])
    return {
        "transcript" if is_transcript else "feature file": str(file.path),
        "utterances": len(file.ids),
        **({"words": _count_words(file), "first words": _list_first_words(file)} if is_transcript else {}),
        "failed": file.failed,
        "trained on": _describe_training(file),
        "known training": describe_training(file.header.encoder),
        "bytes": file.path.stat().st_size,
        "datasets": {
            name: f"{' x '.join(map(str, file[name].shape))} {file[name].dtype}, sha256 {digests.get(name, '')[:12]}"
            for name in file.names
        },
        **header,
        "classes": list(header["classes"]),
    }


def _count_words(file: FeatureFile) -> int:
    return len(file[schema.RAGGED["confidence"][0]])


def _list_first_words(file: FeatureFile) -> dict[str, str]:
    """Return what was recognized of the first utterances, by id."""
    return {one: file.frames(row, "text").tobytes().decode("utf-8") for row, one in enumerate(file.ids[:_SHOWN])}


def _describe_training(file: FeatureFile) -> str:
    unknown = note_unknown_exposure(file.header.name, file.header.encoder)
    return unknown or f"{len(file.trained_on)} utterances"


def _describe_store(store: Store) -> dict[str, Any]:
    files: dict[str, dict[str, Any]] = {}
    for name in store.encoders():
        try:
            file = FeatureFile(store.path / f"{name}.h5")
        except Problem as problem:  # go on with the other files
            files[name] = {"state": " ".join(str(problem).split())}
            continue
        files[name] = {"features": [f"{name}.{kind}" for kind in file.kinds], **_describe_file_state(store, file)}
    transcripts = {name: _describe_transcript(store, name) for name in store.transcripts()}
    return {
        **_describe_corpus(store),
        "labels": dict(Counter(label or "(none)" for label in store.utterances.column("label")).most_common()),
        "feature files": files,
        **({"transcripts": transcripts} if transcripts else {}),
        "under way": [path.name for path in store.list_parts()],
    }


def _describe_transcript(store: Store, name: str) -> dict[str, Any]:
    try:
        file = FeatureFile(store.path / schema.TRANSCRIPTS / f"{name}.h5")
    except Problem as problem:  # go on with the other files
        return {"state": " ".join(str(problem).split())}
    return {**_describe_file_state(store, file), "words": _count_words(file)}


def _describe_file_state(store: Store, file: FeatureFile) -> dict[str, Any]:
    """Describe what a file of a store holds, whatever it holds of each utterance, and whether it is fresh."""
    fresh = file.header.manifest == store.manifest_digest
    return {
        "utterances": len(file.ids),
        "failed": len(file.failed),
        "checkpoint": file.header.encoder["checkpoint"],
        "trained on": _describe_training(file),
        "known training": describe_training(file.header.encoder),
        "state": "fresh" if fresh else f"stale: made from another manifest; run {file.update_command}",
    }


def _describe_corpus(store: Store) -> dict[str, Any]:
    return {
        "store": str(store.path),
        "corpus": store.corpus,
        "root": str(store.root),
        "manifest sha256": store.manifest_digest,
        "utterances": len(store.utterances),
    }


def _describe_shards(store: ShardedStore) -> dict[str, Any]:
    every = len(store.index.shards)
    files = {
        name: {"shards": f"{count} of {every}", **(_describe_encoder(store, name) if count == every else {})}
        for name, count in store.count_shards().items()
    }
    return {
        **_describe_corpus(store),
        "shards": every,
        "utterances of a shard": f"at most {store.index.rows}",
        "dialogues in several shards": store.index.cut_dialogues,
        "labels": store.info.get("counts", {}),
        "feature files": files,
        **({"transcripts": transcripts} if (transcripts := store.transcripts()) else {}),
        "under way": [str(path.relative_to(store.path)) for path in sorted(store.path.glob("*/**/*.parts"))],
    }


def _describe_encoder(store: ShardedStore, name: str) -> dict[str, Any]:
    """Describe an encoder that is finished in every shard."""
    try:
        kinds = [f"{name}.{kind}" for kind in store.kinds(name) if "[" not in kind]
        encoder, failed = store.describe(name), len(store.failures(kinds[:1]))
    except Problem as problem:
        return {"state": " ".join(str(problem).split())}
    known = describe_training(encoder)
    return {"features": kinds, "failed": failed, "checkpoint": encoder["checkpoint"], "known training": known}


def _describe_checkpoint(checkpoint: Checkpoint) -> dict[str, Any]:
    config = checkpoint.config()
    return {
        "checkpoint": str(checkpoint.folder),
        "modality": checkpoint.modality(),
        "model type": config.get("model_type", ""),
        "classes": checkpoint.classes(),
        "sha256": checkpoint.digests(checkpoint.modality()),
        "known training": describe_training({"checkpoint": str(checkpoint.folder.resolve())}),
        RECORD: checkpoint.read_finetune_record(),
    }
