"""Cached relative positions give the vectors of transformers' own forward pass."""

import pytest
import torch
import transformers as hf

from featurestore.networks.fast_deberta import cache_relative_positions
from tests.support import tiny

CLOSE = {"rtol": 1e-5, "atol": 1e-5}  # of values about 1 in size


def pair(family, **settings):
    models = []
    for _ in range(2):
        hf.set_seed(0)
        models.append(hf.AutoModel.from_config(tiny.config(family, **settings)).eval().requires_grad_(False))
    cache_relative_positions(models[1])
    return models


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"share_att_key": False},
        {"pos_att_type": ["c2p"]},
        {"pos_att_type": ["p2c"]},
        {"pos_att_type": []},
        {"position_buckets": -1, "max_relative_positions": 40},
        {"norm_rel_ebd": "none", "conv_kernel_size": 3},
        {"relative_attention": False, "pos_att_type": []},
    ],
    ids=str,
)
def test_cached_relative_positions_give_the_vectors_of_transformers(settings):
    model, cached = pair("deberta-v2", vocab_size=30, initializer_range=0.5, **settings)
    for length in (1, 2, 5, 30, 5):  # up to lengths beyond the 8 buckets, and back to one seen before
        tokens = torch.randint(5, 30, (3, length))
        mask = (torch.arange(length) < torch.tensor([[length], [length], [max(1, length // 2)]])).long()
        expected, found = (one(input_ids=tokens, attention_mask=mask)[0] for one in (model, cached))
        torch.testing.assert_close(found[mask.bool()], expected[mask.bool()], **CLOSE)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_stays_finite_beside_padding(dtype):
    model, cached = pair("deberta-v2", vocab_size=30)
    tokens, mask = torch.randint(5, 30, (2, 9)), torch.tensor([[1] * 9, [1] * 3 + [0] * 6])
    with torch.inference_mode(), torch.autocast("cpu", dtype=dtype):
        expected, found = (one(input_ids=tokens, attention_mask=mask)[0] for one in (model, cached))
    assert torch.isfinite(found).all()
    torch.testing.assert_close(found[mask.bool()].float(), expected[mask.bool()].float(), rtol=0.03, atol=0.03)


@pytest.mark.parametrize("family", ["bert", "roberta", "whisper"])
def test_other_networks_stay_unchanged(family):
    model, cached = pair(family, **({} if family == "whisper" else {"vocab_size": 30}))
    assert str(cached) == str(model)
    assert not any("forward" in vars(module) for module in cached.modules())
