"""Refuse clips that are too long or too large for this machine, and try them again by the next run."""

import pytest

from featurestore.audio import decode
from featurestore.extraction import partition
from featurestore.extraction.extract import extract_encoder
from featurestore.spec import EncoderSpec
from featurestore.storage.feature_file import FeatureFile
from featurestore.store import Store
from tests.support import tiny


@pytest.fixture
def store(tmp_path):
    return tiny.store(tmp_path / "store", tiny.utterances(6, tmp_path / "corpus"), tmp_path / "corpus")


def run(store, models, **options):
    return extract_encoder(Store(store.path), EncoderSpec("", models["audio"]), jobs=1, device="cpu", **options)


def test_a_clip_beyond_the_limit_is_not_decoded_and_is_encoded_without_the_limit(store, models, monkeypatch):
    decoded = []
    original = decode.read_whole
    monkeypatch.setattr(decode, "read_whole", lambda sound, path: decoded.append(path.stem) or original(sound, path))
    long = [row for row in store.utterances if row.duration > 0.8]
    assert 0 < len(long) < 6
    limited = run(store, models, max_seconds=0.8)
    assert limited.failed == {row.id: f"{row.duration:.1f} s long: --max-seconds allows 0.8" for row in long}
    assert limited.encoded == 6 - len(long) == len(decoded)
    header, stamp = FeatureFile(limited.path).header, limited.path.stat().st_mtime_ns
    again = run(store, models, max_seconds=0.8)
    assert (again.encoded, again.failed) == (0, limited.failed)
    assert limited.path.stat().st_mtime_ns == stamp  # nothing new: nothing is written
    lifted = run(store, models)
    assert (lifted.encoded, lifted.reused, lifted.failed) == (len(long), 6 - len(long), {})
    assert FeatureFile(lifted.path).header.fingerprint == header.fingerprint
    assert len(decoded) == 6
    assert run(store, models, max_seconds=0.8).failed == {}  # what is there already stays


def test_a_clip_that_does_not_fit_into_memory_is_refused_with_the_reason(store, models, monkeypatch):
    tiny.clip(store.root / "clip002.wav", 40, 2)  # the manifest thinks that it is short
    monkeypatch.setattr(partition, "measure_free_memory", lambda workers=1: 40_000_000 // workers)
    failed = run(store, models).failed
    assert failed == {
        "u002": "40 s long: encoding it would take about 58 MB of memory, 40 MB are free for one worker; "
        "cut it, or use --jobs 1 or a machine with more"
    }
    monkeypatch.undo()
    assert run(store, models).failed == {}
