"""Test extraction with one encoder: order, reuse, changes, and what the file records."""

import dataclasses
import hashlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from featurestore.engines import loky
from featurestore.errors import BadValue, Mismatch, Unavailable
from featurestore.extraction import partition
from featurestore.extraction.extract import extract_encoder
from featurestore.extraction.freshness import compare_descriptions, find_source
from featurestore.manifest import Utterance
from featurestore.spec import EncoderSpec
from featurestore.storage import feature_writer
from featurestore.storage.feature_file import FeatureFile
from featurestore.storage.lock import lock_folder
from featurestore.store import Store
from tests.support import fork_server, tiny


def run(store, checkpoint, name="", **options):
    return extract_encoder(Store(store.path), EncoderSpec(name, checkpoint), jobs=1, device="cpu", **options)


def rewrite(store, **changes):
    """Write the manifest again with some utterances changed: `u003={"text": "…"}`."""
    rows = [dataclasses.replace(row, **changes.get(row.id, {})) for row in Store(store.path).utterances]
    return tiny.store(store.path, rows, store.root)


def test_rows_are_in_manifest_order(store, models):
    result = run(store, models["audio"])
    file = Store(store.path).file("audio")
    assert result.encoded == 9
    assert file.ids == [utterance.id for utterance in store.utterances]
    assert file.find_damaged() == []
    assert file.header.manifest == store.manifest_digest
    assert file.header.classes == ("a", "b")
    assert not (store.path / "audio.parts").exists()


@pytest.mark.parametrize("modality", ["audio", "text"])
def test_vectors_do_not_depend_on_parts_batches_or_order(store, models, modality, monkeypatch):
    run(store, models[modality], optional=["frames", "layers"])
    monkeypatch.setattr(partition, "PART_UTTERANCES", 2)
    shuffled = tiny.store(store.path.with_name("shuffled"), list(reversed(store.utterances)), store.root)
    run(shuffled, models[modality], optional=["frames", "layers"])
    one, two = (FeatureFile(folder.path / f"{modality}.h5") for folder in (store, shuffled))
    for name in one.ids:
        a, b = one.rows[name], two.rows[name]
        for kind in set(one.kinds) - {"frames", "layers"}:
            np.testing.assert_allclose(one[kind][a], two[kind][b], rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(one["layers"][a], two["layers"][b], rtol=2e-3, atol=1e-5)  # float16
        np.testing.assert_allclose(one.frames(a), two.frames(b), rtol=1e-4, atol=1e-5)


def test_the_same_work_gives_the_same_bytes(store, models):
    run(store, models["audio"])
    again = tiny.store(store.path.with_name("again"), list(store.utterances), store.root)
    run(again, models["audio"])
    first, second = (FeatureFile(folder.path / "audio.h5").header.digests for folder in (store, again))
    assert first == second


def test_two_workers_give_the_same_vectors_as_one(store, models, monkeypatch):
    monkeypatch.setattr(loky, "open_pool", fork_server.open_pool)
    run(store, models["text"])
    again = tiny.store(store.path.with_name("again"), list(store.utterances), store.root)
    extract_encoder(again, EncoderSpec("", models["text"]), jobs=2, device="cpu")
    one, two = (FeatureFile(folder.path / "text.h5") for folder in (store, again))
    np.testing.assert_allclose(one["mean"], two["mean"], rtol=1e-4, atol=1e-5)


def test_a_second_run_encodes_nothing_and_writes_nothing(store, models, encoded):
    run(store, models["audio"])
    stamp = (store.path / "audio.h5").stat().st_mtime_ns
    encoded.clear()
    result = run(store, models["audio"])
    assert (result.encoded, result.reused, encoded) == (0, 9, [])
    assert (store.path / "audio.h5").stat().st_mtime_ns == stamp


def test_only_a_changed_clip_is_encoded_again(store, models, encoded):
    run(store, models["audio"])
    before = FeatureFile(store.path / "audio.h5")
    vectors = {name: before["mean"][row].copy() for name, row in before.rows.items()}
    encoded.clear()
    tiny.clip(store.root / "clip004.wav", 0.5, 99)
    run(store, models["audio"])
    assert encoded == ["u004"]
    after = FeatureFile(store.path / "audio.h5")
    changed = [name for name in after.ids if (after["mean"][after.rows[name]] != vectors[name]).any()]
    assert changed == ["u004"]


def test_a_changed_text_is_encoded_again_by_the_text_encoder_only(store, models, encoded):
    run(store, models["audio"])
    run(store, models["text"])
    encoded.clear()
    changed = rewrite(store, u002={"text": "the dog the dog"})
    with pytest.raises(Mismatch, match="made from another manifest"):
        changed.matrix(["text.mean"])
    run(changed, models["audio"])
    assert encoded == []
    run(changed, models["text"])
    assert encoded == ["u002"]
    assert Store(store.path).matrix(["text.mean", "audio.mean"])[0].shape == (9, 32)


def test_a_grown_corpus_encodes_only_the_new_utterances(store, models, encoded, tmp_path):
    small = tiny.store(tmp_path / "small", list(store.utterances[:6]), store.root)
    run(small, models["audio"])
    encoded.clear()
    grown = tiny.store(tmp_path / "small", list(store.utterances), store.root)
    assert run(grown, models["audio"]).reused == 6
    assert sorted(encoded) == ["u006", "u007", "u008"]


def test_the_same_clip_under_two_ids_is_encoded_once(store, models, encoded, capsys):
    twin = rewrite(store, u005={"audio": "clip001.wav"})
    run(twin, models["audio"])
    assert "audio: 9 of 9 utterances" in capsys.readouterr().err
    file = FeatureFile(store.path / "audio.h5")
    assert len(encoded) == 8
    np.testing.assert_array_equal(file["mean"][1], file["mean"][5])


def test_another_checkpoint_is_reported_and_encodes_everything_again(store, models, encoded):
    run(store, models["audio"])
    encoded.clear()
    lines = []
    run(store, models["other"], name="audio", say=lines.append)
    assert len(encoded) == 9
    assert "audio.h5 was made by another encoder; extracting it again" in lines[0]
    assert "weights: " in lines[0]
    assert "to keep both files, name the new one: --encoder NAME=" in lines[1]


def test_optional_kinds_of_the_file_are_kept(store, models):
    run(store, models["text"], optional=["frames"])
    run(rewrite(store, u000={"text": "a new word"}), models["text"])
    assert "frames" in FeatureFile(store.path / "text.h5").kinds


def test_layers_can_be_added_later(store, models, encoded):
    run(store, models["text"])
    encoded.clear()
    run(store, models["text"], optional=["layers"])
    assert len(encoded) == 9
    assert FeatureFile(store.path / "text.h5")["layers"].shape == (9, 3, 16)


def test_a_second_extraction_at_the_same_time_is_rejected(store, models):
    with (
        lock_folder(store.path),
        pytest.raises(Unavailable, match=r"another extraction is writing into .* \(process \d+\)"),
    ):
        run(store, models["audio"])


def test_an_optional_kind_that_the_encoder_lacks_is_rejected(store):
    with pytest.raises(BadValue, match="encoder egemaps has no layers\n  expected: functionals, frames"):
        run(store, "egemaps", optional=["layers"])


def test_the_file_records_what_the_checkpoint_was_fine_tuned_on(store, models, tmp_path):
    folder = tiny.checkpoint("deberta-v2", tmp_path / "tuned")
    (folder / "finetune.json").write_text(json.dumps({"corpus": "table", "trained_on": ["u001", "u002"]}))
    run(store, str(folder))
    assert Store(store.path).trained_on("text") == {"u001", "u002"}


def test_a_changed_training_record_updates_the_file_and_encodes_nothing(store, tmp_path):
    folder, lines = tiny.checkpoint("deberta-v2", tmp_path / "tuned"), []
    run(store, str(folder))
    (folder / "finetune.json").write_text(json.dumps({"corpus": "another", "trained_on": ["u001", "u002"]}))
    changed = "fine-tuned on: 0 utterances -> 2, 0 of them the same"
    assert find_source(FeatureFile(store.path / "text.h5")).changes == (changed,)
    assert run(store, str(folder), say=lines.append).encoded == 0
    assert lines[0] == f"{store.path / 'text.h5'}: {changed}; updating the record"
    assert Store(store.path).trained_on("text") == {"u001", "u002"}
    assert find_source(FeatureFile(store.path / "text.h5")).changes == ()


def test_versions_and_time_are_recorded(store, models):
    run(store, models["text"])
    header = FeatureFile(store.path / "text.h5").header
    assert {"torch", "transformers", "numpy"} <= set(header.versions)
    assert header.created.endswith("+00:00")
    assert compare_descriptions({"a": 1}, {"a": 2, "b": 3}) == ["a: 1 -> 2", "b: None -> 3"]


def test_a_run_with_nothing_to_do_loads_no_torch(store, models):
    for modality in ("audio", "text"):
        run(store, models[modality])
    program = (
        "import sys; from cli import main; main(sys.argv[1:], standalone_mode=False);"
        "loaded = {'torch', 'transformers', 'sklearn', 'pandas', 'xgboost'} & set(sys.modules); assert not loaded"
    )
    encoders = [text for modality in ("audio", "text") for text in ("--encoder", models[modality])]
    command = [sys.executable, "-c", program, "extract", "--store", str(store.path), *encoders]
    done = subprocess.run(command, cwd=Path(__file__).parents[3], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("9 utterances, 0 encoded now, 9 reused, 0 failed") == 2


@pytest.mark.parametrize("encoder", ["egemaps", "text"])
def test_a_file_of_an_older_version_gets_content_digests_and_encodes_nothing(store, models, encoder):
    name = encoder if encoder == "egemaps" else models["text"]
    path = run(store, name).path
    file = FeatureFile(path)
    contents = file.contents
    assert len(set(contents)) == len(contents)
    columns = {dataset: np.array(file[dataset]) for dataset in file.names if dataset != "content"}
    feature_writer.write(path, columns, file.header)
    assert FeatureFile(path).contents == [""] * len(contents)
    assert run(store, name).encoded == 0
    assert FeatureFile(path).contents == contents


def test_content_digests_are_those_of_the_decoded_clips(store):
    file = FeatureFile(run(store, "egemaps").path)
    rows = {row.id: row for row in store.utterances}
    samples = [soundfile.read(store.root / rows[name].audio, dtype="float32")[0] for name in file.ids]
    assert file.contents == [hashlib.sha256(b"16000 " + one.tobytes()).hexdigest() for one in samples]


def test_segments_give_the_same_vectors_as_clips_cut_out_of_the_recording(store, tmp_path):
    root = tmp_path / "recordings"
    bounds = [(0.0, 0.6), (0.5, 1.4), (None, 0.7), (1.25, None)]
    tiny.clip(root / "long.wav", 2.0, 3)
    whole, rate = soundfile.read(root / "long.wav", dtype="int16")
    cut, parts = [], []
    for number, (start, end) in enumerate(bounds):
        first, last = round((start or 0) * rate), len(whole) if end is None else round(end * rate)
        soundfile.write(root / f"part{number}.wav", whole[first:last], rate)
        cut.append(Utterance(f"u{number}", "long.wav", start=start, end=end, duration=(last - first) / rate))
        parts.append(Utterance(f"u{number}", f"part{number}.wav", duration=(last - first) / rate))
    segments = tiny.store(tmp_path / "segments", cut, root)
    info = json.loads((segments.path / "corpus.json").read_text())
    (segments.path / "corpus.json").write_text(json.dumps(info | {"segments": True}))
    clips = tiny.store(tmp_path / "clips", parts, root)
    files = [FeatureFile(run(Store(made.path), "egemaps").path) for made in (segments, clips)]
    np.testing.assert_array_equal(files[0]["functionals"], files[1]["functionals"])
    assert files[0].contents == files[1].contents
    assert len(set(files[0].keys())) == 4  # of one file
