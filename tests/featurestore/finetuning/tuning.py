"""Fine-tune a tiny network on a few texts, with a dev part, without dropout."""

import json
from dataclasses import replace

from featurestore.finetuning.finetune import finetune
from featurestore.finetuning.options.settings import Settings
from tests.featurestore.finetuning.texts import arguments, corpus
from tests.support import tiny

# Eleven batches of 4 and 3 over three epochs; dev has 6 utterances and test 9.
ROWS = corpus(30)
SETTINGS = Settings(epochs=3, learning_rate=3e-3, batch_size=4, micro_batch=4, precision="float32", dev=0.1)
TRAIN, DEV, TEST = ([row.id for row in ROWS[start:end]] for start, end in ((0, 15), (15, 21), (21, 30)))


def write_start(folder, family="bert"):
    """Write a tiny network without dropout, so that the cut of a batch changes nothing."""
    tiny.checkpoint(family, folder)
    path = folder / "config.json"
    config = json.loads(path.read_text("utf-8"))
    config |= {name: 0.0 for name in config if "drop" in name and isinstance(config[name], float)}
    path.write_text(json.dumps(config), "utf-8")
    return folder


def tune(start, out, of=None, **changes):
    """Fine-tune with changed settings, and return the result and the lines for the user."""
    lines = []
    settings = replace(SETTINGS, **(of or {}))
    given = arguments(start.parent, utterances=ROWS, checkpoint=str(start), out=out, settings=settings)
    parts = {"train_ids": TRAIN, "dev_ids": DEV if settings.dev else [], "dev_from": "protocol", "held_out_ids": TEST}
    return finetune(**given | parts | {"say": lines.append} | changes), lines
