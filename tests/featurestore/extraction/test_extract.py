import dataclasses
import hashlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from featurestore.errors import BadValue, Mismatch, Unavailable, Unencodable
from featurestore.extraction import partition, worker
from featurestore.extraction.extract import extract_encoder
from featurestore.extraction.freshness import compare_descriptions, find_source
from featurestore.manifest import Utterance
from featurestore.spec import EncoderSpec
from featurestore.storage import feature_file
from featurestore.storage.feature_file import FeatureFile
from featurestore.storage.lock import locked
from featurestore.store import Store
from tests.support import tiny


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    return {
        "audio": str(tiny.checkpoint("wav2vec2-group", folder / "audio", ("a", "b"))),
        "other": str(tiny.checkpoint("wav2vec2-group", folder / "other", ("a", "b"), seed=1)),
        "text": str(tiny.checkpoint("deberta-v2", folder / "text")),
    }


@pytest.fixture
def store(tmp_path):
    return tiny.store(tmp_path / "store", tiny.utterances(9, tmp_path / "corpus"), tmp_path / "corpus")


@pytest.fixture
def encoded(monkeypatch):
    """Record the ids of the utterances that workers encode in this process."""
    seen = []
    original = worker.encode_part

    def spy(task):
        seen.extend(work.item.id for work in task.part.work)
        return original(task)

    monkeypatch.setattr(worker, "encode_part", spy)
    return seen


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
    assert file.damaged() == []
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


def test_two_workers_give_the_same_vectors_as_one(store, models):
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


def test_a_bad_clip_fails_with_its_reason_and_the_others_are_encoded(store, models, encoded):
    (store.root / "clip000.wav").unlink()
    (store.root / "clip001.wav").write_bytes(b"")
    (store.root / "clip002.wav").write_text("this is not audio")
    soundfile.write(store.root / "clip003.wav", np.array([0.1, np.nan, 0.2] * 1000), 16_000, subtype="FLOAT")
    tiny.clip(store.root / "clip004.wav", 0.005, 1)
    result = run(store, models["audio"])
    assert list(result.failed) == ["u000", "u001", "u002", "u003", "u004"]
    assert "no such file" in result.failed["u000"]
    assert "is empty (0 bytes)" in result.failed["u001"]
    assert "is not audio that libsndfile reads" in result.failed["u002"]
    assert "1000 of 3000 samples are NaN or infinite" in result.failed["u003"]
    assert result.failed["u004"] == "too short for one frame: 80 samples at 16000 Hz, 165 needed"
    assert FeatureFile(store.path / "audio.h5").ids == ["u005", "u006", "u007", "u008"]
    encoded.clear()
    assert run(store, models["audio"]).failed == result.failed
    assert encoded == []
    tiny.clip(store.root / "clip000.wav", 0.5, 0)
    assert "u000" not in run(store, models["audio"]).failed
    assert encoded == ["u000"]


def test_an_unexpected_error_is_listed_and_retried_by_the_next_run(store, models, monkeypatch):
    from featurestore.encoders.hf_audio import HFAudio

    original = HFAudio.encode

    def flaky(self, batch, kinds):
        if self.size(batch[0]) == longest:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory")
        return original(self, batch, kinds)

    longest = max(round(utterance.duration * 16_000) for utterance in store.utterances)
    monkeypatch.setattr(HFAudio, "encode", flaky)
    failed = run(store, models["audio"]).failed
    assert list(failed.values()) == ["RuntimeError: DefaultCPUAllocator: can't allocate memory"]
    monkeypatch.setattr(HFAudio, "encode", original)
    result = run(store, models["audio"])
    assert (result.failed, result.encoded) == ({}, 1)


def test_a_store_without_a_usable_clip_ends_in_a_message(store, models):
    for clip in store.root.glob("*.wav"):
        clip.unlink()
    with pytest.raises(Mismatch, match=r"audio: none of 9 utterances could be encoded\n  got: 1 times: no such file"):
        run(store, models["audio"])
    assert not (store.path / "audio.h5").exists()


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (Unencodable("20.0 s long: clap encoders take at most 10 s"), "use an encoder for utterances of this length"),
        (Unencodable("text of 602 tokens: the encoder reads at most 512"), "use an encoder for utterances of this"),
        (
            Unencodable("too short for one frame: 9 samples at 16000 Hz, 400 needed"),
            "use an encoder for utterances of",
        ),
        (TypeError("forward() got an unexpected keyword"), "the network or this machine fails, not the corpus: "),
        (Unencodable("no audio in the manifest"), "check "),
    ],
    ids=str,
)
def test_advice_depends_on_the_most_frequent_reason(store, models, monkeypatch, error, advice):
    from featurestore.encoders.hf_audio import HFAudio

    def fail(self, item):
        raise error

    monkeypatch.setattr(HFAudio, "load", fail)
    with pytest.raises(Mismatch, match=rf"none of 9 utterances could be encoded\n  got: 9 times: .*\n  do: {advice}"):
        run(store, models["audio"])


def test_a_second_extraction_at_the_same_time_is_rejected(store, models):
    with locked(store.path), pytest.raises(Unavailable, match=r"another extraction is writing into .* \(process \d+\)"):
        run(store, models["audio"])


def test_a_damaged_finished_file_is_never_replaced(store, models, encoded):
    path = run(store, models["text"]).path
    path.write_bytes(b"broken")
    encoded.clear()
    with pytest.raises(Mismatch, match=r"text\.h5 is damaged\n  got: (.|\n)*have everything encoded again: mv "):
        run(store, models["text"])
    assert encoded == []
    path.rename(f"{path}.damaged")  # as the message advises
    assert run(store, models["text"]).encoded == 9


def test_a_damaged_part_is_reported_and_encoded_again(store, models):
    folder = store.path / "text.parts"
    folder.mkdir()
    (folder / "0123.h5").write_bytes(b"broken")
    lines = []
    assert run(store, models["text"], say=lines.append).encoded == 9
    assert lines[0].startswith(f"{folder.resolve() / '0123.h5'} cannot be used, so its utterances are encoded again: ")


def test_an_optional_kind_that_the_encoder_lacks_is_rejected(store):
    with pytest.raises(BadValue, match="encoder egemaps has no frames\n  expected: functionals"):
        run(store, "egemaps", optional=["frames"])


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
    feature_file.write(path, columns, file.header)
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
