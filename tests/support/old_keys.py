"""Describe encoders and write feature files by the rule of versions up to 0.1, which counted files that shape nothing.

The rule is written out here, as those versions applied it: every `*.json`, `*.txt` and `*.model` of the folder.
"""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from featurestore.extraction import cache_key
from featurestore.storage import feature_writer, schema
from featurestore.storage.feature_file import FeatureFile
from featurestore.store import Store


def list_files(folder: Path) -> dict[str, str]:
    """Compute the sha256 of every file that the old rule counts, except the weights."""
    left_out = {"finetune.json", "model.safetensors.index.json", "training_args.json"}
    paths = [path for pattern in ("*.json", "*.model", "*.txt") for path in folder.glob(pattern)]
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(paths) if path.name not in left_out
    }


def compute_fingerprint(description: dict) -> str:
    """Compute the fingerprint of a description."""
    places = ("checkpoint", "revision", "origins", "kept_epoch", "arguments")
    content = {key: value for key, value in description.items() if key not in places}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def rewrite(path: Path, folder: Path, store: Store, target: Path | None = None) -> None:
    """Write a feature file again with the fingerprint and the keys that an old version gave it.

    Args:
        path: the feature file.
        folder: of its checkpoint.
        store: that the file belongs to.
        target: where to write; in place by default.
    """
    file = FeatureFile(path)
    description = {**file.header.encoder, "files": list_files(folder)}
    old = compute_fingerprint(description)
    digests = cache_key.hash_store(store, file.header.modality)
    keys = {one: hashlib.sha256(f"{old} {digest}".encode()).hexdigest() for one, digest in digests.items()}
    columns = {name: np.array(file[name]) for name in file.names}
    packed = bytes.fromhex("".join(keys[one] for one in file.ids))
    columns[schema.KEY] = np.frombuffer(packed, np.uint8).reshape(-1, 32)
    feature_writer.write(target or path, columns, replace(file.header, encoder=description, fingerprint=old))
