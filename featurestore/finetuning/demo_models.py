"""Write the demo's two starting checkpoints: small untrained networks of real architectures."""

import io
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from featurestore.finetuning.network.silence import silence_transformers
from featurestore.finetuning.options.settings import AS_PUBLISHED

SEED = 0
# Settings of the demo's training. Random weights need a larger learning rate than a pretrained network.
SETTINGS = {
    "audio": replace(
        AS_PUBLISHED,
        epochs=9,
        learning_rate=2e-3,
        warmup_steps=50,
        batch_size=16,
        micro_batch=16,
        weight_decay=0.1,
        freeze_front=False,
    ),
    "text": replace(AS_PUBLISHED, epochs=7, learning_rate=1e-3, warmup_steps=20, batch_size=32, micro_batch=32),
}
INITIAL = 0.1  # standard deviation of the first weights; at the usual 0.02 so narrow a network hardly learns
VOCABULARY = 400


def write_audio(folder: Path) -> None:
    """Write a small untrained Wav2Vec2 (group norm, 50 frames per second) with its feature extractor."""
    import transformers as hf

    config = hf.Wav2Vec2Config(
        hidden_size=64,
        num_hidden_layers=1,
        num_attention_heads=4,
        intermediate_size=128,
        conv_dim=(24, 24, 32, 32),
        conv_kernel=(16, 10, 8, 4),
        conv_stride=(8, 5, 4, 2),
        num_conv_pos_embeddings=16,
        num_conv_pos_embedding_groups=4,
        classifier_proj_size=64,
        feat_extract_norm="group",
        do_stable_layer_norm=True,  # learns faster from scratch than with the norm after each layer
        initializer_range=INITIAL,
        hidden_dropout=0.3,
        feat_proj_dropout=0.2,
        attention_dropout=0.0,
        activation_dropout=0.0,
        final_dropout=0.0,
        layerdrop=0.0,
        mask_time_prob=0.0,
        vocab_size=32,
    )
    _write(hf.Wav2Vec2Model, config, folder)
    hf.Wav2Vec2FeatureExtractor(do_normalize=True, return_attention_mask=True).save_pretrained(folder)


def write_text(folder: Path, texts: Iterable[str]) -> None:
    """Write a small untrained DeBERTa-v2 with a Unigram tokenizer that has seen only these texts."""
    import transformers as hf

    tokenizer = _train_tokenizer(sorted(texts))
    config = hf.DebertaV2Config(
        vocab_size=len(tokenizer),
        hidden_size=64,
        initializer_range=INITIAL,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=128,
        max_position_embeddings=128,
        relative_attention=True,
        position_buckets=16,
        norm_rel_ebd="layer_norm",
        share_att_key=True,
        pos_att_type=["p2c", "c2p"],
        position_biased_input=False,
        type_vocab_size=0,
        pad_token_id=tokenizer.pad_token_id,
    )
    _write(hf.DebertaV2Model, config, folder)
    tokenizer.save_pretrained(folder)


def _write(model: Any, config: Any, folder: Path) -> None:
    import transformers as hf

    hf.set_seed(SEED)
    with silence_transformers():
        model(config).save_pretrained(folder)


def _train_tokenizer(texts: Sequence[str]) -> Any:
    """Train a DeBERTa tokenizer with SentencePiece, which learns the same pieces every time on one thread."""
    import sentencepiece
    import transformers as hf

    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts),
        model_writer=model,
        model_type="unigram",
        vocab_size=VOCABULARY,
        hard_vocab_limit=False,
        normalization_rule_name="identity",
        num_threads=1,
        minloglevel=2,
    )
    learned = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    pieces = [(learned.id_to_piece(index), learned.get_score(index)) for index in range(3, learned.get_piece_size())]
    special = [(name, 0.0) for name in ("[PAD]", "[CLS]", "[SEP]", "[UNK]")]
    return hf.DebertaV2Tokenizer(vocab=[*special, *pieces, ("[MASK]", 0.0)], model_max_length=128)
