"""Write small random checkpoints of real architectures, clips, and stores to encode."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import soundfile

from featurestore.item import Item
from featurestore.manifest import Utterance, to_csv
from featurestore.store import Store

if TYPE_CHECKING:
    from transformers import PretrainedConfig

_WAVE = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "conv_dim": (8, 8, 8),
    "conv_kernel": (10, 8, 4),
    "conv_stride": (5, 8, 8),
    "num_conv_pos_embeddings": 8,
    "num_conv_pos_embedding_groups": 2,
    "classifier_proj_size": 8,
}
STABLE = {"feat_extract_norm": "layer", "do_stable_layer_norm": True, "conv_bias": True}
_TEXT = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
_DEBERTA = {
    **_TEXT,
    "relative_attention": True,
    "position_buckets": 8,
    "norm_rel_ebd": "layer_norm",
    "share_att_key": True,
    "pos_att_type": ["p2c", "c2p"],
    "position_biased_input": False,
    "type_vocab_size": 0,
}
_WHISPER = {
    "d_model": 16,
    "encoder_layers": 2,
    "decoder_layers": 1,
    "encoder_attention_heads": 2,
    "decoder_attention_heads": 2,
    "encoder_ffn_dim": 32,
    "decoder_ffn_dim": 32,
    "classifier_proj_size": 8,
}

# family: (class of the configuration, its settings)
AUDIO = {
    "wav2vec2-group": ("Wav2Vec2Config", _WAVE),
    "wav2vec2-layer": ("Wav2Vec2Config", _WAVE | STABLE),
    "hubert": ("HubertConfig", _WAVE),
    "wavlm": ("WavLMConfig", _WAVE),
    "whisper": ("WhisperConfig", _WHISPER),
}
TEXT = {
    "deberta-v2": ("DebertaV2Config", _DEBERTA),
    "bert": ("BertConfig", _TEXT),
    "roberta": ("RobertaConfig", _TEXT | {"pad_token_id": 1}),
}
FAMILIES = {**AUDIO, **TEXT}
WORDS = [
    "the",
    "a",
    "we",
    "you",
    "never",
    "always",
    "saw",
    "told",
    "lost",
    "found",
    "my",
    "your",
    "dog",
    "money",
    "letter",
    "sister",
    "job",
    "house",
    "again",
    "today",
]


def config(family: str, **changes: object) -> "PretrainedConfig":
    """Build the configuration of a family's tiny network."""
    import transformers as hf

    name, settings = FAMILIES[family]
    return getattr(hf, name)(**settings | changes)


def checkpoint(family: str, folder: Path, classes: tuple[str, ...] = (), seed: int = 0) -> Path:
    """Write an untrained checkpoint, a classifier if there are classes."""
    import transformers as hf

    extra = {"num_labels": len(classes), "id2label": dict(enumerate(classes))} if classes else {}
    if family in TEXT:
        tokenizer = _tokenizer(family)
        tokenizer.save_pretrained(folder)
        extra["vocab_size"] = len(tokenizer)
    elif family == "whisper":
        hf.WhisperFeatureExtractor(feature_size=80).save_pretrained(folder)
    else:
        hf.Wav2Vec2FeatureExtractor(do_normalize=True).save_pretrained(folder)
    hf.set_seed(seed)
    auto = hf.AutoModel if not classes else _classifier(family)
    auto.from_config(config(family, **extra)).save_pretrained(folder)
    return folder


def ctc_checkpoint(family: str, folder: Path, letters: str = "'EHILNOSTW", **changes: object) -> Path:
    """Write an untrained CTC checkpoint with the tokenizer of a few letters."""
    import transformers as hf

    symbols = ["<pad>", "<s>", "</s>", "<unk>", "|", *letters]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.json").write_text(json.dumps({symbol: number for number, symbol in enumerate(symbols)}), "utf-8")
    hf.Wav2Vec2CTCTokenizer(str(folder / "vocab.json")).save_pretrained(folder)
    hf.Wav2Vec2FeatureExtractor(do_normalize=True, return_attention_mask=True).save_pretrained(folder)
    hf.set_seed(0)
    settings = config(family, vocab_size=len(symbols), pad_token_id=0, **changes)
    hf.AutoModelForCTC.from_config(settings).save_pretrained(folder)
    return folder


def clip(path: Path, seconds: float, seed: int, rate: int = 16_000) -> Path:
    """Write a clip of noise and a tone."""
    random = np.random.default_rng(seed)
    time = np.arange(int(seconds * rate)) / rate
    samples = 0.3 * np.sin(2 * np.pi * (100 + 20 * seed) * time) + 0.05 * random.standard_normal(len(time))
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples.astype(np.float32), rate, subtype="PCM_16")
    return path


def utterances(count: int, root: Path, seed: int = 0) -> list[Utterance]:
    """Write clips of different lengths and return their rows."""
    random = np.random.default_rng(seed)
    rows = []
    for index in range(count):
        seconds = round(float(random.uniform(0.3, 1.2)), 3)
        clip(root / f"clip{index:03d}.wav", seconds, index)
        text = " ".join(random.choice(WORDS, random.integers(2, 12)))
        label, speaker = ("ang", "sad", "neu")[index % 3], f"S{index % 4}"
        rows.append(
            Utterance(
                f"u{index:03d}", f"clip{index:03d}.wav", text, label, speaker, session=str(index % 2), duration=seconds
            )
        )
    return rows


def mixed_items(root: Path) -> list[Item]:
    """Write five clips of different lengths and pair them with texts. Item 1 is the shortest, item 2 the longest."""
    texts = ("you never saw my dog", "we", "the money the money again today", "a letter found", "i lost my job")
    seconds = (0.8, 0.3, 1.3, 0.5, 0.31)
    clips = [clip(root / f"{index}.wav", length, index) for index, length in enumerate(seconds)]
    return [Item(f"u{index}", path, text) for index, (path, text) in enumerate(zip(clips, texts, strict=True))]


def items(rows: list[Utterance], root: Path) -> list[Item]:
    """Return an encoder's input of each row."""
    return [Item(row.id, root / row.audio if row.audio else None, row.text) for row in rows]


def store(path: Path, rows: list[Utterance], root: Path, corpus: str = "table") -> Store:
    """Write a prepared store."""
    path.mkdir(parents=True, exist_ok=True)
    (path / "utterances.csv").write_text(to_csv(rows), "utf-8")
    (path / "corpus.json").write_text(json.dumps({"corpus": corpus, "root": str(root)}), "utf-8")
    return Store(path)


def _classifier(family: str) -> object:
    import transformers as hf

    return hf.AutoModelForSequenceClassification if family in TEXT else hf.AutoModelForAudioClassification


def _tokenizer(family: str) -> object:
    import transformers as hf

    if family == "deberta-v2":
        special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
        vocabulary = [*((word, 0.0) for word in special), *((f"▁{word}", -1.0) for word in WORDS)]
        return hf.DebertaV2Tokenizer(vocab=vocabulary, unk_id=1)
    if family == "bert":
        words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]
        return hf.BertTokenizer(vocab={word: index for index, word in enumerate(words)})
    words = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", *"abcdefghijklmnopqrstuvwxyzĠ"]
    return hf.RobertaTokenizer(vocab={word: index for index, word in enumerate(words)}, merges=[])
