"""Class weights and smoothed labels, against plain numpy."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
import transformers as hf

from featurestore.finetuning.finetune import finetune
from featurestore.finetuning.options.settings import AS_PUBLISHED
from featurestore.finetuning.training.class_loss import ClassLoss, make_class_loss
from tests.featurestore.finetuning.texts import arguments, corpus, weights
from tests.support import tiny

LOGITS = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
LABELS = np.array([0, 2, 2, 1, 0])


def compute_losses(logits, labels, class_weights, smoothing):
    """Compute the loss of each clip by its definition."""
    logarithms = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    own = class_weights[labels] * logarithms[np.arange(len(labels)), labels]
    return -(1 - smoothing) * own - smoothing / logits.shape[1] * (logarithms * class_weights).sum(1)


@pytest.mark.parametrize("class_weights", [None, [0.5, 2.0, 1.0]])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_the_loss_is_its_definition(class_weights, smoothing):
    loss = ClassLoss(None if class_weights is None else torch.tensor(class_weights), smoothing)
    expected = compute_losses(LOGITS, LABELS, np.array(class_weights or [1.0] * 3), smoothing).sum()
    assert loss.compute_sum(torch.tensor(LOGITS), torch.tensor(LABELS)).item() == pytest.approx(expected, rel=1e-5)
    assert loss.is_plain() == (class_weights is None and not smoothing)


def test_balanced_weights_are_n_by_classes_and_their_counts():
    targets = [0] * 6 + [1] * 3 + [2]
    loss = make_class_loss("balanced", 0.0, targets, 3)
    assert loss.weights.tolist() == pytest.approx([10 / 18, 10 / 9, 10 / 3])
    assert np.mean([loss.weights[target] for target in targets]) == pytest.approx(1)
    assert loss.describe_weights({0: "joy", 1: "fear", 2: "anger"}) == "joy 0.556, fear 1.11, anger 3.33"


def test_a_class_without_training_utterances_has_weight_one():
    assert make_class_loss("balanced", 0.0, [0, 0, 0, 2], 3).weights.tolist() == pytest.approx([4 / 6, 1, 2])


def test_without_options_the_loss_is_plain():
    assert make_class_loss("none", 0.0, [0, 1], 2) == ClassLoss()


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    """Write a network without dropout."""
    folder = tiny.checkpoint("bert", tmp_path_factory.mktemp("loss") / "start")
    path = folder / "config.json"
    changes = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | changes), "utf-8")
    return folder.parent


def tune(start, out, **changes):
    # a large epsilon, because AdamW would turn rounding errors of gradients of 0 into steps
    common = {"epochs": 2, "learning_rate": 1e-2, "epsilon": 1e-2, "batch_size": 8, "micro_batch": 8}
    settings = replace(AS_PUBLISHED, **common | changes)
    given = {"train_ids": [row.id for row in corpus()[:32] if row.label == "sad" or row.id < "u10"]}  # 5 hap, 16 sad
    lines = []
    return finetune(**arguments(start, out=out, settings=settings, say=lines.append, **given)), lines


WEIGHED = {"class_weights": "balanced", "label_smoothing": 0.1}


def test_accumulated_parts_have_the_gradient_of_the_batch(start, tmp_path):
    whole, lines = tune(start, tmp_path / "whole", **WEIGHED)
    parts, _ = tune(start, tmp_path / "parts", **WEIGHED, micro_batch=3)
    plain, _ = tune(start, tmp_path / "plain")
    assert "class weights: hap 2.1, sad 0.656" in lines
    one, other, without = (weights(result.folder) for result in (whole, parts, plain))
    assert max((one[name] - other[name]).abs().max().item() for name in one) < 1e-5
    assert max((one[name] - without[name]).abs().max().item() for name in one) > 1e-3
    assert whole.record["settings"]["class_weights"] == "balanced"
    assert whole.record["settings"]["label_smoothing"] == 0.1
    assert not {"class_weights", "label_smoothing"} & plain.record["settings"].keys()


def test_the_loss_of_what_is_held_out_has_no_weights(start, tmp_path):
    result, _ = tune(start, tmp_path / "tuned", **WEIGHED)
    model = hf.AutoModelForSequenceClassification.from_pretrained(result.folder).eval()
    tokenizer = hf.AutoTokenizer.from_pretrained(result.folder)
    rows = corpus()[32:]
    with torch.no_grad():
        logits = [model(**tokenizer(row.text, return_tensors="pt")).logits[0].numpy() for row in rows]
    labels = np.array([["hap", "sad"].index(row.label) for row in rows])
    expected = compute_losses(np.stack(logits), labels, np.ones(2), 0.0).mean()
    assert result.record["history"][-1]["held_out_loss"] == pytest.approx(expected, rel=1e-5)
