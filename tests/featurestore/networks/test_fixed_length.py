"""Cut or pad inputs to one length without a mask, in fine-tuning and in extraction."""

import dataclasses

import numpy as np
import pytest
import torch
import transformers as hf

from featurestore import encoders
from featurestore.audio import decode
from featurestore.errors import BadValue
from featurestore.finetuning.finetune import finetune
from featurestore.finetuning.inputs.data import ClipPreparer
from featurestore.finetuning.options.settings import AS_PUBLISHED
from featurestore.item import Item
from featurestore.spec import EncoderSpec
from tests.support import tiny

SETTINGS = dataclasses.replace(AS_PUBLISHED, epochs=1, learning_rate=1e-3, batch_size=4, micro_batch=4)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return tmp_path_factory.mktemp("fixed")


@pytest.fixture(scope="module")
def rows(root):
    return tiny.utterances(8, root)


def fine_tune(root, rows, family, length):
    modality = "text" if family in tiny.TEXT else "audio"
    start = tiny.checkpoint(family, root / f"start-{family}")
    return finetune(
        items=tiny.items(rows, root),
        classes={row.id: row.label for row in rows},
        train_ids=[row.id for row in rows[:6]],
        held_out_ids=[row.id for row in rows[6:]],
        modality=modality,
        checkpoint=str(start),
        out=root / f"{family}-{length}",
        settings=dataclasses.replace(SETTINGS, fixed_length=length),
        provenance={"corpus": "made-up", "manifest": "", "labels": "all", "protocol": "holdout", "fold": "0"},
        say=lambda line: None,
    ).folder


def encode(folder, item, kinds):
    identity = encoders.identify(EncoderSpec("", str(folder)))
    encoder = encoders.load(identity, "cpu")
    return identity.description["preprocessing"], encoder.encode([encoder.load(item)], frozenset(kinds))[0]


def test_a_text_is_padded_and_its_padding_is_not_masked(root, rows):
    folder = fine_tune(root, rows, "deberta-v2", 24)
    described, found = encode(folder, Item("u", None, rows[0].text), ["frames"])
    assert described["fixed_length"] == 24
    assert described["padding"] == "not masked, as the encoder was tuned"
    tokenizer = hf.AutoTokenizer.from_pretrained(folder)
    tokens = tokenizer(rows[0].text, padding="max_length", max_length=24, return_tensors="pt")["input_ids"]
    model = hf.AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
    with torch.inference_mode():
        expected = model(input_ids=tokens, attention_mask=torch.ones_like(tokens)).last_hidden_state[0].numpy()
    assert found["frames"].shape == (24, 16)
    np.testing.assert_allclose(found["cls"], expected[0], atol=1e-5)


@pytest.mark.parametrize("length", [4_000, 30_000])
def test_a_clip_is_cut_or_padded_after_normalization(root, rows, length):
    folder = fine_tune(root, rows, "wav2vec2-group", length)
    described, found = encode(folder, Item("u", root / rows[0].audio, ""), ["frames"])
    assert described["fixed_length"] == length
    samples = decode.read(root / rows[0].audio, 16_000)
    normalized = (samples - samples.mean()) / np.sqrt(samples.var() + 1e-7)
    padded = np.zeros(length, np.float32)
    padded[: len(samples)] = normalized[:length]
    model = hf.AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
    with torch.inference_mode():
        expected = model(torch.from_numpy(padded)[None]).last_hidden_state[0].numpy()
    np.testing.assert_allclose(found["frames"], expected, atol=1e-4)


def test_without_a_fixed_length_the_description_has_none(root, rows):
    described, _ = encode(fine_tune(root, rows, "deberta-v2", 0), Item("u", None, "the dog"), [])
    assert "fixed_length" not in described


def test_an_encoder_that_reads_spectra_refuses_a_fixed_length(root):
    extractor = hf.WhisperFeatureExtractor(feature_size=80)
    with pytest.raises(BadValue, match="a whisper encoder reads spectra, which have no fixed length in samples"):
        ClipPreparer(extractor, hf.WhisperConfig(), fixed_length=100)
