"""Test that an extraction in a new process reads again, and encodes again, what has changed since the last one."""

import json
import os
import time

import pytest

from featurestore.audio import decode
from featurestore.extraction import clip_digests
from featurestore.extraction.extract import extract_encoder
from featurestore.inspection.verify import verify
from featurestore.manifest import Utterance
from featurestore.spec import EncoderSpec
from featurestore.storage.content_index import FILE, Content, ContentIndex, read_state
from featurestore.store import Store
from tests.support import fork_server, tiny


def read_later_clock():
    return time.time_ns() + 3_600_000_000_000  # an hour after the clips were written


def run_later(*words):
    clip_digests.read_clock = read_later_clock
    fork_server.run_command(*words)


def restart(store, *options):
    """Run `cli extract` in a new process and return its answer."""
    words = ["extract", "--store", store.path, "--encoder", "logmel", "--jobs", "1", "--json", *options]
    done = fork_server.run_program(run_later, *words)
    assert done.returncode in (0, 3), done.stderr
    return json.loads(done.stdout)[0]


def extract(store, encoder="logmel", **options):
    return extract_encoder(Store(store.path), EncoderSpec("", encoder), jobs=1, device="cpu", **options)


def rewrite(path):
    """Write other sound of the same size into a clip, and give it back its time."""
    before = os.stat(path)
    content = bytearray(path.read_bytes())
    content[2000:2400] = bytes(255 - byte for byte in content[2000:2400])
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.fixture
def later(monkeypatch):
    monkeypatch.setattr(clip_digests, "read_clock", read_later_clock)


def test_a_new_process_encodes_what_has_changed_alone(store, later):
    assert extract(store).encoded == 9
    assert extract(store).encoded == 0
    rewrite(store.root / "clip004.wav")
    done = restart(store)
    assert (done["encoded"], done["reused"]) == (1, 8)
    assert verify(store.path).problems == []


def test_encoders_share_the_index(store, later, monkeypatch):
    extract(store)
    monkeypatch.setattr(decode, "digest", pytest.fail)
    assert extract(store, encoder="mfcc").encoded == 9


def test_paranoid_finds_what_the_index_cannot(store, later):
    extract(store)
    paths = [str(store.root / row.audio) for row in store.utterances]
    states = list(map(read_state, paths))
    digests = ContentIndex(store.path).find(paths, states)
    rewrite(store.root / "clip004.wav")
    # as if the change had left no trace: the state of now with the content of before
    ContentIndex(store.path).write(
        {path: Content(read_state(path), digest) for path, digest in zip(paths, digests, strict=True)}
    )
    assert extract(store).encoded == 0
    (problem,) = verify(store.path).problems
    assert problem.endswith("--encoder logmel=logmel --paranoid")
    assert extract(store, paranoid=True).encoded == 1
    assert verify(store.path).problems == []
    assert extract(store).encoded == 0


def test_the_finished_file_is_the_same_with_and_without_an_index(store, later):
    path = extract(store).path
    before = path.read_bytes()
    (store.path / FILE).unlink()
    assert extract(store).encoded == 0
    assert path.read_bytes() == before


def test_segments_of_one_recording_have_keys_of_their_own(store, tmp_path, later):
    rows = [Utterance(f"u{n}", "clip001.wav", start=0.1 * n, end=0.1 * n + 0.1) for n in range(2)]
    tiny.clip(store.root / "clip001.wav", 0.6, 1)
    cut = tiny.store(tmp_path / "cut", rows, store.root)
    (cut.path / "corpus.json").write_text(json.dumps({"corpus": "table", "root": str(store.root), "segments": True}))
    assert extract(cut).encoded == 2
    assert extract(cut).encoded == 0
    assert len(ContentIndex(cut.path)) == 1
