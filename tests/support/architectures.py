"""Build small networks of every architecture of transformers, with random weights large enough to matter."""

from pathlib import Path
from typing import Any

import torch
import transformers as hf

from tests.support import tiny

# What configurations call their sizes; each architecture has some of them.
_SIZES: dict[str, int] = {
    **dict.fromkeys(
        ("hidden_size", "d_model", "n_embd", "embed_dim", "dim", "word_embed_proj_dim", "embedding_size"), 32
    ),
    **dict.fromkeys(("emb_dim", "hidden_dim", "hidden_size_per_layer_input", "q_lora_rank", "kv_lora_rank"), 32),
    **dict.fromkeys(("num_hidden_layers", "n_layer", "n_layers", "num_layers", "encoder_layers", "decoder_layers"), 2),
    **dict.fromkeys(("num_decoder_layers", "num_encoder_layers", "num_attention_heads", "n_head", "n_heads"), 2),
    **dict.fromkeys(("num_heads", "encoder_attention_heads", "decoder_attention_heads", "num_key_value_heads"), 2),
    **dict.fromkeys(("intermediate_size", "d_ff", "d_inner", "n_inner", "encoder_ffn_dim", "decoder_ffn_dim"), 64),
    **dict.fromkeys(("ffn_dim", "moe_intermediate_size", "shared_expert_intermediate_size", "dff"), 64),
    **dict.fromkeys(("shared_intermediate_size", "ffn_hidden_size", "vocab_size_per_layer_input"), 64),
    **dict.fromkeys(("head_dim", "d_kv", "qk_nope_head_dim", "v_head_dim", "qk_rope_head_dim", "qk_head_dim"), 16),
    **dict.fromkeys(("num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts"), 4),
    **dict.fromkeys(("num_experts_per_tok", "moe_k", "num_experts_per_token", "top_k_experts"), 2),
    **dict.fromkeys(("max_position_embeddings", "n_positions", "vocab_size"), 64),
    "pad_token_id": 1,
    "bos_token_id": 2,
    "eos_token_id": 3,
    "decoder_start_token_id": 2,
}
_CONV = {"conv_dim": (8,) * 3, "conv_kernel": (10, 8, 4), "conv_stride": (5, 8, 8), "num_conv_pos_embedding_groups": 2}
_POSITIONS = {"num_conv_pos_embeddings": 8, "classifier_proj_size": 8}
_SWIN = {"hidden_size": 64, "depths": [1] * 4, "num_attention_heads": [1, 1, 2, 2], "patch_embeds_hidden_size": 8}

# What an architecture needs besides its sizes.
_OWN: dict[str, dict[str, Any]] = {
    "audio-spectrogram-transformer": {"max_length": 128},
    "big_bird": {"block_size": 2, "num_random_blocks": 1},
    "bigbird_pegasus": {"block_size": 2, "num_random_blocks": 1},
    "clap": {"audio_config": _SWIN, "text_config": {"vocab_size": 64, "hidden_size": 24, "num_hidden_layers": 1}},
    "clap_audio_model": _SWIN,
    "codegen": {"n_head": 4, "rotary_dim": 4},
    "data2vec-audio": {"num_conv_pos_embeddings": 2},
    "esm": {"mask_token_id": 4, "token_dropout": True, "vocab_size": 64},
    "funnel": {"block_sizes": [1, 1], "num_decoder_layers": 1, "d_head": 16, "architectures": ["FunnelModel"]},
    "gpt_neo": {"attention_types": [[["global", "local"], 1]]},
    "gptj": {"rotary_dim": 8},
    "longformer": {"attention_window": [4, 4]},
    "led": {"attention_window": [4, 4], "max_encoder_position_embeddings": 64, "max_decoder_position_embeddings": 64},
    "luke": {"entity_vocab_size": 10, "entity_emb_size": 8},
    "pegasus_x": {"block_size": 8},
    "roc_bert": {
        "pronunciation_vocab_size": 9,
        "shape_vocab_size": 9,
        "pronunciation_embed_dim": 8,
        "shape_embed_dim": 8,
    },
    "sew-d": {"position_buckets": 8, "max_position_embeddings": 64},
    "moonshine": {"encoder_num_hidden_layers": 2, "decoder_num_hidden_layers": 1},
    "speech_to_text": {"conv_channels": 16, "max_source_positions": 400, "max_target_positions": 16},
    "t5": {"decoder_start_token_id": 1},
    "wav2vec2-bert": {"feature_projection_input_dim": 160, "classifier_proj_size": 8},
    "whisper": {"max_source_positions": 1500, "classifier_proj_size": 8},
}


def config(model_type: str, **changes: Any) -> Any:
    """Build the configuration of a small network, whatever its architecture calls the sizes."""
    full = hf.AutoConfig.for_model(model_type)
    settings = _small(full.to_dict())
    for name in full.sub_configs:
        part = getattr(full, name, None)
        if part is not None and name not in _OWN.get(model_type, {}):
            settings[name] = type(part)(**_small(part.to_dict()))
    return type(full)(**settings | _OWN.get(model_type, {}) | changes)


def _small(settings: dict[str, Any]) -> dict[str, Any]:
    ids = {name for name in settings if name.endswith("_token_id")}
    small = {name: size for name, size in _SIZES.items() if name in ids or settings.get(name) is not None}
    # one entry a layer: the class makes those that go with the number of layers
    small |= {name: None for name in ("layer_types", "mlp_layer_types") if settings.get(name) is not None}
    return small | (_CONV | _POSITIONS if "conv_stride" in settings else {})


def network(model_type: str, auto: Any, **changes: Any) -> Any:
    """Build a small network with large weights, so that a leak of padding changes its output."""
    hf.set_seed(0)
    model = auto.from_config(config(model_type, **changes), attn_implementation="eager").eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.mul_(4)
    return model


def tokenizer(*, padded: bool = True) -> Any:
    """Build a tokenizer of whole words, with a first and a last token, and with or without a padding token."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    words = ["[UNK]", "[PAD]", "[CLS]", "[SEP]", "[MASK]", *tiny.WORDS]
    made = Tokenizer(models.WordLevel({word: index for index, word in enumerate(words)}, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    special = [("[CLS]", 2), ("[SEP]", 3)]
    made.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=special)
    named = {"unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]", "eos_token": "[SEP]"}
    named |= {"pad_token": "[PAD]"} if padded else {}
    return hf.PreTrainedTokenizerFast(tokenizer_object=made, **named)


def extractor(model_type: str) -> Any:
    """Build the feature extractor of an architecture."""
    if model_type == "audio-spectrogram-transformer":
        return hf.ASTFeatureExtractor(max_length=128)
    if model_type.startswith("clap"):
        return hf.ClapFeatureExtractor(truncation="rand_trunc", padding="repeatpad")
    if model_type == "speech_to_text":
        return hf.Speech2TextFeatureExtractor()
    if model_type == "speecht5":
        return hf.SpeechT5FeatureExtractor()
    if model_type == "wav2vec2-bert":
        return hf.SeamlessM4TFeatureExtractor(stride=2, padding_value=1)
    return hf.WhisperFeatureExtractor() if model_type == "whisper" else hf.Wav2Vec2FeatureExtractor()


def save(model: Any, processor: Any, folder: Path) -> str:
    """Write a checkpoint, and return its folder."""
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return str(folder)
