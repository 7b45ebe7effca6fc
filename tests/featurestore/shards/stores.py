"""Make a small store with two encoders, and the same store cut into shards."""

import numpy as np

from featurestore.manifest import Utterance
from featurestore.shards.cut_store import cut_store
from featurestore.storage import feature_writer
from featurestore.storage.feature_writer import encode_text
from featurestore.storage.schema import Header
from featurestore.store import Store
from tests.support import tiny

COUNT = 11


def name(number):
    return f"u{number:02d}"


def list_rows(count=COUNT, turns=2):
    return [
        Utterance(
            name(number), text=f"words {number}", label="ang" if number % 3 else "hap", dialogue=str(number // turns)
        )
        for number in range(count)
    ]


def write_store(path, rows=None):
    """Write a store with the encoders `text` and `audio`, which each failed on other utterances."""
    rows = list_rows() if rows is None else rows
    store = tiny.store(path, rows, path.parent, corpus="iemocap")
    add(store, "text", failed={name(4): "no transcript"})
    add(store, "audio", failed={name(0): "broken clip", name(7): "silent"})
    return store


def add(store, encoder, failed=(), manifest=None, trained_on=()):
    failed = dict(failed)
    random = np.random.default_rng(len(encoder))
    ids = [row.id for row in store.utterances if row.id not in failed]
    lengths = random.integers(1, 4, len(ids))
    columns = {
        "id": encode_text(ids),
        "key": random.integers(0, 256, (len(ids), 32), np.uint8),
        "content": random.integers(0, 256, (len(ids), 32), np.uint8),
        "mean": random.standard_normal((len(ids), 4)).astype(np.float32),
        "layers": random.standard_normal((len(ids), 3, 4)).astype(np.float16),
        "frames/offset": np.cumsum([0, *lengths], dtype=np.int64),
        "frames/value": random.standard_normal((int(lengths.sum()), 4)).astype(np.float32),
        "failed/id": encode_text(list(failed)),
        "failed/reason": encode_text(list(failed.values())),
        "failed/key": random.integers(0, 256, (len(failed), 32), np.uint8),
        "trained_on/id": encode_text(list(trained_on)),
    }
    manifest = store.manifest_digest if manifest is None else manifest
    header = Header(encoder, encoder, {"class": "none", "checkpoint": "none"}, "f" * 64, manifest=manifest)
    feature_writer.write(store.path / f"{encoder}.h5", columns, header)


def cut(tmp_path, rows=4, utterances=None):
    """Return a store, and the same store cut into shards."""
    single = write_store(tmp_path / "single", utterances)
    cut_store(single.path, tmp_path / "shards", rows, say=lambda line: None)
    return single, Store(tmp_path / "shards")
