"""Fine-tuning by a protocol: each encoder learns the training part of one fold, or all but a part of it."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from featurestore import labels as schemes
from featurestore import registry
from featurestore.errors import BadValue
from featurestore.finetuning.finetune import Settings, Tuned, finetune
from featurestore.folds import fold as cuts
from featurestore.folds.fold import Fold
from featurestore.folds.group_split import split_groups
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
    all_folds: bool = False,
    crossfit: int = 0,
    progress: Callable[[str], None] = print,
    **settings: Any,
) -> list[Tuned]:
    """Tunes a checkpoint on the training part of a fold and reports on its test part, which decides nothing.

    With `all_folds` or `crossfit` it is tuned several times, into `out/FOLD`, `out/FOLD-x1` and so on: on each fold's
    training part, and K times on that part but for a K-th of it, cut by the protocol's own grouping, with a report on
    that. What is there already is kept.

    Args:
        store: its manifest and audio are used, not its features.
        modality: `audio` or `text`.
        checkpoint: a folder or hub name to start from.
        out: the tuned checkpoint, or the folder of several.
        labels: label scheme; by default the corpus's own.
        protocol: its registry name.
        fold: needed where the protocol has several, and not all are tuned on.
        all_folds: of the protocol; else the one of `fold`.
        crossfit: K; 0 for none.
        progress: is told, line by line, how it goes.
        settings: those of `Settings`; `seed` is also the protocol's.

    Raises:
        BadValue: the protocol has several folds and none is named, or one is beside `all_folds`; K is 1 or more than
            there are groups; or a fold's name cannot be a file's.
        Problem: as `finetune` and `folds.fold.split` raise.
    """
    if all_folds and fold is not None:
        raise BadValue("--all-folds and --fold contradict each other", do="leave one of them out")
    scheme = schemes.scheme(labels or schemes.default(store.corpus))
    classes = scheme.apply(store.utterances)
    folds = cuts.split(protocol, store.utterances, classes, settings.get("seed", 0))
    tuning = _Tuning(store, modality, checkpoint, scheme.name, protocol, classes, Settings(**settings), progress)
    chosen = folds if all_folds else [_fold(folds, protocol, fold)]
    if not all_folds and not crossfit:
        return [tuning.run(chosen[0], out)]
    parts = [part for whole in chosen for part in (whole, *(_parts(tuning, whole, crossfit) if crossfit else []))]
    strange = [part.name for part in parts if not re.fullmatch(r"[\w-]+", part.name)]
    if strange:
        raise BadValue(
            f"fold {strange[0]!r} cannot name a feature file",
            expected="letters, digits, - and _",
            do="rename the speaker or session in the manifest",
        )
    return [tuning.run(part, out / part.name) for part in parts]


@dataclass(frozen=True)
class _Tuning:
    """What all encoders of one command share."""

    store: Store
    modality: str
    checkpoint: str
    labels: str
    protocol: str
    classes: Mapping[str, str]
    settings: Settings
    progress: Callable[[str], None]

    def run(self, fold: Fold, out: Path) -> Tuned:
        """Tunes on one training part."""
        return finetune(
            items=[self.store.item(row) for row in self.store.utterances],
            made_up=self.store.made_up,
            classes=self.classes,
            train_ids=fold.train,
            held_out_ids=fold.test,
            modality=self.modality,
            checkpoint=self.checkpoint,
            out=out,
            settings=self.settings,
            provenance={
                "corpus": self.store.corpus,
                "manifest": self.store.manifest_digest,
                "labels": self.labels,
                "protocol": self.protocol,
                "fold": fold.name,
            },
            progress=self.progress,
        )


def _parts(tuning: _Tuning, fold: Fold, count: int) -> list[Fold]:
    """The training part K times, each without a K-th of it."""
    groups = registry.module("protocols", tuning.protocol).groups(tuning.store.utterances)
    most = len({groups[name] for name in fold.train})
    if not 2 <= count <= most:
        raise BadValue(
            f"the training part of fold {fold.name} cannot be cut into {count}",
            expected=f"--crossfit 2 to {most}, the number of its groups",
        )
    cut = split_groups(fold.train, groups, tuning.classes, count, tuning.settings.seed)
    return [
        Fold(
            f"{fold.name}-x{number}",
            tuple(name for name in fold.train if name not in part),
            tuple(name for name in fold.train if name in part),
        )
        for number, part in enumerate(cut, 1)
    ]


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
