import pytest
import torch
import transformers as hf

from featurestore.networks.convolutions import multiply
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
def test_matrix_products_give_the_frames_that_convolutions_give(family, settings):
    model = network(family, **settings)
    waves = [torch.randn(1, length) + offset for length, offset in ((165, 0), (1234, 0), (16_000, 3))]
    quiet = 1e-4 * torch.randn(1, 8000)
    with torch.inference_mode():
        expected = [model.feature_extractor(wave) for wave in (*waves, quiet)]
        assert multiply(model)
        for wave, frames in zip((*waves, quiet), expected, strict=True):
            torch.testing.assert_close(model.feature_extractor(wave), frames, rtol=1e-4, atol=2e-5)


def test_a_batch_runs_as_before():
    model, waves = network("wav2vec2-group"), torch.randn(2, 4000)
    expected = model.feature_extractor(waves)
    assert multiply(model)
    assert torch.equal(model.feature_extractor(waves), expected)


def test_silence_stays_finite():
    model = network("wav2vec2-group")
    assert multiply(model)
    assert torch.isfinite(model.feature_extractor(torch.zeros(1, 4000))).all()


def test_a_front_of_another_structure_is_left_alone():
    model = network("wav2vec2-group")
    layer = model.feature_extractor.conv_layers[1]
    layer.forward = lambda frames, usual=layer.forward: 2 * usual(frames)
    assert not multiply(model)
    assert "forward" not in vars(model.feature_extractor)
    assert not multiply(torch.nn.Linear(1, 1))
