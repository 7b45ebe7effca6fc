"""Train tiny recognizers, CTC and Whisper, on a few spoken words, and write them as checkpoints with these clips."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr

from featurestore.corpora._demo_espeak import Espeak, Prosody
from featurestore.manifest import Utterance, to_csv
from featurestore.storage.feature_file import FeatureFile
from featurestore.storage.feature_writer import write
from featurestore.store import Store

RATE, SECONDS = 16_000, 2
TEXTS = ("yes", "no", "hello you", "see the moon", "go home now", "all is well")
LABELS = ("ang", "sad", "neu")
_SYMBOLS = ["<pad>", "<s>", "</s>", "<unk>", "|", *sorted(set("".join(TEXTS).upper()) - {" "})]
_LANGUAGES = ("<|en|>", "<|de|>")
_CTC = {
    "hidden_size": 48,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 96,
    "conv_dim": (24, 48, 48),
    "conv_kernel": (20, 16, 8),
    "conv_stride": (10, 8, 4),
    "num_conv_pos_embeddings": 8,
    "num_conv_pos_embedding_groups": 2,
    "vocab_size": len(_SYMBOLS),
    "pad_token_id": 0,
    "feat_extract_norm": "layer",
    "ctc_loss_reduction": "mean",
    "mask_time_prob": 0.0,
    "hidden_dropout": 0.0,
    "attention_dropout": 0.0,
    "feat_proj_dropout": 0.0,
    "final_dropout": 0.0,
    "layerdrop": 0.0,
    "activation_dropout": 0.0,
}
_WHISPER = {
    "d_model": 48,
    "encoder_layers": 1,
    "decoder_layers": 1,
    "encoder_attention_heads": 2,
    "decoder_attention_heads": 2,
    "encoder_ffn_dim": 96,
    "decoder_ffn_dim": 96,
    "num_mel_bins": 40,
    "max_source_positions": SECONDS * 50,
    "max_target_positions": 32,
}


def speak(folder: Path) -> dict[str, np.ndarray]:
    """Speak the texts into WAV files of a folder, and return their samples (S,) by text."""
    folder.mkdir(parents=True, exist_ok=True)
    voice, waves = Espeak(), {}
    for number, text in enumerate(TEXTS):
        spoken = voice.say(text, "en-us", Prosody(rate=160, pitch=50, range=50, volume=100))
        path = folder / f"clip{number}.wav"
        samples = np.rint(soxr.resample(spoken.astype(np.float32), voice.rate, RATE)).astype(np.int16)
        soundfile.write(path, samples, RATE, subtype="PCM_16")
        waves[text] = soundfile.read(path, dtype="float32")[0]
    return waves


def make_store(folder: Path, clips: Path, texts: tuple[str, ...] = TEXTS, copies: int = 1) -> Store:
    """Make a store of the spoken clips, with these words in its manifest; each clip stands there several times."""
    rows = [
        Utterance(f"u{copy}{number}", f"clip{number}.wav", text, LABELS[number % 3], f"S{number % 2}", duration=1.0)
        for copy in range(copies)
        for number, text in enumerate(texts)
    ]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "utterances.csv").write_text(to_csv(rows), "utf-8")
    info = {"corpus": "spoken", "version": "1", "root": str(clips), "source": str(clips), "utterances": len(rows)}
    (folder / "corpus.json").write_text(json.dumps(info), "utf-8")
    return Store(folder)


def train_ctc(folder: Path, waves: dict[str, np.ndarray], steps: int = 120) -> Path:
    """Train a tiny wav2vec2 to spell the texts, and save it as a checkpoint."""
    import torch
    import transformers as hf

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.json").write_text(json.dumps({one: number for number, one in enumerate(_SYMBOLS)}), "utf-8")
    tokenizer = hf.Wav2Vec2CTCTokenizer(str(folder / "vocab.json"))
    extractor = hf.Wav2Vec2FeatureExtractor(do_normalize=True, return_attention_mask=True)
    tokenizer.save_pretrained(folder)
    extractor.save_pretrained(folder)
    hf.set_seed(0)
    model = hf.Wav2Vec2ForCTC(hf.Wav2Vec2Config(**_CTC))
    batch = extractor(list(waves.values()), sampling_rate=RATE, padding=True, return_tensors="pt")
    labels = _pad([tokenizer(text.upper())["input_ids"] for text in waves])
    _train(model, {**batch, "labels": torch.tensor(labels)}, steps, 3e-3)
    model.save_pretrained(folder)
    return folder


def train_whisper(folder: Path, waves: dict[str, np.ndarray], steps: int = 120) -> Path:
    """Train a tiny Whisper with windows of 2 s to write down the texts, in English, and save it as a checkpoint."""
    import torch
    import transformers as hf

    tokenizer, numbers = _make_tokenizer(folder)
    extractor = hf.WhisperFeatureExtractor(feature_size=40, chunk_length=SECONDS)
    extractor.save_pretrained(folder)
    hf.set_seed(0)
    end, start = numbers["<|endoftext|>"], numbers["<|startoftranscript|>"]
    shared = {"pad_token_id": end, "bos_token_id": end, "eos_token_id": end, "decoder_start_token_id": start}
    shared |= {"suppress_tokens": [], "begin_suppress_tokens": [end]}
    model = hf.WhisperForConditionalGeneration(hf.WhisperConfig(**_WHISPER, vocab_size=len(tokenizer), **shared))
    model.generation_config = hf.GenerationConfig(
        lang_to_id={one: numbers[one] for one in _LANGUAGES},
        task_to_id={one: numbers[f"<|{one}|>"] for one in ("transcribe", "translate")},
        is_multilingual=True,
        max_length=32,
        no_timestamps_token_id=numbers["<|notimestamps|>"],
        prev_sot_token_id=numbers["<|startofprev|>"],
        return_timestamps=False,
        **shared,
    )
    prompt = [numbers[one] for one in ("<|en|>", "<|transcribe|>", "<|notimestamps|>")]
    labels = _pad([[*prompt, *tokenizer(f" {text}", add_special_tokens=False)["input_ids"], end] for text in waves])
    features = extractor(list(waves.values()), sampling_rate=RATE, return_tensors="pt")["input_features"]
    _train(model, {"input_features": features, "labels": torch.tensor(labels)}, steps, 3e-3)
    model.save_pretrained(folder)
    return folder


def _make_tokenizer(folder: Path) -> tuple[Any, dict[str, int]]:
    """Save a tokenizer of bytes, with Whisper's special tokens, and return it with their numbers."""
    import transformers as hf
    from tokenizers import pre_tokenizers

    special = ["<|endoftext|>", "<|startoftranscript|>", *_LANGUAGES, "<|translate|>", "<|transcribe|>"]
    special += ["<|startoflm|>", "<|startofprev|>", "<|nospeech|>", "<|notimestamps|>"]
    folder.mkdir(parents=True, exist_ok=True)
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    (folder / "vocab.json").write_text(json.dumps({one: number for number, one in enumerate(letters)}), "utf-8")
    (folder / "merges.txt").write_text("#version: 0.2\n", "utf-8")
    tokenizer = hf.WhisperTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"))
    tokenizer.add_special_tokens({"additional_special_tokens": special})
    tokenizer.save_pretrained(folder)
    return tokenizer, {one: tokenizer.convert_tokens_to_ids(one) for one in special}


def _pad(rows: list[list[int]]) -> list[list[int]]:
    longest = max(map(len, rows))
    return [row + [-100] * (longest - len(row)) for row in rows]


def _train(model: Any, batch: dict[str, Any], steps: int, rate: float) -> None:
    import torch

    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate)
    for _ in range(steps):
        loss = model(**batch).loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    model.eval()


@dataclass(frozen=True)
class Trained:
    """Checkpoints that write down `TEXTS`, and the folder with the clips in which they are spoken."""

    clips: Path
    ctc: Path
    whisper: Path


def train_both(folder: Path) -> Trained:
    """Speak the texts, and train both recognizers on them."""
    waves = speak(folder / "clips")
    return Trained(folder / "clips", train_ctc(folder / "ctc", waves), train_whisper(folder / "whisper", waves))


def read_clip(clips: Path, number: int) -> np.ndarray:
    """Read the samples (S,) of one of the spoken texts."""
    return soundfile.read(clips / f"clip{number}.wav", dtype="float32")[0]


def rewrite(store: Store, name: str, texts: dict[str, str]) -> None:
    """Write a transcript again with other words for some utterances, as another recognition of them would."""
    path = store.path / "transcripts" / f"{name}.h5"
    file = FeatureFile(path)
    columns = {one: np.array(file[one]) for one in file.names if not one.startswith(("text/", "confidence/", "times/"))}
    words = [texts.get(one, file.frames(row, "text").tobytes().decode("utf-8")) for row, one in enumerate(file.ids)]
    encoded = [np.frombuffer(text.encode("utf-8"), np.uint8) for text in words]
    counts = [len(text.split()) for text in words]
    columns |= {"text/value": np.concatenate(encoded), "text/offset": np.cumsum([0, *map(len, encoded)])}
    columns |= {"confidence/value": np.ones(sum(counts), np.float32), "confidence/offset": np.cumsum([0, *counts])}
    columns |= {"times/value": np.zeros((sum(counts), 2), np.float32), "times/offset": np.cumsum([0, *counts])}
    write(path, columns, replace(file.header, digests={}))
