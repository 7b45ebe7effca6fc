"""Padded batches of clips give each clip the vectors that it has alone."""

import pytest
import torch
from transformers import AutoConfig, AutoModel, AutoModelForAudioClassification

from featurestore.networks.frames import compute_shortest_clip
from featurestore.networks.padding import isolate_front
from tests.support import tiny

FAMILIES = ["wav2vec2-group", "hubert", "wavlm"]
LENGTHS = (4000, 2500, 1111)


@pytest.fixture
def batch():
    torch.manual_seed(0)
    clips = [torch.randn(length) for length in LENGTHS]
    waves = torch.nn.utils.rnn.pad_sequence(clips, batch_first=True)  # (B, S)
    mask = torch.arange(waves.shape[1]) < torch.tensor(LENGTHS)[:, None]
    return clips, waves, mask.long()


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("norm", [{}, tiny.STABLE], ids=["group", "layer"])
def test_a_masked_batch_equals_one_clip_at_a_time(family, norm, batch):
    clips, waves, mask = batch
    torch.manual_seed(1)
    model = AutoModel.from_config(tiny.config(family, **norm)).eval()
    with torch.inference_mode():
        alone = [model(clip[None]).last_hidden_state[0] for clip in clips]
        assert isolate_front(model)
        together = model(waves, attention_mask=mask).last_hidden_state
    for frames, expected in zip(together, alone, strict=True):
        torch.testing.assert_close(frames[: len(expected)], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_classifier_and_its_gradients_do_not_depend_on_batch_neighbours(family, batch):
    clips, waves, mask = batch
    torch.manual_seed(1)
    still = dict.fromkeys(("hidden_dropout", "attention_dropout", "feat_proj_dropout", "layerdrop"), 0.0)
    still |= {"activation_dropout": 0.0, "final_dropout": 0.0, "apply_spec_augment": False}
    model = AutoModelForAudioClassification.from_config(tiny.config(family, num_labels=3, **still)).train()
    names = list(model.state_dict())
    assert isolate_front(model)
    assert list(model.state_dict()) == names
    labels = torch.tensor([0, 1, 2])
    together = model(waves, attention_mask=mask, labels=labels)
    together.loss.backward()
    gradients = [parameter.grad.clone() for parameter in model.parameters() if parameter.grad is not None]
    model.zero_grad(set_to_none=True)
    alone = [
        model(clip[None], attention_mask=torch.ones(1, len(clip)).long(), labels=label[None])
        for clip, label in zip(clips, labels, strict=True)
    ]
    (sum(answer.loss for answer in alone) / len(alone)).backward()
    torch.testing.assert_close(together.logits, torch.cat([answer.logits for answer in alone]), rtol=1e-4, atol=1e-5)
    again = [parameter.grad for parameter in model.parameters() if parameter.grad is not None]
    for gradient, expected in zip(gradients, again, strict=True):
        torch.testing.assert_close(gradient, expected, rtol=1e-3, atol=1e-5)


def test_without_isolation_padding_changes_a_group_norm_model(batch):
    clips, waves, mask = batch
    model = AutoModel.from_config(tiny.config("wav2vec2-group")).eval()
    with torch.inference_mode():
        alone = model(clips[2][None]).last_hidden_state[0]
        together = model(waves, attention_mask=mask).last_hidden_state[2, : len(alone)]
    assert (together - alone).abs().max() > 1e-2


def test_the_mask_of_one_batch_does_not_affect_the_next(batch):
    clips, waves, mask = batch
    model = AutoModel.from_config(tiny.config("hubert")).eval()
    with torch.inference_mode():
        expected = model(clips[0][None]).last_hidden_state
        assert isolate_front(model)
        assert isolate_front(model)
        model(waves, mask)
        assert torch.equal(model(clips[0][None]).last_hidden_state, expected)


def test_a_network_that_reads_spectra_has_no_such_front():
    assert not isolate_front(AutoModel.from_config(tiny.config("whisper")))


def test_the_shortest_clip_gives_exactly_one_frame():
    config = AutoConfig.for_model("wav2vec2")
    assert compute_shortest_clip(config) == 400
    model = AutoModel.from_config(tiny.config("wav2vec2-group")).eval()
    samples = compute_shortest_clip(model.config)
    assert model.feature_extractor(torch.randn(1, samples)).shape[-1] == 1
    with pytest.raises(RuntimeError, match="Kernel size"):
        model.feature_extractor(torch.randn(1, samples - 1))
