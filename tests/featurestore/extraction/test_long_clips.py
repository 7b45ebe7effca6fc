"""Clips beyond Whisper's window in a store: they fail or are cut into windows, and short ones keep their vectors."""

import numpy as np
import pytest
import transformers as hf
from click.testing import CliRunner

import cli
from featurestore.extraction.extract import extract_encoder
from featurestore.extraction.freshness import explain_staleness, find_source, read_key
from featurestore.inspection.verify import verify
from featurestore.manifest import Utterance
from featurestore.spec import EncoderSpec
from featurestore.storage.feature_file import FeatureFile
from featurestore.store import Store
from tests.support import tiny

SECONDS = {"short": 0.8, "whole": 1.9, "long": 4.3}
TOO_LONG = "4.3 s long: Whisper's encoder takes at most 2 s; cli extract --long-clips window encodes it in windows"


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """Write a Whisper encoder whose window is 2 s, so that a clip of 4.3 s is a long one."""
    folder = tmp_path_factory.mktemp("whisper")
    hf.set_seed(0)
    hf.WhisperModel(tiny.config("whisper", max_source_positions=100)).save_pretrained(folder)
    hf.WhisperFeatureExtractor(chunk_length=2).save_pretrained(folder)
    return str(folder)


@pytest.fixture
def store(tmp_path):
    rows = []
    for number, (name, seconds) in enumerate(SECONDS.items()):
        tiny.clip(tmp_path / "corpus" / f"{name}.wav", seconds, number)
        rows.append(Utterance(name, f"{name}.wav", "", "joy", f"S{number}", duration=seconds))
    return tiny.store(tmp_path / "store", rows, tmp_path / "corpus")


def run(store, checkpoint, **options):
    lines = []
    done = extract_encoder(
        Store(store.path), EncoderSpec("audio", checkpoint, **options), jobs=1, device="cpu", say=lines.append
    )
    return done, FeatureFile(done.path), lines


def vectors(file):
    return {name: file["mean"][row].copy() for name, row in file.rows.items()}


def test_short_clips_keep_their_vectors_and_long_ones_follow_the_option(store, checkpoint):
    failed, file, _ = run(store, checkpoint)
    assert failed.failed == {"long": TOO_LONG}
    before, short_keys = vectors(file), file.keys()
    cut, file, lines = run(store, checkpoint, long_clips="window")
    assert (cut.encoded, cut.reused, cut.failed, lines) == (1, 2, {}, [])
    after = vectors(file)
    assert list(after) == ["short", "whole", "long"]
    assert file.keys()[:2] == short_keys
    for name, vector in before.items():
        np.testing.assert_array_equal(vector, after[name])
    again, _, _ = run(store, checkpoint, long_clips="window")
    assert (again.encoded, again.reused) == (0, 3)
    failed, file, _ = run(store, checkpoint)
    assert (failed.encoded, failed.reused, failed.failed) == (0, 2, {"long": TOO_LONG})
    assert "long_clips" not in file.header.encoder


def test_a_store_without_long_clips_records_the_option_for_later_clips(store, checkpoint):
    rows = store.utterances[:2]
    tiny.store(store.path, rows, store.root)
    run(store, checkpoint)
    done, file, _ = run(store, checkpoint, long_clips="window")
    assert (done.encoded, done.reused) == (0, 2)
    assert file.header.encoder["long_clips"]["longer_than"] == 2.0
    assert find_source(file).spec.long_clips == "window"


def test_verify_and_explain_read_long_clips_as_the_file_says(store, checkpoint):
    _, file, _ = run(store, checkpoint, long_clips="window", window="clip")
    assert find_source(file).changes == ()
    opened = Store(store.path)
    for row in opened.utterances:
        assert explain_staleness(opened, file, row, read_key(file, file.rows[row.id])) == []
    checked = verify(opened.path, sample=3)
    assert not checked.problems, checked.problems
    assert file.update_command.endswith(" --window clip --long-clips window")


def test_the_command_takes_both_options(store, checkpoint):
    given = ["extract", "--store", str(store.path), "--encoder", f"audio={checkpoint}", "--jobs", "1", "--json"]
    result = CliRunner().invoke(cli.main, [*given, "--window", "clip", "--long-clips", "window"])
    assert result.exit_code == 0, result.output
    description = FeatureFile(store.path / "audio.h5").header.encoder
    assert description["window"] == "clip"
    assert description["preprocessing"]["window"].startswith("the clip and 1 s of silence")
    assert "long_clips" in description
