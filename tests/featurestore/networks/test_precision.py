"""Half precision by autocast: what it computes, and the check against float32."""

import contextlib
import re

import numpy as np
import pytest
import torch
import transformers as hf
from safetensors.torch import load_file, save_file

from featurestore import encoders
from featurestore.errors import BadValue, Unavailable, Unencodable
from featurestore.item import Item
from featurestore.networks import probe
from featurestore.networks.precision import BOUNDS, Autocast, measure_difference
from featurestore.spec import PRECISIONS, EncoderSpec, list_reading_options, restore_encoder
from tests.support import tiny

TEXT = "the money the money again today"
TYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}


@pytest.fixture(scope="module")
def bert(tmp_path_factory):
    return tiny.checkpoint("bert", tmp_path_factory.mktemp("bert"), ("angry", "sad"))


def identify(folder, precision):
    return encoders.identify(EncoderSpec("text", str(folder), precision=precision))


def encode(folder, precision, text=TEXT):
    identity = identify(folder, precision)
    encoder = encoders.load(identity, "cpu")
    return encoder, encoders.encode(encoder, [encoder.load(Item("u", None, text))], frozenset(identity.kinds))[0]


@pytest.mark.parametrize("precision", TYPES)
def test_vectors_are_those_of_torch_autocast_and_differ_from_float32_within_the_bound(bert, precision):
    (encoder, half), (_, full) = encode(bert, precision), encode(bert, "float32")
    model = hf.AutoModelForSequenceClassification.from_pretrained(bert, attn_implementation="sdpa").eval()
    inputs = hf.AutoTokenizer.from_pretrained(bert)(TEXT, return_tensors="pt")
    with torch.inference_mode(), torch.autocast("cpu", dtype=TYPES[precision]):
        output = model(**inputs, output_hidden_states=True)
    frames = output.hidden_states[-1][0].double().numpy()
    np.testing.assert_allclose(half["mean"], frames.mean(0), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(half["std"], frames.std(0), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(half["logits"], output.logits[0].float().numpy(), rtol=1e-5)
    _, difference = measure_difference([half], [full])
    assert 1e-6 < difference < BOUNDS[precision]  # the tiny network's layers add little to its embeddings
    assert all(values.dtype == np.float32 for values in half.values())
    note = rf"{precision} differs from float32 by \d\.\de-0\d of a vector.s norm at most \(\w+, on a probe; 0\.0"
    assert re.match(note, encoder.notes[0])


def test_float32_computes_as_before_and_compares_nothing(bert):
    assert encoders.load(identify(bert, "float32"), "cpu").notes == []
    assert isinstance(Autocast("cpu", "float32")(), contextlib.nullcontext)
    assert Autocast("cpu", "float32").check("c", lambda: pytest.fail("encoded")) == []


def test_a_precision_has_a_fingerprint_of_its_own_and_is_restored(bert):
    identities = {precision: identify(bert, precision) for precision in PRECISIONS}
    assert [one.description["dtype"] for one in identities.values()] == [
        "float32",
        "bfloat16 autocast",
        "float16 autocast",
    ]
    assert len({one.fingerprint() for one in identities.values()}) == 3
    assert identities["float32"].fingerprint() == encoders.identify(EncoderSpec("text", str(bert))).fingerprint()
    for precision, identity in identities.items():
        assert identity.precision == precision
        assert restore_encoder("text", identity.description).precision == precision
        assert encoders.identify(restore_encoder("text", identity.description)) == identity
    assert list_reading_options(identities["fp16"].description) == ["--precision fp16"]
    assert list_reading_options(identities["float32"].description) == []


def make_encode(autocast, change, kind="mean"):
    """Make a function that encodes a probe of two, the second one changed in half precision."""
    values = np.ones((2, 3, 4), np.float32)

    def run():
        rows = [{"std": np.ones(3, np.float32), kind: row.copy()} for row in values]
        if autocast.precision != "float32":
            rows[1][kind][0, 0] += change
        return rows

    return run


@pytest.mark.parametrize(
    ("precision", "kind", "change", "got", "do"),
    [
        ("bf16", "mean", 0.35, "1.0e-01 in mean", "leave --precision out"),
        ("bf16", "layers", 0.1, "5.0e-02 in layers", "leave --precision out"),
        ("fp16", "mean", np.inf, "NaN or infinite values in mean", "leave --precision out, or try --precision bf16"),
        ("fp16", "mean", np.nan, "NaN or infinite values in mean", "leave --precision out, or try --precision bf16"),
    ],
)
def test_a_difference_beyond_the_bound_is_refused(precision, kind, change, got, do):
    autocast = Autocast("cpu", precision)
    with pytest.raises(Unavailable) as refused:
        autocast.check("NAME", make_encode(autocast, change, kind))
    assert str(refused.value).splitlines() == [
        f"--precision {precision} changes the vectors of checkpoint NAME too much, as a probe shows",
        f"  expected: a difference from float32 of at most {BOUNDS[precision]} of a vector's norm",
        f"  got: {got}",
        f"  do: {do}",
    ]
    assert autocast.precision == precision


def test_the_largest_difference_within_the_bound_is_said():
    autocast = Autocast("cpu", "bf16")
    assert autocast.check("NAME", make_encode(autocast, 0.07)) == [
        "bf16 differs from float32 by 2.0e-02 of a vector's norm at most (mean, on a probe; 0.03 is allowed)"
    ]


def test_logits_near_zero_are_compared_on_the_scale_of_one():
    half, full = ([{"logits": np.array([value, 0], np.float32)}] for value in (0.003, 0.001))
    assert measure_difference(half, full)[1] == pytest.approx(0.002)


def test_weights_that_overflow_half_precision_are_found_before_anything_is_encoded(bert, tmp_path):
    folder = tmp_path / "large"
    tiny.checkpoint("bert", folder, ("angry", "sad"))
    weights = load_file(folder / "model.safetensors")
    weights["bert.encoder.layer.1.output.dense.weight"] *= 1e7
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    encoders.load(identify(folder, "float32"), "cpu")
    with pytest.raises(Unavailable, match=r"too much, as a probe shows\n.*\n  got: NaN or infinite values in"):
        encoders.load(identify(folder, "fp16"), "cpu")


def test_an_utterance_that_overflows_fails_alone(bert, monkeypatch):
    encoder, vectors = encode(bert, "fp16")
    monkeypatch.setattr(encoder, "encode", lambda batch, kinds: [vectors | {"mean": np.full(3, np.inf)}])
    with pytest.raises(Unencodable, match=r"^the encoder gives NaN or infinite values in mean$"):
        encoders.encode(encoder, [None], frozenset(["mean"]))


def test_a_device_without_the_arithmetic_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: False)
    message = (
        r"^device cuda:0 does not compute in bf16\n  do: leave --precision out, or use a GPU that does: bf16 needs one"
    )
    with pytest.raises(Unavailable, match=message):
        Autocast("cuda:0", "bf16")


def test_an_unknown_precision_and_one_of_a_hand_made_extractor_are_refused(bert):
    with pytest.raises(BadValue, match=r"^'int8' is not a precision\n  expected: float32 or bf16 or fp16$"):
        identify(bert, "int8")
    with pytest.raises(BadValue, match=r"^encoder mfcc is no network, and computes in full precision alone\n"):
        encoders.identify(EncoderSpec("", "mfcc", precision="bf16"))


def test_probe_clips_fit_the_network_and_are_the_same_each_time():
    clips = probe.make_clips(16_000, 8_000, 30_000)
    assert [len(clip) for clip in clips] == [8_000, 27_200, 30_000]
    for clip, again in zip(clips, probe.make_clips(16_000, 8_000, 30_000), strict=True):
        np.testing.assert_array_equal(clip, again)
        assert clip.dtype == np.float32
        assert 0.1 < np.abs(clip).max() <= 1


@pytest.mark.parametrize("family", ["whisper", "wavlm"])
def test_clips_are_encoded_in_half_precision(family, tmp_path):
    identity = encoders.identify(EncoderSpec("", str(tiny.checkpoint(family, tmp_path / family)), precision="fp16"))
    encoder = encoders.load(identity, "cpu")
    full = encoders.load(encoders.identify(EncoderSpec("", str(tmp_path / family))), "cpu")
    item = Item("u", tiny.clip(tmp_path / "clip.wav", 0.5, 3), "")
    kinds = frozenset(identity.kinds)
    (half,), (plain,) = (one.encode([one.load(item)], kinds) for one in (encoder, full))
    assert 1e-6 < measure_difference([half], [plain])[1] < BOUNDS["fp16"]
