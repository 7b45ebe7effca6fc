"""Short windows of Whisper's encoder: their length, their vectors, and what is said where they cannot be had."""

import json

import numpy as np
import pytest
import torch
import transformers as hf

from featurestore import encoders
from featurestore.audio import decode
from featurestore.errors import BadValue, Mismatch
from featurestore.item import Item
from featurestore.networks.clips import ClipReader
from featurestore.networks.short_windows import accept_short_windows
from featurestore.networks.windows import compute_window
from featurestore.spec import EncoderSpec, restore_encoder
from tests.featurestore.networks.plain_whisper import encode_plainly
from tests.support import tiny

RATE = 16_000
SECONDS = (0.8, 0.3, 2.2, 0.9)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return tiny.checkpoint("whisper", tmp_path_factory.mktemp("whisper") / "bare")


@pytest.fixture(scope="module")
def items(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clips")
    clips = [tiny.clip(folder / f"{number}.wav", length, number) for number, length in enumerate(SECONDS)]
    return [Item(f"u{number}", clip, "") for number, clip in enumerate(clips)]


def load(checkpoint, **options):
    identity = encoders.identify(EncoderSpec("", str(checkpoint), **options))
    return identity, encoders.load(identity, "cpu")


def spectrum(checkpoint, item, window):
    """Compute a clip's spectrum with the extractor alone, padded with zeros to a window (S,)."""
    extractor = hf.AutoFeatureExtractor.from_pretrained(checkpoint)
    samples = decode.read(item.audio, RATE)
    padded = np.pad(samples, (0, window - len(samples)))
    return extractor(padded, sampling_rate=RATE, max_length=window, return_tensors="np")["input_features"][0]


@pytest.mark.parametrize(
    ("seconds", "window"), [(0.01, 1.5), (0.5, 1.5), (0.51, 2.0), (4.5, 5.5), (28.9, 30), (29.5, 30), (30, 30)]
)
def test_a_window_is_the_clip_and_a_second_in_half_seconds(seconds, window):
    assert compute_window(round(seconds * RATE), RATE, 30 * RATE) == window * RATE


@pytest.mark.parametrize("window", ["clip", "30s"])
def test_vectors_equal_a_forward_pass_written_out(window, checkpoint, items):
    identity, encoder = load(checkpoint, window=window)
    (found,) = encoder.encode([encoder.load(items[0])], frozenset(identity.kinds))
    length = {"clip": 2 * RATE, "30s": 30 * RATE}[window]
    states = encode_plainly(encoder.model, spectrum(checkpoint, items[0], length))
    own = round(SECONDS[0] * 50)
    np.testing.assert_allclose(found["frames"], states[-1][:own], atol=2e-5)
    np.testing.assert_allclose(found["mean"], states[-1][:own].mean(0), atol=1e-5)
    np.testing.assert_allclose(found["std"], states[-1][:own].std(0), atol=1e-5)
    np.testing.assert_allclose(found["layers"], [state[:own].mean(0) for state in states], atol=1e-5)


def test_a_window_of_30_s_is_transformers_own(checkpoint):
    encoder = hf.WhisperModel.from_pretrained(checkpoint).encoder.eval()
    values = torch.randn(1, 80, 3000, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        before = encoder(values).last_hidden_state
        accept_short_windows(encoder)
        short = encoder(values[..., :300]).last_hidden_state
        after = encoder(values).last_hidden_state
    assert short.shape[1] == 150
    assert torch.equal(before, after)


def test_weights_and_configuration_stay_after_short_windows_and_after_a_failure(checkpoint):
    model = hf.WhisperModel.from_pretrained(checkpoint)
    config, names = model.config.to_json_string(), list(model.state_dict())
    weights = model.encoder.embed_positions.weight
    trained = weights.requires_grad
    accept_short_windows(model.encoder)
    model.encoder(torch.zeros(1, 80, 100))
    with pytest.raises(RuntimeError):
        model.encoder(torch.zeros(1, 79, 100))
    assert model.config.to_json_string() == config
    assert list(model.state_dict()) == names
    assert model.encoder.embed_positions.weight is weights
    assert weights.requires_grad == trained


@pytest.mark.parametrize("window", ["clip", "30s"])
def test_vectors_are_the_same_alone_and_in_batches_of_equal_windows(window, checkpoint, items, monkeypatch):
    identity, encoder = load(checkpoint, window=window)
    kinds = frozenset(identity.kinds)
    loaded = [encoder.load(item) for item in items]
    alone = [encoder.encode([one], kinds)[0] for one in loaded]
    shapes, run = [], encoder.model.forward
    monkeypatch.setattr(
        encoder.model,
        "forward",
        lambda *args, **given: shapes.append(given["input_features"].shape) or run(*args, **given),
    )
    encoder.budget = 3 * encoder.size(loaded[0])
    together = encoder.encode(loaded, kinds)
    counts = {"clip": [(1, 150), (2, 200), (1, 350)], "30s": [(3, 3000), (1, 3000)]}[window]
    assert [(shape[0], shape[2]) for shape in shapes] == counts
    for one, other in zip(alone, together, strict=True):
        for kind in kinds:
            np.testing.assert_allclose(one[kind], other[kind], rtol=1e-4, atol=1e-6)


def test_the_default_window_leaves_the_identity_as_it_was(checkpoint):
    plain, whole, short = (load(checkpoint, window=window)[0] for window in (None, "30s", "clip"))
    assert whole.description == plain.description
    assert "window" not in str(plain.description)
    assert short.fingerprint() != plain.fingerprint()
    assert short.description["window"] == "clip"
    assert restore_encoder("audio", short.description).window == "clip"
    assert encoders.identify(restore_encoder("audio", short.description)) == short


def test_a_batch_is_filled_up_as_the_extractor_pads(checkpoint, items):
    """A short window beside a longer one ends in the silence that the extractor itself would have added."""
    extractor, config = hf.AutoFeatureExtractor.from_pretrained(checkpoint), hf.AutoConfig.from_pretrained(checkpoint)
    reader = ClipReader(extractor, config, window="clip", name_spans=True)
    clips = [reader.read(decode.read(items[number].audio, RATE)) for number in (1, 2)]
    batch = reader.batch(clips)
    np.testing.assert_allclose(batch["input_features"][0], spectrum(checkpoint, items[1], 56_000), atol=1e-6)
    assert batch["true_frames"].tolist() == [[0, 15], [0, 110]]


@pytest.mark.parametrize("name", ["wav2vec2-group", "bert", "mfcc"])
def test_an_encoder_without_a_fixed_window_says_so(name, tmp_path):
    spec = name if name == "mfcc" else str(tiny.checkpoint(name, tmp_path))
    got = {"wav2vec2-group": "wav2vec2", "mfcc": "an encoder without a network of transformers"}.get(name, name)
    with pytest.raises(BadValue) as problem:
        encoders.identify(EncoderSpec("one", spec, window="clip"))
    named = {"wav2vec2-group": str(tmp_path)}.get(name, "one")
    assert str(problem.value) == (
        f"encoder {named} has no choice of windows\n"
        "  expected: --window with Whisper's encoder, whose window of 30 s can be shortened\n"
        f"  got: --window clip with {got}\n"
        "  do: leave --window out for this encoder"
    )


def test_an_unknown_window_is_refused(checkpoint):
    with pytest.raises(BadValue, match="^unknown window '10s'\n  expected: one of 30s, clip$"):
        encoders.identify(EncoderSpec("", str(checkpoint), window="10s"))


@pytest.mark.parametrize(("recorded", "given"), [("clip", "30s"), (None, "clip")])
def test_extraction_follows_the_window_of_fine_tuning(recorded, given, tmp_path):
    folder = tiny.checkpoint("whisper", tmp_path, ("a", "b"))
    own = recorded or "30s"
    record = {"settings": {} if recorded is None else {"window": recorded}}
    (folder / "finetune.json").write_text(json.dumps(record), "utf-8")
    identity = encoders.identify(EncoderSpec("", str(folder)))
    assert identity.description.get("window", "30s") == own
    with pytest.raises(Mismatch) as problem:
        encoders.identify(EncoderSpec("", str(folder), window=given))
    assert str(problem.value) == (
        f"checkpoint {folder} was fine-tuned with --window {own}\n"
        f"  expected: --window {own}\n"
        f"  got: --window {given}\n"
        f"  do: leave --window out, or fine-tune with --window {given}"
    )
