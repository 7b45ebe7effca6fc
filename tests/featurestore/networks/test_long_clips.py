"""Clips longer than a network's window: where windows lie, and what is pooled from them."""

import dataclasses
from itertools import pairwise

import numpy as np
import pytest
import torch
import transformers as hf
from hypothesis import given
from hypothesis import strategies as st

from featurestore import encoders
from featurestore.audio import decode
from featurestore.errors import BadValue
from featurestore.item import Item
from featurestore.networks.long_clips import place_windows, pool_windows
from featurestore.spec import EncoderSpec, restore_encoder
from tests.support import architectures, tiny

CLASSES = {0: "angry", 1: "sad", 2: "neutral"}
RATE = 16_000

# AST's extractor warns of its own published settings.
pytestmark = pytest.mark.filterwarnings("ignore:At least one mel filter has all zero values")


@pytest.fixture(scope="module")
def whisper(tmp_path_factory):
    """Write a Whisper classifier whose window is 2 s, 100 frames."""
    folder = tmp_path_factory.mktemp("whisper")
    hf.set_seed(0)
    config = tiny.config("whisper", max_source_positions=100, num_labels=3, id2label=CLASSES)
    hf.WhisperForAudioClassification(config).save_pretrained(folder)
    hf.WhisperFeatureExtractor(chunk_length=2).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def ast(tmp_path_factory):
    """Write an AST classifier whose window is 128 frames of its spectrum, 1.3 s."""
    name = "audio-spectrogram-transformer"
    model = architectures.network(name, hf.AutoModelForAudioClassification, id2label=CLASSES)
    return architectures.save(model, architectures.extractor(name), tmp_path_factory.mktemp("ast"))


def encode(folder, clip, **options):
    identity = encoders.identify(EncoderSpec("", str(folder), **options))
    encoder = encoders.load(identity, "cpu")
    loaded = encoder.load(Item("u", clip, ""))
    return encoder.encode([loaded], frozenset(identity.kinds))[0]


@given(st.integers(1, 3_000_000), st.sampled_from([(480_000, 320), (164_239, 1600), (32_000, 320)]))
def test_windows_cover_a_clip_and_count_each_frame_once(beyond, window):
    longest, hop = window
    samples = longest + beyond
    places = place_windows(samples, longest, hop)
    assert places[0].start == 0
    assert places[-1].stop == samples
    assert all(place.start % hop == 0 and place.stop - place.start <= longest for place in places)
    assert all(place.stop - place.start > longest - hop for place in places)
    frames = [
        place.start // hop + frame
        for place in places
        for frame in range(place.first, place.last or -(-(place.stop - place.start) // hop))
    ]
    assert frames == list(range(-(-samples // hop)))
    span = longest // hop
    for place, after in pairwise(places):
        assert (place.stop - after.start) // hop >= span // 6
        assert abs((span - place.last) - after.first) <= 1  # the cut is in the middle of what they share


def test_thirty_seconds_share_five():
    found = [(place.start / RATE, place.stop / RATE) for place in place_windows(80 * RATE, 30 * RATE, 320)]
    assert found == [(0, 30), (25, 55), (50, 80)]


def test_pooled_windows_equal_pooling_all_frames():
    random = np.random.default_rng(0)
    parts = [random.standard_normal((count, 5)) + count for count in (3, 70, 12)]
    found = pool_windows([{"mean": part.mean(0), "std": part.std(0)} for part in parts], [3, 70, 12])
    np.testing.assert_allclose(found["mean"], np.concatenate(parts).mean(0), rtol=1e-7)
    np.testing.assert_allclose(found["std"], np.concatenate(parts).std(0), rtol=1e-6)


@pytest.mark.parametrize("window", ["30s", "clip"])
def test_a_long_clip_of_whisper_is_pooled_over_its_windows(window, whisper, tmp_path):
    clip = tiny.clip(tmp_path / "long.wav", 4.321, 3)
    found = encode(whisper, clip, long_clips="window", window=window)
    model = hf.WhisperForAudioClassification.from_pretrained(whisper).eval()
    extractor = hf.WhisperFeatureExtractor.from_pretrained(whisper)
    samples = decode.read(clip, RATE)
    starts, cuts = (0, 58, 117), (0, 79, 137, 217)  # frames of 20 ms; (58 + 100) / 2, (58 + 100 + 117) / 2
    frames, logits = [], []
    for start, first, last in zip(starts, cuts, cuts[1:], strict=False):
        part = samples[start * 320 : start * 320 + 32_000]
        inputs = extractor(part, sampling_rate=RATE, return_tensors="pt")
        with torch.inference_mode():
            output = model(**inputs, output_hidden_states=True)
            states = model.encoder(**inputs).last_hidden_state[0].numpy()
        frames.append(states[first - start : last - start])
        logits.append(output.logits[0].numpy() * (last - first))
    frames = np.concatenate(frames)
    assert found["frames"].shape == (217, 16)
    np.testing.assert_allclose(found["frames"], frames, atol=1e-5)
    np.testing.assert_allclose(found["mean"], frames.mean(0), atol=1e-6)
    np.testing.assert_allclose(found["std"], frames.std(0), atol=1e-6)
    np.testing.assert_allclose(found["layers"][-1], frames.mean(0), atol=1e-6)
    np.testing.assert_allclose(found["logits"], sum(logits) / 217, atol=1e-6)


def test_a_long_clip_of_ast_has_the_frames_of_its_whole_spectrum(ast, tmp_path):
    clip = tiny.clip(tmp_path / "long.wav", 3.0, 3)
    found = encode(ast, clip, long_clips="window")
    config = hf.AutoConfig.from_pretrained(ast)
    count = (1 + (3 * RATE - 400) // 160 - config.patch_size) // config.time_stride + 1
    assert found["frames"].shape[0] == count
    np.testing.assert_allclose(found["mean"], found["frames"].mean(0), atol=1e-6)
    np.testing.assert_allclose(found["std"], found["frames"].std(0), atol=1e-6)


def test_the_windows_of_a_clip_are_the_same_in_batches(whisper, tmp_path):
    clips = [tiny.clip(tmp_path / f"{number}.wav", length, number) for number, length in enumerate((4.3, 1.0, 2.5))]
    identity = encoders.identify(EncoderSpec("", str(whisper), long_clips="window"))
    encoder, kinds = encoders.load(identity, "cpu"), frozenset(identity.kinds)
    loaded = [encoder.load(Item("u", clip, "")) for clip in clips]
    assert [encoder.size(one) for one in loaded] == [96_000, 32_000, 64_000]
    alone = [encoder.encode([one], kinds)[0] for one in loaded]
    encoder.budget = 64_000
    for one, other in zip(alone, encoder.encode(loaded, kinds), strict=True):
        for kind in kinds:
            np.testing.assert_allclose(one[kind], other[kind], rtol=1e-4, atol=1e-6)


def test_a_clip_within_the_window_is_read_as_ever(whisper, tmp_path):
    clip = tiny.clip(tmp_path / "short.wav", 2.0, 3)
    plain, cut = encode(whisper, clip), encode(whisper, clip, long_clips="window")
    for kind, values in plain.items():
        np.testing.assert_array_equal(values, cut[kind])


def test_the_description_names_the_windows_and_the_fingerprint_does_not(whisper):
    plain, cut = (encoders.identify(EncoderSpec("", str(whisper), long_clips=given)) for given in (None, "window"))
    assert plain.fingerprint() == cut.fingerprint()
    assert "long_clips" not in plain.description
    assert cut.description["long_clips"]["longer_than"] == 2.0
    assert encoders.identify(restore_encoder("audio", cut.description)) == dataclasses.replace(cut, name="audio")


@pytest.mark.parametrize(("name", "got"), [("wav2vec2-group", "wav2vec2"), ("clap", "clap")])
def test_an_encoder_without_windows_says_so(name, got, tmp_path):
    if name == "clap":
        architectures.save(architectures.network("clap", hf.AutoModel), architectures.extractor("clap"), tmp_path)
    else:
        tiny.checkpoint(name, tmp_path)
    with pytest.raises(BadValue) as problem:
        encoders.identify(EncoderSpec("one", str(tmp_path), long_clips="window"))
    assert str(problem.value) == (
        "encoder one does not cut long clips into windows\n"
        "  expected: --long-clips window with Whisper's encoder or AST, which read 30 s and 10.26 s at most\n"
        f"  got: {got}\n"
        "  do: leave --long-clips out for this encoder"
    )
