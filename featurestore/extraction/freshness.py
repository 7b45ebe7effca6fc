"""Whether a stored vector is what an extraction would give today, and if not, why."""

import os
from dataclasses import dataclass
from typing import Any

from featurestore.encoders import identify
from featurestore.errors import Problem
from featurestore.extraction import cache_key
from featurestore.manifest import Utterance
from featurestore.networks.identity import Identity, fingerprint
from featurestore.spec import EncoderSpec, asked_for
from featurestore.storage import schema
from featurestore.storage.feature_file import FeatureFile
from featurestore.store import Store


@dataclass(frozen=True)
class Source:
    """The encoder of a feature file as it is now, on this machine.

    Args:
        spec: how it is asked for.
        changes: how it differs from the one that made the file, one line each.
        unknown: why it cannot be looked at (moved, not installed, no network); empty where it could be.
    """

    spec: EncoderSpec
    changes: tuple[str, ...] = ()
    unknown: str = ""


def source(file: FeatureFile) -> Source:
    """Looks at the checkpoint that a feature file was made from."""
    stored = file.header.encoder
    spec = EncoderSpec(file.header.name, asked_for(stored))
    try:
        identity = identify(spec)
    except Problem as problem:
        return Source(spec, unknown=problem.what)
    return Source(spec, (*differences(stored, identity.description), *training_changes(file, identity)))


def training_changes(file: FeatureFile, identity: Identity) -> list[str]:
    """Whether the checkpoint's record of what it was tuned on is another one than the file has; one line, or none."""
    before, now = set(file.trained_on), set(identity.trained_on)
    told = f"what it was fine-tuned on: {len(before)} utterances -> {len(now)}, {len(before & now)} of them the same"
    return [told] if before != now else []


def differences(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """What shapes a vector and changed between two encoders, one `name: before -> after` each."""
    if fingerprint(before) == fingerprint(after):
        return []
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    return [f"{name}: {_short(before.get(name))} -> {_short(after.get(name))}" for name in names]


def reasons(store: Store, file: FeatureFile, utterance: Utterance, stored_key: str) -> list[str]:
    """Why a stored vector is not what the manifest and its clip say now; empty where it is."""
    found = []
    if cache_key.key(file.header.fingerprint, cache_key.digest(store, utterance, file.header.modality)) != stored_key:
        what = "text" if file.header.modality == "text" else "audio"
        found.append(_lost(store, utterance) or f"its {what} has changed since")
    if file.header.manifest != store.manifest_digest:
        found.append("the manifest has changed since the file was joined")
    return found


def stored_key(file: FeatureFile, row: int, name: str = schema.KEY) -> str:
    """The key of one row, as hex."""
    return bytes(file[name][row]).hex()


def _lost(store: Store, utterance: Utterance) -> str:
    path = store.item(utterance).audio
    return f"its clip is not there any more: {path}" if path and not os.path.exists(path) else ""


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 40 else f"{text[:12]}…"
