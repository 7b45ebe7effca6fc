"""Videos as the clips of a table, from the table to predictions, through the command line."""

import json

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

import cli
from featurestore.store import Store
from tests.support import tiny, videos

RATE = 16_000
# container, codec of the sound, codec of the picture, rate
KINDS = [
    ("avi", "pcm_s16le", "mpeg4", 16_000),
    ("mp4", "aac", "mpeg4", 44_100),
    ("webm", "libopus", "libvpx", 48_000),
    ("m4a", "aac", "", 16_000),
]


def call(*words):
    result = CliRunner().invoke(cli.main, [str(word) for word in words], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def speak(label, number, rate):
    """Return a second of a hum that is higher for `high`, with noise of its own."""
    noise = np.random.default_rng(number).normal(0, 0.05, rate)
    return np.sin(np.arange(rate) / rate * (4000 if label == "high" else 700)) / 3 + noise


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Write a table of four kinds of videos, and of segments of one avi and one wav with the same samples."""
    folder = tmp_path_factory.mktemp("videos")
    lines = ["id,audio,label,speaker,start,end"]
    for number in range(16):
        (suffix, codec, picture, rate), label = KINDS[number % 4], ("high", "low")[number // 4 % 2]
        videos.write(folder / f"{number}.{suffix}", speak(label, number, rate), codec, rate=rate, picture=picture)
        lines.append(f"v{number},{number}.{suffix},{label},s{number % 3},,")
    long = np.round(np.concatenate([speak(label, 99, RATE) for label in ("high", "low")] * 2) * 2**15) / 2**15
    videos.write(folder / "long.avi", long, "pcm_s16le")
    soundfile.write(folder / "long.wav", long, RATE, subtype="PCM_16")
    for name in ("avi", "wav"):
        lines += [f"{name}{n},long.{name},{('high', 'low')[n % 2]},s{n % 3},{n}.01,{n}.96" for n in range(4)]
    (folder / "t.csv").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture(scope="module")
def store(corpus, tmp_path_factory):
    checkpoint = tiny.checkpoint("wav2vec2-group", tmp_path_factory.mktemp("models") / "audio", ("high", "low"))
    folder = corpus / "features"
    call("prepare", "table", corpus / "t.csv", "--store", folder)
    call("extract", "--store", folder, "--encoder", f"audio={checkpoint}", "--jobs", 1)
    return folder


def test_every_video_has_its_length_and_its_vector(store):
    lengths = [utterance.duration for utterance in Store(store).utterances]
    assert lengths[:16] == pytest.approx([1.0] * 16, abs=0.07)
    assert lengths[16:] == pytest.approx([0.95] * 8)
    _, _, ids = Store(store).matrix(["audio.mean"])
    assert len(ids) == 24


def test_segments_of_a_video_have_the_vectors_of_the_same_samples_in_a_wav(store):
    features, _, ids = Store(store).matrix(["audio.mean"])
    rows = dict(zip(ids, features, strict=True))
    for number in range(4):
        np.testing.assert_array_equal(rows[f"avi{number}"], rows[f"wav{number}"])


def test_vectors_of_videos_are_reproducible_and_explained(store):
    answer = json.loads(call("verify", store, "--sample", 24, "--json"))
    assert answer["intact"] is True
    assert "v1" in call("explain", store, "v1", "audio.mean")


def test_a_bundle_predicts_videos(store, corpus):
    call("fit-head", "--store", store, "--head", "svm", "--features", "audio.mean", "--out", corpus / "bundle")
    for name in ("1.mp4", "2.webm", "0.avi", "3.m4a", "long.wav"):
        (answer,) = json.loads(call("predict", corpus / "bundle", "--audio", corpus / name, "--json"))
        assert sum(answer["probabilities"].values()) == pytest.approx(1)
    rows = json.loads(call("predict", corpus / "bundle", "--table", corpus / "t.csv", "--json"))
    assert [rows[16 + n]["probabilities"] for n in range(4)] == [rows[20 + n]["probabilities"] for n in range(4)]


def test_a_worker_process_decodes_videos(corpus, tmp_path, worker_processes):
    checkpoint = tiny.checkpoint("wav2vec2-group", tmp_path / "audio", ("high", "low"))
    call("prepare", "table", corpus / "t.csv", "--store", tmp_path / "store")
    answer = call("extract", "--store", tmp_path / "store", "--encoder", f"audio={checkpoint}", "--jobs", 1, "--json")
    assert '"failed": {}' in answer
