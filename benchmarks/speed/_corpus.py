"""Write corpora of IEMOCAP's lengths, and checkpoints of real architectures with random weights."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import NormalDist

import numpy as np
import soundfile

from featurestore.manifest import Utterance, to_csv
from featurestore.storage import feature_writer
from featurestore.storage.feature_writer import encode_text
from featurestore.storage.schema import Header
from featurestore.store import CORPUS, MANIFEST, Store

RATE = 16_000
# IEMOCAP's 5,531 four-class turns (facts of the corpus): mean 4.55 s, median 3.58 s, 0.58 to 34.14 s.
MEDIAN, MEAN, SHORTEST, LONGEST = 3.58, 4.55, 0.58, 34.14
# Transcripts have 17 tokens on average, including two special ones; one word is one token here.
WORDS_MEDIAN, WORDS_MEAN, MOST_WORDS = 11.0, 15.0, 100
VOCABULARY = 4000


def lengths(count: int, seed: int = 0) -> np.ndarray:
    """Draw the seconds of `count` clips: lognormal with IEMOCAP's mean and median, clipped to its range."""
    return _lognormal(count, MEDIAN, MEAN, seed).clip(SHORTEST, LONGEST)


def transcripts(count: int, seed: int = 0) -> list[str]:
    """Draw texts of made-up words, as long as IEMOCAP's."""
    random = np.random.default_rng(seed + 1)
    words = _lognormal(count, WORDS_MEDIAN, WORDS_MEAN, seed).round().clip(1, MOST_WORDS).astype(int)
    return [" ".join(f"w{word}" for word in random.integers(0, VOCABULARY, number)) for number in words]


def write_clips(folder: Path, seconds: Sequence[float], seed: int = 0) -> list[Utterance]:
    """Write 16-bit clips of noise and a tone, and return their rows."""
    random = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for index, length in enumerate(seconds):
        samples = int(length * RATE)
        tone = np.sin(2 * np.pi * random.uniform(100, 300) / RATE * np.arange(samples, dtype=np.float32))
        clip = (0.3 * tone + 0.05 * random.standard_normal(samples)).astype(np.float32)
        soundfile.write(folder / f"{index:05d}.wav", clip, RATE, subtype="PCM_16")
        rows.append(Utterance(f"u{index:05d}", f"{index:05d}.wav", duration=samples / RATE))
    return rows


def write_store(path: Path, rows: Sequence[Utterance], root: Path) -> Store:
    """Write a prepared store."""
    path.mkdir(parents=True)
    (path / MANIFEST).write_text(to_csv(rows), "utf-8")
    (path / CORPUS).write_text(json.dumps({"corpus": "table", "root": str(root)}), "utf-8")
    return Store(path)


def write_features(store: Store, encoder: str, columns: Mapping[str, np.ndarray]) -> None:
    """Write the feature file of an encoder that was not fine-tuned, `text` or `audio`, with all utterances."""
    header = Header(encoder, encoder, {"class": "none"}, "0" * 64, manifest=store.manifest_digest)
    empty = encode_text([])
    texts = {"id": encode_text([row.id for row in store.utterances]), "failed/id": empty, "failed/reason": empty}
    feature_writer.write(store.path / f"{encoder}.h5", {**texts, **columns}, header)


def write_audio_encoder(folder: Path, tiny: bool = False, width: int = 32) -> Path:
    """Write an untrained wav2vec2-base (the configuration's defaults), or a tiny one."""
    import transformers as hf

    small = {
        "hidden_size": width,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 64,
        "conv_dim": (16, 16, 16),
        "conv_kernel": (10, 8, 4),
        "conv_stride": (5, 8, 8),
        "num_conv_pos_embeddings": 8,
        "num_conv_pos_embedding_groups": 2,
    }
    hf.set_seed(0)
    hf.Wav2Vec2Model(hf.Wav2Vec2Config(**(small if tiny else {}))).save_pretrained(folder)
    hf.Wav2Vec2FeatureExtractor(do_normalize=True).save_pretrained(folder)
    return folder


SMALL, LARGE = (768, 6, 12, 3072), (1024, 24, 16, 4096)  # width, layers, attention heads, inner width


def write_text_encoder(folder: Path, tiny: bool = False, size: tuple[int, int, int, int] = SMALL) -> Path:
    """Write an untrained deberta-v3, by default small, with a vocabulary of 4,000 words instead of 128,100.

    Embedding a token is a look-up, so the vocabulary changes memory, not speed.
    """
    import transformers as hf

    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    words = [*((word, 0.0) for word in special), *((f"▁w{index}", -9.0) for index in range(VOCABULARY))]
    tokenizer = hf.DebertaV2Tokenizer(vocab=words, unk_id=1)
    size = (32, 1, 2, 64) if tiny else size
    config = hf.DebertaV2Config(
        **dict(
            zip(("hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size"), size, strict=True)
        ),
        vocab_size=len(tokenizer),
        relative_attention=True,
        position_buckets=256,
        norm_rel_ebd="layer_norm",
        share_att_key=True,
        pos_att_type=["p2c", "c2p"],
        position_biased_input=False,
        type_vocab_size=0,
    )
    hf.set_seed(0)
    hf.DebertaV2Model(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def _lognormal(count: int, median: float, mean: float, seed: int) -> np.ndarray:
    """Return evenly spaced quantiles in a seeded order, so that a small sample has the distribution's mean and tail."""
    normal = NormalDist(np.log(median), np.sqrt(2 * np.log(mean / median)))
    quantiles = np.exp([normal.inv_cdf((index + 0.5) / count) for index in range(count)])
    return np.random.default_rng(seed).permutation(quantiles)
