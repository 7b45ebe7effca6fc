"""Test that a killed extraction resumes and gives the same file as an uninterrupted one."""

import random
import resource
import signal
import time

import pytest

from featurestore.extraction import worker
from featurestore.extraction.extract import extract_encoder
from featurestore.spec import EncoderSpec
from featurestore.storage.feature_file import FeatureFile
from featurestore.store import Store
from tests.faults import letters
from tests.faults.extraction import count_parts, run
from tests.support import fork_server, recognizers, tiny

COUNT = 40


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return tiny.checkpoint("deberta-v2", tmp_path_factory.mktemp("model") / "text")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return tmp_path_factory.mktemp("corpus")


@pytest.fixture(scope="module")
def rows(corpus):
    return tiny.utterances(COUNT, corpus)


@pytest.fixture
def store(tmp_path, corpus, rows):
    return tiny.store(tmp_path / "store", rows, corpus)


def start(store, checkpoint, log, dies_at=0):
    return fork_server.start(run, store.path, checkpoint, 1, log, dies_at)


def finish(store, checkpoint, log):
    process = start(store, checkpoint, log)
    process.join()
    assert process.exitcode == 0


def count_store_parts(store):
    return count_parts(store.path / "text.parts")


def test_a_killed_extraction_resumes_and_gives_the_same_file(store, checkpoint, tmp_path):
    log = tmp_path / "log"
    for count in (1, 6, 13):
        process = start(store, checkpoint, log, dies_at=count)
        process.join()
        assert process.exitcode == -signal.SIGKILL
        assert count_store_parts(store) == count
        assert not (store.path / "text.h5").exists()
    finish(store, checkpoint, log)
    whole = tiny.store(tmp_path / "whole", list(store.utterances), store.root)
    finish(whole, checkpoint, tmp_path / "other")
    killed, uninterrupted = (FeatureFile(folder.path / "text.h5") for folder in (store, whole))
    assert killed.header.digests == uninterrupted.header.digests
    assert killed.find_damaged() == []
    # Finished parts are not encoded again; each kill loses at most the current part.
    assert COUNT <= len(log.read_text().split()) <= COUNT + 3 * 2
    assert sorted(path.name for path in store.path.iterdir()) == [".lock", "corpus.json", "text.h5", "utterances.csv"]


def test_a_killed_transcription_resumes_and_gives_the_same_file(trained, tmp_path):
    stores = [recognizers.make_store(tmp_path / name, trained.clips) for name in ("killed", "whole")]
    for store, deaths in zip(stores, ((1, 2), ()), strict=True):
        for dies_at in (*deaths, 0):
            log = str(tmp_path / "log")
            process = fork_server.start(run, str(store.path), str(trained.ctc), 1, log, dies_at, "asr")
            process.join()
            assert process.exitcode == (-signal.SIGKILL if dies_at else 0)
            assert (store.transcripts() == ["asr"]) == (not dies_at)
            assert count_parts(store.path / "transcripts" / "asr.parts") == dies_at
    killed, uninterrupted = (FeatureFile(store.path / "transcripts" / "asr.h5") for store in stores)
    assert killed.header.digests == uninterrupted.header.digests
    assert killed.find_damaged() == []
    assert list(stores[0].transcript("asr").texts.values()) == list(recognizers.TEXTS)


@pytest.mark.timeout(1200)
def test_fifty_kills_at_random_moments_never_leave_a_damaged_file(store, checkpoint, tmp_path):
    finish(store, checkpoint, tmp_path / "warm")  # so that the start of the server is not timed
    expected = FeatureFile(store.path / "text.h5").header.digests
    lengths = []
    for _ in range(3):
        (store.path / "text.h5").unlink()
        began = time.monotonic()
        finish(store, checkpoint, tmp_path / "timing")
        lengths.append(time.monotonic() - began)
    length = min(lengths)  # on a busy machine the kills would come too late
    moments, too_late = random.Random(0), 0
    for _ in range(50):
        process = start(store, checkpoint, tmp_path / "log")
        process.join(moments.uniform(0, 1) * length)
        process.kill()
        process.join()
        for path in store.path.rglob("[!.]*.h5"):
            assert FeatureFile(path).find_damaged() == []
        if (store.path / "text.h5").exists():
            assert FeatureFile(store.path / "text.h5").header.digests == expected
            (store.path / "text.h5").unlink()
            too_late += 1
    finish(store, checkpoint, tmp_path / "log")
    assert FeatureFile(store.path / "text.h5").header.digests == expected
    assert too_late < 50


def test_a_dead_worker_ends_in_a_message_and_the_next_run_resumes(store, checkpoint, tmp_path, monkeypatch):
    process = fork_server.start_program(run, store.path, checkpoint, 2, tmp_path / "log", 2, output=tmp_path)
    process.join()
    assert process.exitcode == 1
    assert "a worker process died, likely out of memory" in (tmp_path / "stderr").read_text()
    before = count_store_parts(store)
    assert 2 <= before < COUNT // 2
    monkeypatch.setattr(worker, "encode_part", letters.encode_part)
    result = extract_encoder(Store(store.path), EncoderSpec("", str(checkpoint)), jobs=1, device="cpu")
    assert result.encoded <= COUNT - 2 * before
    assert FeatureFile(store.path / "text.h5").find_damaged() == []


def test_a_full_disk_raises_and_the_next_run_resumes(store, checkpoint):
    """Simulate a full disk with RLIMIT_FSIZE: writes beyond it fail with EFBIG."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5_000, before[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            extract_encoder(store, EncoderSpec("", str(checkpoint)), jobs=1, device="cpu")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not (store.path / "text.h5").exists()
    assert list(store.path.glob("text.parts/.*")) == []
    assert extract_encoder(Store(store.path), EncoderSpec("", str(checkpoint)), jobs=1, device="cpu").failed == {}
