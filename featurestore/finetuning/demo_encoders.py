"""Make the demo's encoders: small networks, trained from scratch on the training part of `holdout`."""

import shutil
import sys
from dataclasses import asdict
from functools import partial
from pathlib import Path

from featurestore import labels as schemes
from featurestore.engines import Engine
from featurestore.engines.parallel import run_each
from featurestore.folds import fold as splits
from featurestore.networks.checkpoint import RECORD
from featurestore.progress import Say
from featurestore.spec import EncoderSpec
from featurestore.storage.json_files import find_object
from featurestore.store import Store

MODALITIES = ("text", "audio")


def prepare_demo_encoders(store: Store, say: Say) -> list[EncoderSpec]:
    """Return the demo's encoders, and train those that are missing or of another manifest.

    Both are trained at once, each in one thread.

    Args:
        store: of the demo corpus; the checkpoints are in its folder `checkpoints`.
        say: receives lines for the user.
    """
    missing = [modality for modality in MODALITIES if not _is_up_to_date(store, modality)]
    if missing:
        say(f"training the demo's encoders from scratch ({', '.join(missing)}): about two minutes on two cores …")
        for _ in run_each(_train, [(store.path, modality) for modality in missing], Engine(jobs=len(missing))):
            pass
    return [EncoderSpec(modality, str(_folder(store, modality))) for modality in MODALITIES]


def _folder(store: Store, modality: str) -> Path:
    return store.path / "checkpoints" / modality


def _is_up_to_date(store: Store, modality: str) -> bool:
    path = _folder(store, modality) / RECORD
    return (find_object(path) or {}).get("manifest") == store.manifest_digest


def _train(path: Path, modality: str) -> None:
    """Write the untrained network and train it, in a separate process."""
    import torch

    from featurestore.finetuning import demo_models
    from featurestore.finetuning.by_fold import finetune_folds

    torch.set_num_threads(1)
    store = Store(path)
    out, start = _folder(store, modality), store.path / "checkpoints" / f"start-{modality}"
    shutil.rmtree(out, ignore_errors=True)  # of an earlier manifest
    if modality == "audio":
        demo_models.write_audio(start)
    else:
        demo_models.write_text(start, _list_training_texts(store))
    settings = asdict(demo_models.SETTINGS[modality])
    finetune_folds(
        store, modality=modality, checkpoint=str(start), out=out, say=partial(_print_line, modality), **settings
    )


def _list_training_texts(store: Store) -> list[str]:
    """Return the texts that the tokenizer may learn from, which are those of the training part alone."""
    classes = schemes.load_scheme(schemes.find_default(store.corpus)).apply(store.utterances)
    training = set(splits.split("holdout", store.utterances, classes)[0].train)
    return [utterance.text for utterance in store.utterances if utterance.id in training]


def _print_line(modality: str, line: str) -> None:
    """Print a line about one of the two encoders, which train at the same time."""
    print(f"  {modality}: {line}", file=sys.stderr, flush=True)
