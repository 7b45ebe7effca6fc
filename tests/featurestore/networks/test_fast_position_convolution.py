"""Wide convolutions by Fourier transforms give the values of direct ones."""

import pytest
import torch
import transformers as hf
from torch import nn

from featurestore.networks.fast_convolutions import fold_weight_norm
from featurestore.networks.fast_position_convolution import use_fourier_transforms
from tests.support import tiny


@pytest.mark.parametrize("settings", [{}, {"bias": False}, {"padding": 0}, {"groups": 1}], ids=str)
@pytest.mark.parametrize("taps", [33, 128])
def test_fourier_transforms_give_the_values_of_a_convolution(settings, taps):
    torch.manual_seed(0)
    conv = nn.Conv1d(8, 12, taps, **{"padding": taps // 2, "groups": 4, **settings}).requires_grad_(False)
    waves = [torch.randn(2, 8, length) for length in (taps, taps + 1, 200, 700)]
    expected = [
        nn.functional.conv1d(
            wave.double(),
            conv.weight.double(),
            None if conv.bias is None else conv.bias.double(),
            padding=conv.padding,
            groups=conv.groups,
        )
        for wave in waves
    ]
    use_fourier_transforms(conv)
    for wave, values in zip(waves, expected, strict=True):
        found = conv(wave)
        assert found.shape == values.shape
        assert (found - values).norm() / values.norm() < 1e-6


def test_a_loud_frame_does_not_blur_silence_far_away():
    conv = nn.Conv1d(8, 8, 128, padding=64, groups=2).requires_grad_(False)
    frames = torch.zeros(1, 8, 700)
    frames[..., 0] = 1e3
    expected = conv(frames)
    use_fourier_transforms(conv)
    torch.testing.assert_close(conv(frames)[..., 256:], expected[..., 256:], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "settings",
    [
        {"kernel_size": 31},
        {"kernel_size": 64, "stride": 2},
        {"kernel_size": 64, "dilation": 2},
        {"kernel_size": 64, "groups": 8},
        {"kernel_size": 64, "padding": "same"},
        {"kernel_size": 64, "padding": 8, "padding_mode": "reflect"},
    ],
    ids=str,
)
def test_other_convolutions_stay_unchanged(settings):
    conv = nn.Conv1d(8, 8, **settings)
    use_fourier_transforms(conv)
    assert "forward" not in vars(conv)


def test_a_weight_that_is_not_folded_stays_unchanged():
    conv = nn.utils.parametrizations.weight_norm(nn.Conv1d(8, 8, 64), dim=2)
    use_fourier_transforms(conv)
    assert "forward" not in vars(conv)


def test_half_precision_convolves_directly():
    conv, frames = nn.Conv1d(8, 8, 64, padding=32), torch.randn(1, 8, 100)
    with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
        expected = conv(frames)
        use_fourier_transforms(conv)
        assert torch.equal(conv(frames), expected)


@pytest.mark.parametrize("family", ["wav2vec2-group", "wavlm"])
def test_networks_give_the_frames_of_transformers(family):
    models = []
    for _ in range(2):
        hf.set_seed(0)
        config = tiny.config(family, num_conv_pos_embeddings=64, num_conv_pos_embedding_groups=2)
        models.append(hf.AutoModel.from_config(config).eval().requires_grad_(False))
    fold_weight_norm(models[1])
    use_fourier_transforms(models[1])
    assert any("forward" in vars(module) for module in models[1].modules())
    clip = torch.randn(1, 16_000)
    with torch.inference_mode():
        expected, found = (model(clip)[0] for model in models)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
