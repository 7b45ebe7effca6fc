"""Prepare clips with every kind of feature extractor: limits, masks, true frames, batches."""

import numpy as np
import pytest
import transformers as hf

from featurestore.errors import BadValue, Unencodable
from featurestore.networks.clips import ClipReader

RATE = 16_000
ADVICE = "cli extract --long-clips window encodes it in windows"

# AST's extractor warns of its own published settings.
pytestmark = pytest.mark.filterwarnings("ignore:At least one mel filter has all zero values")


def readers():
    spectra = hf.SeamlessM4TFeatureExtractor(stride=2, padding_value=1)
    return {
        "wav2vec2": ClipReader(hf.Wav2Vec2FeatureExtractor(), hf.Wav2Vec2Config()),
        "sew": ClipReader(hf.Wav2Vec2FeatureExtractor(), hf.SEWConfig()),
        "w2v-bert": ClipReader(spectra, hf.Wav2Vec2BertConfig()),
        "w2v-bert-adapter": ClipReader(spectra, hf.Wav2Vec2BertConfig(add_adapter=True)),
        "ast": ClipReader(hf.ASTFeatureExtractor(), hf.ASTConfig()),
        "clap": ClipReader(hf.ClapFeatureExtractor(truncation="rand_trunc"), hf.ClapAudioConfig()),
        "clap-fusion": ClipReader(hf.ClapFeatureExtractor(truncation="fusion", padding="pad"), hf.ClapAudioConfig()),
        "moonshine": ClipReader(hf.Wav2Vec2FeatureExtractor(), hf.MoonshineConfig()),
        "speech_to_text": ClipReader(hf.Speech2TextFeatureExtractor(), hf.Speech2TextConfig()),
        "whisper": ClipReader(hf.WhisperFeatureExtractor(), hf.WhisperConfig()),
    }


NAMES = (
    "wav2vec2",
    "sew",
    "w2v-bert",
    "w2v-bert-adapter",
    "ast",
    "clap",
    "whisper",
    "clap-fusion",
    "moonshine",
    "speech_to_text",
)


@pytest.fixture(scope="module")
def reader(request):
    return readers()[request.param]


def noise(samples, seed=0):
    return np.random.default_rng(seed).standard_normal(samples).astype(np.float32) * 0.1


@pytest.mark.parametrize("kind", [hf.Wav2Vec2FeatureExtractor, hf.SpeechT5FeatureExtractor])
@pytest.mark.parametrize("do_normalize", [True, False])
@pytest.mark.parametrize("return_attention_mask", [True, False])
@pytest.mark.parametrize("level", [1e-5, 0.1])
def test_a_waveform_is_what_its_extractor_returns(kind, do_normalize, return_attention_mask, level):
    extractor = kind(do_normalize=do_normalize, return_attention_mask=return_attention_mask, padding_value=0.5)
    reader = ClipReader(extractor, hf.Wav2Vec2Config())
    for length in (reader.shortest, 1001, 16_000, 70_001):
        samples = noise(length, length) * np.float32(level) + np.float32(0.01)
        expected = extractor(samples, sampling_rate=RATE, return_tensors="np")["input_values"][0]
        found = reader.read(samples).inputs["input_values"]
        assert (found.dtype, found.tobytes()) == (expected.dtype, expected.tobytes())
        assert not np.shares_memory(found, samples)


@pytest.mark.parametrize("reader", NAMES, indirect=True)
def test_the_shortest_clip_has_one_true_frame_and_a_shorter_one_is_refused(reader):
    clip = reader.read(noise(reader.shortest))
    assert clip.frames in (1, 2, None)
    if reader.shortest > 1:
        got = rf"{reader.shortest - 1} samples at {reader.rate} Hz"
        with pytest.raises(Unencodable, match=rf"^too short for one frame: {got}, {reader.shortest} needed$"):
            reader.read(noise(reader.shortest - 1))


@pytest.mark.parametrize(
    ("reader", "message"),
    [
        ("ast", f"10.3 s long: audio-spectrogram-transformer encoders take at most 10.26 s; {ADVICE}"),
        ("clap", "10.0 s long: clap_audio_model encoders take at most 10 s"),
        ("whisper", f"30.0 s long: Whisper's encoder takes at most 30 s; {ADVICE}"),
    ],
    indirect=["reader"],
)
def test_a_clip_that_the_extractor_would_cut_is_refused(reader, message):
    reader.read(noise(reader.longest))
    with pytest.raises(Unencodable, match=f"^{message}$"):
        reader.read(noise(reader.longest + 1))


@pytest.mark.parametrize("reader", NAMES, indirect=True)
def test_every_sample_counts(reader):
    """A change anywhere in the longest clip changes the network's input: nothing is cut."""
    length = min(reader.longest or 3 * RATE, 30 * RATE)
    length -= length % 320  # a last window that is not whole is never read
    clip = noise(length)
    before = reader.read(clip)
    for position in (0.02, 0.5, 0.98):
        changed = clip.copy()
        start = int(position * length)
        changed[start : start + 400] += noise(400, 1)
        after = reader.read(changed)
        assert any(not np.array_equal(before.inputs[name], after.inputs[name]) for name in before.inputs)


@pytest.mark.parametrize("reader", NAMES, indirect=True)
def test_reading_a_clip_is_repeatable_alone_and_in_a_batch(reader):
    clips = [reader.read(noise(length, seed)) for seed, length in enumerate((8_000, 12_345, 9_999))]
    again = reader.read(noise(12_345, 1))
    batch = reader.batch(clips, multiple=1600)
    for name, values in again.inputs.items():
        np.testing.assert_array_equal(values, clips[1].inputs[name])
        np.testing.assert_allclose(batch[name][1][: len(values)], values, rtol=1e-6)
    for row, clip in enumerate(clips):
        if "attention_mask" in batch:
            alone = clip.mask if clip.mask is not None else np.ones(clip.samples)
            assert batch["attention_mask"][row].sum() == alone.sum()
        else:
            assert {len(clip.inputs[name]) for clip in clips for name in clip.inputs} != set()


@pytest.mark.parametrize("samples", [560, 720, 8_000, 8_160, 8_319, 8_320])
def test_padding_of_the_extractor_is_not_a_true_frame(samples):
    reader = readers()["w2v-bert"]
    clip = reader.read(noise(samples))
    assert clip.frames == (1 + (samples - 400) // 160) // 2
    assert clip.frames == clip.mask.sum()


def test_an_extractor_whose_limits_are_unknown_is_refused():
    with pytest.raises(BadValue, match="^cannot tell which clips EncodecFeatureExtractor cuts or pads"):
        ClipReader(hf.EncodecFeatureExtractor(), hf.EncodecConfig())
