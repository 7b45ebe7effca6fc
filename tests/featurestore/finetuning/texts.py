"""A small corpus of texts that a small network learns, and the arguments to fine-tune on it."""

from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import load_file

from featurestore.finetuning.options.settings import AS_PUBLISHED
from featurestore.manifest import Utterance
from tests.support import tiny

SETTINGS = replace(AS_PUBLISHED, epochs=3, learning_rate=3e-3, batch_size=8, micro_batch=8)
PROVENANCE = {"corpus": "made-up", "manifest": "0" * 64, "labels": "all", "protocol": "holdout", "fold": "0"}
WORDS = {"hap": "what a lovely day we have", "sad": "I cried all night alone"}
REST = ("at home", "in town", "again", "with you today", "")


def corpus(count=40):
    labels = sorted(WORDS)
    return [
        Utterance(f"u{i:02d}", text=f"{WORDS[labels[i % 2]]} {REST[i % 5]} {i}".strip(), label=labels[i % 2])
        for i in range(count)
    ]


def arguments(folder, **changes):
    utterances = changes.pop("utterances", None) or corpus()
    given = {
        "items": tiny.items(utterances, folder),
        "classes": {utterance.id: utterance.label for utterance in utterances},
        "train_ids": [utterance.id for utterance in utterances[:32]],
        "held_out_ids": [utterance.id for utterance in utterances[32:]],
        "modality": "text",
        "checkpoint": str(folder / "start"),
        "out": folder / "tuned",
        "settings": SETTINGS,
        "provenance": PROVENANCE,
        "say": lambda line: None,
    }
    return {**given, **changes}


def weights(folder):
    return load_file(Path(folder) / "model.safetensors")


def assert_same_weights(one, other):
    first, second = weights(one), weights(other)
    assert first.keys() == second.keys()
    for name, tensor in first.items():
        assert torch.equal(tensor, second[name]), name
