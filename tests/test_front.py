import pytest
import torch
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForAudioClassification,
    HubertConfig,
    Wav2Vec2Config,
    WavLMConfig,
    WhisperConfig,
)

from featurestore.encoders._front import isolate_front, shortest_clip

SMALL = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "conv_dim": (8, 8, 8),
    "conv_kernel": (10, 8, 4),
    "conv_stride": (5, 8, 4),
    "num_conv_pos_embeddings": 8,
    "num_conv_pos_embedding_groups": 2,
    "classifier_proj_size": 8,
    "num_labels": 3,
}
FAMILIES = [Wav2Vec2Config, HubertConfig, WavLMConfig]
KINDS = [
    ({"feat_extract_norm": "group"}, "group"),
    ({"feat_extract_norm": "layer", "do_stable_layer_norm": True, "conv_bias": True}, "layer"),
]
LENGTHS = (4000, 2500, 1111)


@pytest.fixture
def batch():
    torch.manual_seed(0)
    clips = [torch.randn(length) for length in LENGTHS]
    waves = torch.nn.utils.rnn.pad_sequence(clips, batch_first=True)  # (B, S)
    mask = torch.arange(waves.shape[1]) < torch.tensor(LENGTHS)[:, None]
    return clips, waves, mask.long()


@pytest.mark.parametrize("config", FAMILIES)
@pytest.mark.parametrize("options", [options for options, _ in KINDS], ids=[name for _, name in KINDS])
def test_a_masked_batch_equals_one_clip_at_a_time(config, options, batch):
    clips, waves, mask = batch
    torch.manual_seed(1)
    model = AutoModel.from_config(config(**SMALL, **options)).eval()
    with torch.inference_mode():
        alone = [model(clip[None]).last_hidden_state[0] for clip in clips]
        assert isolate_front(model)
        together = model(waves, attention_mask=mask).last_hidden_state
    for frames, expected in zip(together, alone, strict=True):
        torch.testing.assert_close(frames[: len(expected)], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("config", FAMILIES)
def test_a_classifier_and_its_gradients_do_not_depend_on_batch_neighbours(config, batch):
    clips, waves, mask = batch
    torch.manual_seed(1)
    still = dict.fromkeys(("hidden_dropout", "attention_dropout", "feat_proj_dropout", "layerdrop"), 0.0)
    still |= {"activation_dropout": 0.0, "final_dropout": 0.0, "apply_spec_augment": False}
    model = AutoModelForAudioClassification.from_config(config(**SMALL, **still)).train()
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
    model = AutoModel.from_config(Wav2Vec2Config(**SMALL)).eval()
    with torch.inference_mode():
        alone = model(clips[2][None]).last_hidden_state[0]
        together = model(waves, attention_mask=mask).last_hidden_state[2, : len(alone)]
    assert (together - alone).abs().max() > 1e-2


def test_a_mask_of_one_batch_does_not_reach_into_the_next(batch):
    clips, waves, mask = batch
    model = AutoModel.from_config(HubertConfig(**SMALL)).eval()
    with torch.inference_mode():
        expected = model(clips[0][None]).last_hidden_state
        assert isolate_front(model)
        assert isolate_front(model)
        model(waves, mask)
        assert torch.equal(model(clips[0][None]).last_hidden_state, expected)


def test_a_model_on_spectra_has_no_such_front():
    small = {"d_model": 16, "encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 2, "num_mel_bins": 8}
    small |= {"decoder_attention_heads": 2, "encoder_ffn_dim": 16, "decoder_ffn_dim": 16, "vocab_size": 50}
    config = WhisperConfig(**small, pad_token_id=0, bos_token_id=1, eos_token_id=2, decoder_start_token_id=1)
    assert not isolate_front(AutoModel.from_config(config))


def test_the_shortest_clip_gives_exactly_one_frame():
    config = AutoConfig.for_model("wav2vec2")
    assert shortest_clip(config) == 400
    model = AutoModel.from_config(Wav2Vec2Config(**SMALL)).eval()
    samples = shortest_clip(model.config)
    assert model.feature_extractor(torch.randn(1, samples)).shape[-1] == 1
    with pytest.raises(RuntimeError, match="Kernel size"):
        model.feature_extractor(torch.randn(1, samples - 1))
