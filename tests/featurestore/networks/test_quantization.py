"""Int8: what it computes, that a batch changes nothing, and where it is refused."""

import re

import numpy as np
import pytest
import torch
from torch import nn

from featurestore import encoders
from featurestore.errors import Unavailable
from featurestore.item import Item
from featurestore.networks import quantization
from featurestore.networks.precision import BOUNDS, Autocast, measure_difference
from featurestore.networks.quantization import check_int8, quantize_linear_layers
from featurestore.spec import INT8, EncoderSpec, list_reading_options, restore_encoder
from tests.support import tiny

VNNI = {"avx512_vnni": True, "cpu_name": "CPU"}
TEXTS = ("the money", "the money the money again today", "today")


@pytest.fixture
def torchao():
    """Skip where int8 cannot run."""
    try:
        check_int8("cpu")
    except Unavailable as reason:
        pytest.skip(reason.what)


def load(folder, precision=INT8):
    identity = encoders.identify(EncoderSpec("", str(folder), precision=precision))
    return identity, encoders.load(identity, "cpu")


def round_rows(matrix):
    """Round each row to 255 steps about 0."""
    scale = matrix.abs().amax(-1, keepdim=True) / 127.5
    return torch.clamp((matrix / scale).round(), -128, 127) * scale


def test_a_layer_rounds_weights_by_output_and_inputs_by_token(torchao):
    torch.manual_seed(0)
    model, inputs = nn.Sequential(nn.Linear(64, 96)).requires_grad_(False), torch.randn(2, 5, 64)
    weight, bias = model[0].weight.clone(), model[0].bias.clone()
    plain = model(inputs)
    quantize_linear_layers(model)
    found = model(inputs)
    expected = round_rows(inputs) @ round_rows(weight).t() + bias
    assert (found - expected).norm() / plain.norm() < 2e-3  # a tie may be rounded to either side
    assert 5e-3 < (found - plain).norm() / plain.norm() < 2e-2


def test_a_text_has_the_same_vector_alone_and_in_a_batch(torchao, tmp_path):
    identity, encoder = load(tiny.checkpoint("bert", tmp_path / "bert", ("angry", "sad")))
    loaded, kinds = [encoder.load(Item("u", None, text)) for text in TEXTS], frozenset(identity.kinds)
    together = encoder.encode(loaded, kinds)
    for one, row in zip(loaded, together, strict=True):
        (alone,) = encoder.encode([one], kinds)
        for kind, values in alone.items():
            np.testing.assert_allclose(row[kind], values, rtol=1e-4, atol=1e-5, err_msg=kind)


@pytest.mark.parametrize("family", ["wav2vec2-group", "wavlm", "whisper"])
def test_clips_are_encoded_in_int8_within_the_bound(family, torchao, tmp_path):
    identity, encoder = load(tiny.checkpoint(family, tmp_path / family, ("angry", "sad")))
    _, full = load(tmp_path / family, "float32")
    item, kinds = Item("u", tiny.clip(tmp_path / "clip.wav", 0.5, 3), ""), frozenset(identity.kinds)
    (found,), (plain,) = (one.encode([one.load(item)], kinds) for one in (encoder, full))
    assert 1e-6 < measure_difference([found], [plain])[1] < BOUNDS[INT8]
    assert re.match(r"int8 differs from float32 by \d\.\de-0\d of a vector.s norm at most", encoder.notes[0])


def test_a_network_beyond_the_bound_is_refused(torchao, tmp_path, monkeypatch):
    folder = tiny.checkpoint("wav2vec2-group", tmp_path / "audio")
    monkeypatch.setitem(BOUNDS, INT8, 1e-6)
    with pytest.raises(Unavailable, match=r"^--precision int8 changes the vectors of checkpoint .* too much"):
        load(folder)


def test_int8_is_part_of_the_identity(tmp_path):
    folder = tiny.checkpoint("bert", tmp_path / "bert")
    identity, full = (encoders.identify(EncoderSpec("", str(folder), precision=one)) for one in (INT8, "float32"))
    assert identity.fingerprint() != full.fingerprint()
    assert identity.precision == restore_encoder("text", identity.description).precision == INT8
    assert list_reading_options(identity.description) == ["--precision int8"]


def test_a_gpu_is_refused():
    with pytest.raises(Unavailable) as refused:
        Autocast("cuda:0", INT8)
    assert str(refused.value).splitlines() == [
        "device cuda:0 does not compute in int8",
        "  do: use --device cpu, or --precision bf16 or fp16 on a GPU",
    ]


def test_without_torchao_int8_is_refused(monkeypatch):
    monkeypatch.setattr(quantization, "find_spec", lambda name: None)
    message = r"^--precision int8 needs the package torchao\n  do: pip install 'emofuse\[int8\]'$"
    with pytest.raises(Unavailable, match=message):
        check_int8("cpu")


@pytest.mark.parametrize(("found", "got"), [({"avx2": True, "cpu_name": "Old"}, "Old"), ({}, "a CPU that torch does")])
def test_a_cpu_without_the_instructions_is_refused(found, got, monkeypatch):
    monkeypatch.setattr(quantization, "find_spec", lambda name: object())
    monkeypatch.setattr(quantization, "_read_capabilities", lambda: found)
    message = rf"^this CPU does not compute in int8\n  expected: a CPU with VNNI or AMX: .*\n  got: {got}"
    with pytest.raises(Unavailable, match=message):
        check_int8("cpu")


def test_a_cpu_with_the_instructions_is_accepted(monkeypatch):
    monkeypatch.setattr(quantization, "find_spec", lambda name: object())
    monkeypatch.setattr(quantization, "_read_capabilities", lambda: VNNI)
    check_int8("cpu")
