"""Every supported architecture that has a classifier can be fine-tuned. Others are refused by name."""

import json
from dataclasses import replace

import numpy as np
import pytest
import transformers as hf
from scipy.special import logsumexp
from transformers.models.auto import modeling_auto

from featurestore import encoders
from featurestore.errors import BadValue
from featurestore.finetuning.finetune import finetune
from featurestore.finetuning.settings import AS_PUBLISHED
from featurestore.manifest import Utterance
from featurestore.networks.supported_architectures import AUDIO, TEXT
from featurestore.spec import EncoderSpec
from tests.support import architectures, tiny

TEXTS = ("you lost my dog", "we", "the money the money again today", "a letter")
SECONDS = (0.5, 0.11, 0.73, 0.4)  # the second is shorter than a mask of SpecAugment
MODALITIES = {"audio": AUDIO, "text": TEXT}
CASES = [(modality, name) for modality, known in MODALITIES.items() for name in known if name in hf.CONFIG_MAPPING]

pytestmark = pytest.mark.filterwarnings("ignore:At least one mel filter has all zero values")


def has_classifier(modality, name):
    mapping = {"audio": "AUDIO", "text": "SEQUENCE"}[modality]
    return name in getattr(modeling_auto, f"MODEL_FOR_{mapping}_CLASSIFICATION_MAPPING_NAMES")


@pytest.fixture(scope="module")
def utterances(tmp_path_factory):
    root = tmp_path_factory.mktemp("clips")
    rows = []
    for number, (text, seconds) in enumerate(zip(TEXTS, SECONDS, strict=True)):
        tiny.clip(root / f"c{number}.wav", seconds, number)
        rows.append(Utterance(f"c{number}", f"c{number}.wav", text, ("joy", "anger")[number % 2]))
    return root, rows


def fine_tune(modality, name, utterances, folder, padded=True):
    root, rows = utterances
    auto = {
        "audio": (hf.AutoModelForAudioClassification, hf.AutoModel),
        "text": (hf.AutoModelForSequenceClassification, hf.AutoModel),
    }[modality][0 if has_classifier(modality, name) else 1]
    processor = architectures.extractor(name) if modality == "audio" else architectures.tokenizer(padded=padded)
    start = architectures.save(architectures.network(name, auto), processor, folder / "start")
    return finetune(
        items=tiny.items(rows, root),
        classes={row.id: row.label for row in rows},
        train_ids=[row.id for row in rows],
        held_out_ids=[row.id for row in rows[:2]],
        modality=modality,
        checkpoint=start,
        out=folder / "tuned",
        settings=replace(AS_PUBLISHED, epochs=1, batch_size=4, micro_batch=4),
        provenance={"corpus": "made-up", "labels": "all", "protocol": "holdout", "fold": "0", "manifest": "0" * 64},
        say=lambda line: None,
    )


@pytest.mark.parametrize(("modality", "name"), [case for case in CASES if has_classifier(*case)])
def test_an_architecture_with_a_classifier_is_fine_tuned(modality, name, utterances, tmp_path):
    record = fine_tune(modality, name, utterances, tmp_path).record
    assert record["history"][0]["accuracy"] in (0.0, 0.5, 1.0)
    assert record["left_out"] == {}


def encode(folder, modality, utterances, count):
    """Encode the first utterances one at a time, as an extraction does, and return their logits."""
    encoder = encoders.load(encoders.identify(EncoderSpec("", str(folder))), "cpu")
    items = tiny.items(utterances[1][:count], utterances[0])
    return np.stack([encoder.encode([encoder.load(item)], frozenset())[0]["logits"] for item in items])


UNBATCHABLE = [
    (modality, name)
    for modality, name in CASES
    if has_classifier(modality, name) and (modality == "audio" or not MODALITIES[modality][name].batchable)
]


@pytest.mark.parametrize(("modality", "name"), UNBATCHABLE)
def test_scores_in_training_are_those_of_the_logits_that_an_extraction_gives(modality, name, utterances, tmp_path):
    tuned = fine_tune(modality, name, utterances, tmp_path)
    logits = encode(tuned.folder, modality, utterances, 2)
    truth = [tuned.record["classes"].index(row.label) for row in utterances[1][:2]]
    losses = logsumexp(logits, axis=1) - logits[range(2), truth]
    assert tuned.record["history"][0]["held_out_loss"] == pytest.approx(losses.mean(), rel=1e-4)


@pytest.mark.parametrize(("modality", "name"), [case for case in CASES if not has_classifier(*case)][::6])
def test_an_architecture_without_a_classifier_is_refused_by_name(modality, name, utterances, tmp_path):
    with pytest.raises(BadValue, match=f"cannot be fine-tuned: transformers has no {modality} classifier for {name}"):
        fine_tune(modality, name, utterances, tmp_path)


@pytest.mark.parametrize("name", ["gpt2", "llama", "bert"])
def test_texts_are_padded_where_the_tokenizer_names_no_padding(name, utterances, tmp_path):
    folder = fine_tune("text", name, utterances, tmp_path, padded=False).folder
    assert json.loads((folder / "config.json").read_text("utf-8"))["pad_token_id"] is not None
