"""Estimates of an encoder's cost: against the operations that torch counts, and what they leave out."""

import dataclasses

import numpy as np
import pytest
import torch
import transformers as hf
from torch.utils.flop_counter import FlopCounterMode

from featurestore.encoders import identify
from featurestore.networks import encoding_cost
from featurestore.networks.encoding_cost import EncodingCost, read_encoding_cost
from featurestore.spec import EncoderSpec
from tests.support import tiny


def count(model, *inputs, **named):
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(*inputs, **named)
    return counter.get_total_flops()


def read(checkpoint):
    return read_encoding_cost(identify(EncoderSpec("", str(checkpoint))))


@pytest.fixture
def only_arithmetic(monkeypatch):
    """Make an estimate the number of operations."""
    monkeypatch.setattr(encoding_cost, "_EACH", 0.0)
    monkeypatch.setattr(encoding_cost, "_AUDIO_SPEED", 1.0)
    monkeypatch.setattr(encoding_cost, "_TEXT_SPEED", 1.0)


@pytest.mark.parametrize("family", ["wav2vec2-group", "wav2vec2-layer", "hubert", "wavlm"])
@pytest.mark.parametrize("seconds", [1.0, 10.0])
def test_the_cost_of_a_clip_is_what_torch_counts(family, seconds, tmp_path, only_arithmetic):
    checkpoint = tiny.checkpoint(family, tmp_path / family)
    model = hf.AutoModel.from_pretrained(checkpoint, attn_implementation="eager")
    counted = count(model, torch.zeros(1, int(16_000 * seconds)))
    assert read(checkpoint).estimate_clip(seconds) == pytest.approx(counted, rel=0.25)


def test_whisper_costs_its_whole_window_and_no_decoder(tmp_path, only_arithmetic):
    checkpoint = tiny.checkpoint("whisper", tmp_path / "whisper")
    encoder = hf.AutoModel.from_pretrained(checkpoint, attn_implementation="eager").get_encoder()
    counted = count(encoder, torch.zeros(1, encoder.config.num_mel_bins, 3000))
    cost = read(checkpoint)
    assert cost.estimate_clip(2.0) == cost.estimate_clip(30.0) == pytest.approx(counted, rel=0.25)


def test_a_window_of_the_clip_itself_costs_less(tmp_path, only_arithmetic):
    identity = identify(EncoderSpec("", str(tiny.checkpoint("whisper", tmp_path / "whisper"))))
    own = dataclasses.replace(identity, description={**identity.description, "window": "clip"})
    assert read_encoding_cost(own).estimate_clip(3.0) < 0.3 * read_encoding_cost(identity).estimate_clip(3.0)


@pytest.mark.parametrize("family", ["deberta-v2", "bert", "roberta"])
def test_the_cost_of_a_text_is_what_torch_counts_without_embeddings(family, tmp_path, only_arithmetic):
    checkpoint = tiny.checkpoint(family, tmp_path / family)
    model = hf.AutoModel.from_pretrained(checkpoint, attn_implementation="eager")
    text = "x" * round((30 - encoding_cost._SPECIAL_TOKENS) * encoding_cost._TOKEN_BYTES)
    counted = count(model, torch.full((1, 30), 7))
    assert read(checkpoint).estimate_text(text) == pytest.approx(counted, rel=0.6)


def test_a_text_in_another_script_costs_its_bytes(tmp_path, only_arithmetic):
    cost = read(tiny.checkpoint("bert", tmp_path / "bert"))
    assert cost.estimate_text("我" * 100) > 2 * cost.estimate_text("a" * 100)


def test_shared_weights_count_as_often_as_they_run(tmp_path):
    sizes = {"hidden_size": 16, "num_attention_heads": 2, "intermediate_size": 32, "embedding_size": 8}
    costs = []
    for layers in (1, 6):
        folder = tmp_path / f"albert-{layers}"
        hf.AlbertModel(hf.AlbertConfig(vocab_size=50, num_hidden_layers=layers, **sizes)).save_pretrained(folder)
        checkpoint = encoding_cost.Checkpoint(str(folder), folder)
        costs.append(encoding_cost._read_text_cost(checkpoint, checkpoint.config()).linear)
    assert costs[1] > 3 * costs[0]


def test_a_fixed_length_is_what_every_clip_costs(tmp_path, monkeypatch):
    checkpoint = tiny.checkpoint("wav2vec2-group", tmp_path / "audio")
    monkeypatch.setattr(encoding_cost, "read_fixed_length", lambda checkpoint: 80_000)
    cost = read(checkpoint)
    assert cost.estimate_clip(1.0) == cost.estimate_clip(5.0)


def test_hand_made_extractors_cost_what_was_measured():
    assert read("mfcc").estimate_clip(100.0) == pytest.approx(1.0, rel=0.1)
    assert read("logmel").estimate_clip(10.0) < read("egemaps").estimate_clip(10.0)


def test_a_clip_of_unknown_length_has_a_cost():
    cost = EncodingCost(each=0.0, linear=1.0)
    assert cost.estimate_clip(None) == cost.estimate_clip(0.0) == 5.0


def test_a_long_clip_costs_its_square():
    lengths = np.array([1.0, 2.0, 4.0])
    cost = EncodingCost(each=3.0, linear=2.0, square=1.0)
    assert [cost.estimate_clip(length) for length in lengths] == [6.0, 11.0, 27.0]
