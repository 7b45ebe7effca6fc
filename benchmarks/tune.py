"""Fine-tuning by a protocol: an encoder learns the training part of one fold, and of no other."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import folds as cuts
from benchmarks.folds import Fold
from featurestore import labels as schemes
from featurestore.errors import BadValue
from featurestore.finetune import Settings, Tuned, finetune
from featurestore.store import Store


def tune(
    store: Store,
    *,
    modality: str,
    checkpoint: str,
    out: Path,
    labels: str | None = None,
    protocol: str = "holdout",
    fold: str | None = None,
    progress: Callable[[str], None] = print,
    **settings: Any,
) -> Tuned:
    """Tunes a checkpoint on the training part of a fold and reports on its test part, which decides nothing.

    Args:
        store: its manifest and audio are used, not its features.
        modality: `audio` or `text`.
        checkpoint: a folder or hub name to start from.
        out: the tuned checkpoint.
        labels: label scheme; by default the corpus's own.
        protocol: its registry name.
        fold: needed where the protocol has several.
        progress: is told, line by line, how it goes.
        settings: those of `Settings`; `seed` is also the protocol's.

    Raises:
        BadValue: the protocol has several folds and none is named.
        Problem: as `finetune` and `folds.cut` raise.
    """
    scheme = schemes.scheme(labels or schemes.default(store.corpus))
    classes = scheme.apply(store.utterances)
    chosen = _fold(cuts.cut(protocol, store.utterances, classes, settings.get("seed", 0)), protocol, fold)
    return finetune(
        utterances=store.utterances,
        root=store.root,
        classes=classes,
        train_ids=chosen.train,
        held_out_ids=chosen.test,
        modality=modality,
        checkpoint=checkpoint,
        out=out,
        settings=Settings(**settings),
        provenance={
            "corpus": store.corpus,
            "manifest": store.manifest_digest,
            "labels": scheme.name,
            "protocol": protocol,
            "fold": chosen.name,
        },
        progress=progress,
    )


def summary(tuned: Tuned) -> str:
    """What was tuned, for a person: one line per epoch and where the checkpoint is."""
    record = tuned.record
    head = (
        f"{record['modality']} encoder, labels {record['labels']}, protocol {record['protocol']}, fold {record['fold']}"
    )
    state = "tuned" if tuned.fresh else "up to date, nothing done"
    return "\n".join([head, *map(_epoch, record["history"]), f"checkpoint {tuned.folder}: {state}"])


def _epoch(entry: dict[str, Any]) -> str:
    numbers = {name: value for name, value in entry.items() if isinstance(value, float)}
    figures = ", ".join(f"{name.replace('_', ' ')} {value:.3f}" for name, value in numbers.items())
    return f"  epoch {entry['epoch']:g}: {figures}"


def _fold(folds: list[Fold], protocol: str, name: str | None) -> Fold:
    if name is not None:
        return cuts.choose(folds, name)
    if len(folds) > 1:
        raise BadValue(
            f"protocol {protocol} has {len(folds)} folds, and an encoder is tuned on one",
            expected=f"--fold, one of {', '.join(fold.name for fold in folds)}",
        )
    return folds[0]
