"""Test extraction of clips, networks and files that fail."""

import errno
import sys

import numpy as np
import pytest
import soundfile

from featurestore.audio import video_file
from featurestore.errors import Mismatch, Unavailable, Unencodable
from featurestore.extraction import vector_index
from featurestore.extraction.extract import extract_encoder
from featurestore.extraction.part_file import RETRY, Failure
from featurestore.extraction.total_failure import build_total_failure
from featurestore.networks.identity import Identity
from featurestore.preparation.prepare import prepare
from featurestore.spec import RECOGNIZER, TRANSCRIPT, EncoderSpec
from featurestore.storage import schema
from featurestore.storage.feature_file import FeatureFile
from featurestore.store import Store
from tests.support import tiny, videos


def run(store, checkpoint, name="", **options):
    return extract_encoder(Store(store.path), EncoderSpec(name, checkpoint), jobs=1, device="cpu", **options)


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
            raise RuntimeError("the convolution has no algorithm")
        return original(self, batch, kinds)

    longest = max(round(utterance.duration * 16_000) for utterance in store.utterances)
    monkeypatch.setattr(HFAudio, "encode", flaky)
    failed = run(store, models["audio"]).failed
    assert list(failed.values()) == ["RuntimeError: the convolution has no algorithm"]
    monkeypatch.setattr(HFAudio, "encode", original)
    result = run(store, models["audio"])
    assert (result.failed, result.encoded) == ({}, 1)


def test_a_video_is_tried_again_once_pyav_is_installed(store, models, encoded, monkeypatch):
    videos.write(store.root / "clip000.wav", np.random.default_rng(0).normal(0, 0.1, 16_000), "flac", kind="matroska")
    with monkeypatch.context() as without:
        without.setitem(sys.modules, "av", None)
        failed = run(store, models["audio"]).failed
        assert list(failed) == ["u000"]
        assert "pip install 'emofuse[video]'" in failed["u000"]
    encoded.clear()
    assert run(store, models["audio"]).failed == {}
    assert encoded == ["u000"]


def test_a_video_that_an_earlier_version_could_not_read_is_tried_again(store, models, monkeypatch):
    videos.write(store.root / "clip000.wav", np.random.default_rng(0).normal(0, 0.1, 16_000), "flac", kind="matroska")

    def refuse(path, *_):
        why = (
            "is not audio that libsndfile reads (it is a Matroska or WebM file; convert it: ffmpeg -i OLD -vn NEW.wav)"
        )
        raise Unencodable(f"{path.name}: {why}")

    with monkeypatch.context() as before:
        before.setattr(video_file, "_import_av", refuse)
        before.setattr(vector_index, "_UNREAD", "not in any reason")
        assert list(run(store, models["audio"]).failed) == ["u000"]
        file = FeatureFile(store.path / "audio.h5")
        assert file.keys(schema.FAILED_KEY) != [RETRY]
    assert run(store, models["audio"]).failed == {}


def test_a_store_without_a_usable_clip_ends_in_a_message(store, models):
    for clip in store.root.glob("*.wav"):
        clip.unlink()
    with pytest.raises(
        Mismatch, match=r"audio: none of 9 utterances could be encoded\n  got: 9 times: no such file: .*clip000"
    ):
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
        (Unencodable("no audio file"), "check "),
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


@pytest.mark.parametrize(("modality", "other"), [("text", "audio"), ("audio", "text")])
def test_a_corpus_without_texts_or_clips_is_told_how_to_name_their_column(tmp_path, modality, other):
    table = tmp_path / "t.csv"
    table.write_text(f"{other},label\nHi.wav,glad\n")
    prepare("table", table, tmp_path / "s")
    failures = [Failure("Hi", "", "any reason")]
    error = build_total_failure(Store(tmp_path / "s"), Identity("x", modality, {}, ("mean",)), failures)
    assert str(error).partition("  do: ")[2] == (
        f"if a column of the table holds the {modality}, name it: cli prepare table {table} --store {tmp_path / 's'} "
        f"--column {modality}=COLUMN"
    )


def test_an_encoder_of_recognized_words_leads_to_the_transcript_and_not_to_the_table(tmp_path):
    table = tmp_path / "t.csv"
    table.write_text("audio,label\nHi.wav,glad\n")
    prepare("table", table, tmp_path / "s")
    reads = Identity("x", "text", {TRANSCRIPT: {"name": "asr"}, RECOGNIZER: {}}, ("mean",))
    error = build_total_failure(Store(tmp_path / "s"), reads, [Failure("Hi", "", "empty text")])
    assert str(error).endswith(f"  do: look at the words: cli inspect {tmp_path / 's' / 'transcripts' / 'asr.h5'}")


def test_a_damaged_finished_file_is_never_replaced(store, models, encoded):
    path = run(store, models["text"]).path
    path.write_bytes(b"broken")
    encoded.clear()
    with pytest.raises(Mismatch, match=r"text\.h5 is damaged\n  got: (.|\n)*re-encode everything: mv "):
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


def test_a_vector_that_is_not_finite_is_a_failure(store, models, monkeypatch):
    from featurestore.encoders.hf_audio import HFAudio

    original = HFAudio.encode

    def undefined(self, batch, kinds):
        return (
            [
                {kind: values * (np.nan if kind == "std" else 1) for kind, values in one.items()}
                for one in original(self, batch, kinds)
            ]
            if self.size(batch[0]) == longest
            else original(self, batch, kinds)
        )

    longest = max(round(row.duration * 16_000) for row in store.utterances)
    monkeypatch.setattr(HFAudio, "encode", undefined)
    assert list(run(store, models["audio"]).failed.values()) == ["the encoder gives NaN or infinite values in std"]


def test_an_unreadable_feature_file_is_not_reported_as_damaged(store, models, monkeypatch):
    path = run(store, models["audio"]).path

    def refuse(path):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("featurestore.storage.seal.check", refuse)
    with pytest.raises(Unavailable, match=r"audio\.h5 cannot be read\n  got: Permission denied"):
        run(store, models["audio"])
    monkeypatch.undo()
    assert FeatureFile(path).find_damaged() == []
