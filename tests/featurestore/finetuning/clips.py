"""A few clips, a tiny network and the arguments of a fine-tuning on them."""

from dataclasses import replace

from featurestore.finetuning.options.settings import AS_PUBLISHED
from featurestore.manifest import Utterance
from tests.support import tiny

SETTINGS = replace(AS_PUBLISHED, epochs=2, learning_rate=1e-3, batch_size=4, micro_batch=2, seed=1)


def write_corpus(root, seconds):
    """Write one clip of two alternating classes for each length."""
    rows = []
    for number, length in enumerate(seconds):
        tiny.clip(root / f"c{number}.wav", length, number)
        rows.append(Utterance(f"c{number}", f"c{number}.wav", "", ("joy", "anger")[number % 2], duration=length))
    return rows


def make_arguments(folder, checkpoint, seconds=(0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6), held_out=2, **changes):
    """Return the arguments of `finetune` on clips of these lengths, of which the last are held out."""
    rows = write_corpus(folder / "clips", seconds)
    ids = [row.id for row in rows]
    return {
        "items": tiny.items(rows, folder / "clips"),
        "classes": {row.id: row.label for row in rows},
        "train_ids": ids[: len(ids) - held_out],
        "held_out_ids": ids[len(ids) - held_out :],
        "modality": "audio",
        "checkpoint": str(checkpoint),
        "out": folder / "tuned",
        "settings": SETTINGS,
        "provenance": {"corpus": "made-up", "labels": "all", "protocol": "holdout", "fold": "0", "manifest": "0" * 64},
        "say": lambda line: None,
    } | changes
