"""Descriptions of encoders, which are part of every cache key and so must not change."""

import json

import pytest

from featurestore import encoders
from featurestore.spec import EncoderSpec
from tests.support import architectures, tiny

pytestmark = pytest.mark.filterwarnings("ignore:At least one mel filter has all zero values")

USUAL = {
    "class": "hf-audio",
    "dtype": "float32",
    "model_type": "wav2vec2",
    "attention": "sdpa",
    "pooling": "mean and population standard deviation over true frames, accumulated in float64",
    "rate": 50.0,
    "preprocessing": {
        "sampling_rate": 16_000,
        "channels": "mixed down to one",
        "resampling": "soxr HQ",
        "normalised": "each clip over its own samples",
    },
}
TOKENS = "; a frame is a token, special tokens included"
USUAL_TEXT = USUAL | {
    "class": "hf-text",
    "model_type": "bert",
    "pooling": USUAL["pooling"] + TOKENS,
    "rate": None,
    "preprocessing": {"tokenizer": "the checkpoint's own", "truncation": "none: a longer text fails"},
}


@pytest.mark.parametrize(
    ("family", "expected"),
    [
        ("wav2vec2-group", USUAL),
        ("hubert", USUAL | {"model_type": "hubert"}),
        ("wavlm", USUAL | {"model_type": "wavlm", "attention": "eager"}),
        (
            "whisper",
            USUAL | {"model_type": "whisper", "preprocessing": USUAL["preprocessing"] | {"normalised": "no"}},
        ),
        ("bert", USUAL_TEXT),
        ("roberta", USUAL_TEXT | {"model_type": "roberta"}),
        ("deberta-v2", USUAL_TEXT | {"model_type": "deberta-v2", "attention": "eager"}),
    ],
)
def test_vectors_stored_by_earlier_versions_are_found_again(family, expected, tmp_path):
    """The description is part of every cache key: another word, and all utterances are encoded again."""
    path = tiny.checkpoint(family, tmp_path)
    found = dict(encoders.identify(EncoderSpec("", str(path))).description)
    for changing in ("checkpoint", "revision", "weights", "files"):
        found.pop(changing)
    assert found == expected | ({} if expected["rate"] is None else {"rate": found["rate"]})


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("audio-spectrogram-transformer", {"padding": "to 128 frames of the spectrum; a longer clip fails"}),
        ("clap_audio_model", {"padding": "a clip shorter than 10 s is repeated (repeatpad); a longer clip fails"}),
        ("data2vec-audio", {"batches": "one clip at a time"}),
        ("sew", {"batches": "one clip at a time"}),
        ("wav2vec2-bert", {"normalised": "each mel bin over its own clip"}),
    ],
)
def test_the_description_covers_how_a_clip_is_padded(name, says, tmp_path):
    (tmp_path / "model.safetensors").touch()
    (tmp_path / "config.json").write_text(json.dumps(architectures.config(name).to_dict(), default=str))
    architectures.extractor(name).save_pretrained(tmp_path)
    description = encoders.identify(EncoderSpec("", str(tmp_path))).description
    assert says.items() <= description["preprocessing"].items()
    assert ("true frames" in description["pooling"]) == (not name.startswith("clap"))
