"""Fast convolutions give the frames of transformers' own forward pass."""

import pytest
import torch
import transformers as hf

from featurestore.networks.fast_convolutions import fold_weight_norm, use_matrix_products
from tests.support import tiny

WAVES = [family for family in tiny.AUDIO if family != "whisper"]


def network(family, **settings):
    hf.set_seed(0)
    model = hf.AutoModel.from_config(tiny.config(family, **settings)).eval().requires_grad_(False)
    for parameter in model.feature_extractor.parameters():  # norms that do something
        parameter.add_(0.3 * torch.randn_like(parameter))
    return model


@pytest.mark.parametrize("settings", [{}, {"conv_bias": True}, {"conv_kernel": (10, 3, 2), "conv_stride": (5, 2, 2)}])
@pytest.mark.parametrize("family", WAVES)
def test_matrix_products_give_the_frames_of_convolutions(family, settings):
    model = network(family, **settings)
    waves = [torch.randn(1, length) + offset for length, offset in ((165, 0), (1234, 0), (16_000, 3))]
    quiet = 1e-4 * torch.randn(1, 8000)
    with torch.inference_mode():
        expected = [model.feature_extractor(wave) for wave in (*waves, quiet)]
        assert use_matrix_products(model)
        for wave, frames in zip((*waves, quiet), expected, strict=True):
            torch.testing.assert_close(model.feature_extractor(wave), frames, rtol=1e-4, atol=2e-5)


def test_a_batch_runs_as_before():
    model, waves = network("wav2vec2-group"), torch.randn(2, 4000)
    expected = model.feature_extractor(waves)
    assert use_matrix_products(model)
    assert torch.equal(model.feature_extractor(waves), expected)


def test_silence_stays_finite():
    model = network("wav2vec2-group")
    assert use_matrix_products(model)
    assert torch.isfinite(model.feature_extractor(torch.zeros(1, 4000))).all()


def test_a_front_of_another_structure_stays_unchanged():
    model = network("wav2vec2-group")
    layer = model.feature_extractor.conv_layers[1]
    layer.forward = lambda frames, usual=layer.forward: 2 * usual(frames)
    assert not use_matrix_products(model)
    assert "forward" not in vars(model.feature_extractor)
    assert not use_matrix_products(torch.nn.Linear(1, 1))


@pytest.mark.parametrize("family", WAVES)
def test_a_folded_position_convolution_is_exact(family):
    model, folded = network(family), network(family)
    fold_weight_norm(folded)
    clip = torch.randn(1, 8000)
    with torch.inference_mode():
        assert torch.equal(folded(clip)[0], model(clip)[0])
    assert any("parametrizations" in name for name, _ in model.named_parameters())
    assert not any("parametrizations" in name for name, _ in folded.named_parameters())


@pytest.mark.parametrize("family", ["bert", "roberta", "whisper"])
def test_a_network_without_weight_norm_stays_unchanged(family):
    settings = {} if family == "whisper" else {"vocab_size": 30}
    model = hf.AutoModel.from_config(tiny.config(family, **settings)).eval()
    before = str(model)
    fold_weight_norm(model)
    assert str(model) == before
