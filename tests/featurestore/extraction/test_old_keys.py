"""Feature files whose keys count files that shape no vector stay valid, and nothing of them is encoded again."""

import hashlib
import json
import shutil
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from featurestore.errors import Mismatch
from featurestore.extraction.extract import extract_encoder
from featurestore.extraction.freshness import find_source
from featurestore.inspection.explain import explain
from featurestore.inspection.verify import verify
from featurestore.prediction.find_encoders import find_encoders
from featurestore.spec import EncoderSpec
from featurestore.storage import feature_writer
from featurestore.storage.feature_file import FeatureFile
from featurestore.store import Store
from tests.support import old_keys, tiny

NEUTRAL = {
    "audio": ("notes.json", "generation_config.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.json"),
    "text": ("notes.json", "generation_config.json", "chat_template.json", "preprocessor_notes.txt"),
}


@pytest.fixture(params=NEUTRAL)
def modality(request):
    return request.param


@pytest.fixture
def folder(modality, tmp_path):
    """Write a checkpoint with files beside it that shape no vector of its modality."""
    family = "wav2vec2-group" if modality == "audio" else "bert"
    path = tiny.checkpoint(family, tmp_path / "model")
    for name in NEUTRAL[modality]:
        (path / name).write_text('{"a": 1}')
    return path


@pytest.fixture
def store(tmp_path):
    return tiny.store(tmp_path / "store", tiny.utterances(4, tmp_path / "corpus"), tmp_path / "corpus")


@pytest.fixture
def old(store, folder, modality):
    """Extract, and write the file again by the old rule."""
    path = run(store, folder).path
    old_keys.rewrite(path, folder, store)
    assert set(NEUTRAL[modality]) <= set(FeatureFile(path).header.encoder["files"])
    return path


def run(store, folder, say=lambda line: None):
    return extract_encoder(Store(store.path), EncoderSpec("", str(folder)), jobs=1, device="cpu", say=say)


def test_an_old_file_is_up_to_date_whatever_lies_beside_the_checkpoint(store, folder, modality, old, encoded):
    encoded.clear()
    for change in ("none", "changed", "removed", "added"):
        for name in NEUTRAL[modality]:
            if change == "changed":
                (folder / name).write_text("{}")
            elif change == "removed":
                (folder / name).unlink()
        if change == "added":
            (folder / "more.json").write_text("[]")
            (folder / "README.txt").write_text("about")
        before, lines = old.stat().st_mtime_ns, []
        result = run(store, folder, lines.append)
        assert (result.encoded, result.reused, lines, encoded) == (0, 4, [], [])
        assert old.stat().st_mtime_ns == before
        assert find_source(FeatureFile(old)).changes == ()
        assert explain(store.path, "u001", f"{modality}.mean")["state"] == "fresh"
    assert verify(store.path, sample=1).is_intact


def test_an_old_file_grows_under_its_own_keys(store, folder, old, tmp_path, encoded):
    before = FeatureFile(old)
    fingerprint, keys = before.header.fingerprint, before.keys()
    encoded.clear()
    grown = tiny.store(store.path, tiny.utterances(6, tmp_path / "corpus"), store.root)
    run(grown, folder)
    after = FeatureFile(old)
    assert sorted(encoded) == ["u004", "u005"]
    assert (after.header.fingerprint, after.keys()[:4]) == (fingerprint, keys)
    assert old_keys.compute_fingerprint(after.header.encoder) == fingerprint
    assert verify(store.path, sample=6).is_intact


def test_parts_of_an_old_extraction_go_into_a_new_file(store, folder, modality, old, encoded):
    whole = np.array(FeatureFile(old)["mean"])
    parts = store.path / f"{modality}.parts"
    parts.mkdir()
    shutil.move(old, parts / "0123456789abcdef01234567.h5")
    encoded.clear()
    result = run(store, folder)
    file = FeatureFile(result.path)
    assert (result.encoded, encoded) == (0, [])
    np.testing.assert_array_equal(file["mean"], whole)
    assert not set(file.header.encoder["files"]) & set(NEUTRAL[modality])
    assert verify(store.path).is_intact


def test_new_parts_go_into_an_old_file(store, folder, modality, old, encoded, tmp_path):
    parts = store.path / f"{modality}.parts"
    grown = tiny.store(tmp_path / "other", tiny.utterances(6, tmp_path / "corpus"), store.root)
    path = run(grown, folder).path
    parts.mkdir()
    shutil.move(path, parts / "0123456789abcdef01234567.h5")
    tiny.store(store.path, list(grown.utterances), store.root)
    encoded.clear()
    fingerprint = FeatureFile(old).header.fingerprint
    assert run(store, folder).encoded == 0
    assert encoded == []
    assert FeatureFile(old).header.fingerprint == fingerprint
    assert verify(store.path, sample=6).is_intact


def test_an_old_file_of_another_network_is_extracted_again(store, folder, modality, old, encoded):
    encoded.clear()
    settings = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(settings | {"layer_norm_eps": 1e-3}))
    lines = []
    assert run(store, folder, lines.append).encoded == 4
    assert "made by another encoder; extracting it again (config.json: " in lines[0]
    assert not set(FeatureFile(old).header.encoder["files"]) & set(NEUTRAL[modality])


def test_a_file_with_a_false_fingerprint_is_not_taken_for_an_old_one(store, folder, modality, old, encoded):
    file = FeatureFile(old)
    columns = {name: np.array(file[name]) for name in file.names}
    parts = store.path / f"{modality}.parts"
    parts.mkdir()
    header = replace(file.header, fingerprint="0" * 64)
    feature_writer.write(parts / "0123456789abcdef01234567.h5", columns, header)
    old.unlink()
    encoded.clear()
    lines = []
    assert run(store, folder, lines.append).encoded == 4
    assert lines[0].endswith("so its utterances are encoded again: made by another encoder")


def test_a_bundle_on_an_old_file_finds_its_encoder(folder, modality, old):
    stored = FeatureFile(old).header.encoder
    bundle = SimpleNamespace(features=[f"{modality}.mean"], encoders={modality: stored})
    (folder / "notes.json").unlink()
    assert find_encoders(bundle)[modality].description["weights"] == stored["weights"]
    settings = (folder / "config.json").read_text()
    (folder / "config.json").write_text(f"{settings} ")
    with pytest.raises(Mismatch) as problem:
        find_encoders(bundle)
    now = hashlib.sha256(f"{settings} ".encode()).hexdigest()
    assert str(problem.value) == (
        f"encoder {modality} at {folder} is not the one that the bundle was fitted on\n"
        f"  expected: config.json {stored['files']['config.json'][:12]}…\n  got: config.json {now[:12]}…\n"
        f"  do: pass --encoder {modality}=CHECKPOINT with the right one, or fit the head again"
    )
