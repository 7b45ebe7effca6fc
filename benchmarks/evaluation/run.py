"""One run: a head fitted on a fold's training part and asked about its test part, for `fit-head` and the runner."""

import hashlib
import json
import resource
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.evaluation.controls import Shuffle, shuffled
from benchmarks.evaluation.inputs import Inputs
from benchmarks.evaluation.normalize import GLOBAL, NONE, SPEAKER, known_speakers, normalize
from benchmarks.evaluation.params import defaults
from benchmarks.evaluation.search import search
from benchmarks.evaluation.source import Store
from featurestore import registry
from featurestore.errors import BadValue
from featurestore.folds.fold import Fold
from featurestore.normalization import Scaling, over


@dataclass(frozen=True)
class Run:
    """All that shapes a run but for the vectors.

    Args:
        head: its registry name.
        params: constructor arguments that differ from the defaults.
        inputs: which features, from which files.
        fold: training, dev and test ids.
        classes: class by id.
        normalize: `none`, `global` or `speaker`.
        speakers: by id, where they are normalised by.
        tune: how many settings to try on dev; 0 takes `params` as they are.
        seed: of the head, where it draws, of the search, and of what the controls draw.
        share: of the training part that `fold` still holds (`benchmarks.evaluation.controls.reduced`).
        shuffle: the modality whose test rows are permuted; None where none is.
        system: what it belongs to, by name (`Card.system`); the same by two names is two runs.
    """

    head: str
    params: Mapping[str, Any]
    inputs: Inputs
    fold: Fold
    classes: Mapping[str, str]
    normalize: str = NONE
    speakers: Mapping[str, str] = field(default_factory=dict)
    tune: int = 0
    seed: int = 0
    share: float = 1.0
    shuffle: Shuffle | None = None
    system: str = ""

    @property
    def training(self) -> list[str]:
        """The ids to fit on, sorted: the order of the manifest decides nothing. Dev is learned from once settings
        are chosen."""
        return sorted([*self.fold.train, *self.fold.dev] if self.tune else self.fold.train)


@dataclass(frozen=True)
class Answer:
    """A head's answer: the class of each utterance (M,), the probabilities in the order of `head.classes_` (M, C)."""

    prediction: tuple[str, ...]
    probabilities: np.ndarray


@dataclass(frozen=True)
class Done:
    """What a run gave.

    Args:
        head: fitted.
        blocks: width of each feature.
        scaling: of the rows, where they are normalised over the training part.
        ids: of the test part, sorted (M,).
        answers: for each thing that was asked, in order.
        params: the settings that were used, all of them.
        seconds: `tune`, `fit` and `predict`, the last of the test part as it is.
        peak_mb: the most memory that the process held while it ran, all that it had loaded before included.
    """

    head: Any
    blocks: Mapping[str, int]
    scaling: Scaling | None
    ids: tuple[str, ...]
    answers: tuple[Answer, ...]
    params: Mapping[str, Any]
    seconds: Mapping[str, float]
    peak_mb: float


def execute(store: Store, run: Run, shuffles: Sequence[Shuffle | None] = (None,)) -> Done:
    """Fits once, and predicts the test part as often as is asked.

    Args:
        store: the features.
        run: what is fitted on what; its own `shuffle` is not looked at.
        shuffles: for each answer the modality whose rows are permuted, None for the test part as it is.

    Raises:
        BadValue: a parameter that the head cannot use.
    """
    _reset_peak()
    train, test = run.training, sorted(run.fold.test)
    X, blocks = run.inputs.matrix(store, train)  # (N, D)
    Z, _ = run.inputs.matrix(store, test)  # (M, D)
    scaling = over(X) if run.normalize == GLOBAL else None
    speakers = known_speakers(run.speakers, train), known_speakers(run.speakers, test)
    X, Z = (scaling.apply(X), scaling.apply(Z)) if scaling else normalize(X, Z, run.normalize, speakers)
    y = [run.classes[name] for name in train]
    started = time.perf_counter()
    params = choose_params(run, X, y)
    searched = time.perf_counter()
    head = fit(run.head, params, X, y)
    fitted = time.perf_counter()
    plain = head.predict_proba(Z)
    ended = time.perf_counter()
    seconds = {"tune": searched - started, "fit": fitted - searched, "predict": ended - fitted}
    peak_mb = _peak_mb()
    asked = [
        plain if shuffle is None else head.predict_proba(shuffled(Z, blocks, shuffle, test, run.fold.name, run.seed))
        for shuffle in shuffles
    ]
    answers = tuple(Answer(tuple(map(str, head.classes_[found.argmax(1)])), found) for found in asked)
    return Done(head, blocks, scaling, tuple(test), answers, head.get_params(), seconds, peak_mb)


def fit(head: str, params: Mapping[str, Any], X: np.ndarray, y: Sequence[str]) -> Any:
    """The fitted head.

    Raises:
        BadValue: a parameter that the head cannot use.
    """
    try:
        return registry.load("heads", head)(**params).fit(X, y)
    except ValueError as error:
        one_class = len(set(y)) < 2
        do = "choose other --labels, another --protocol or --fold" if one_class else "give another value by --param"
        raise BadValue(f"head {head}: {error}", do=do) from error


def digest(store: Store, run: Run, versions: Mapping[str, str]) -> str:
    """The sha256 of everything that shapes a run and what is said of it.

    Also the bytes of its features, the head's source, the libraries' versions, and whom its encoders were tuned on:
    that decides what leaks, and whose logits are taken from which encoder.
    """
    ids = {*run.fold.train, *run.fold.dev, *run.fold.test}
    content: dict[str, Any] = {
        "head": run.head,
        "source": registry.hash_source("heads", run.head),
        "params": {name: repr(value) for name, value in sorted({**defaults(run.head), **run.params}.items())},
        "system": run.system,
        "features": run.inputs.features,
        "mean": run.inputs.mean,
        "files": {file: _bytes(store, file) for file in run.inputs.all_files},
        "parts": run.inputs.parts,
        "tuned_on": {name: sorted(store.trained_on(name) & ids) for name in run.inputs.every_encoder},
        "fold": [
            run.fold.name,
            *(sorted(getattr(run.fold, part)) for part in ("train", "dev", "test")),
            *map(sorted, run.fold.turns),
        ],
        "classes": {name: run.classes[name] for name in ids},
        "normalize": run.normalize,
        "speakers": run.speakers if run.normalize == SPEAKER else {},
        "tune": [run.tune, repr(sorted(registry.load("heads", run.head).SPACE.items()))] if run.tune else 0,
        "seed": run.seed,
        "versions": versions,
    }
    content |= {"share": run.share} if run.share < 1 else {}
    content |= {"shuffle": [run.shuffle.modality, *run.shuffle.features]} if run.shuffle else {}
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def choose_params(run: Run, X: np.ndarray, y: Sequence[str]) -> dict[str, Any]:
    """Choose the settings of a run on its own parts of training; its given ones where no search is asked for.

    Args:
        run: its test part is not looked at.
        X: the rows of `run.training` (N, D).
        y: their classes.

    Raises:
        BadValue: a parameter that the head cannot use.
    """
    if not run.tune:
        return dict(run.params)
    part = {name: number for number, ids in enumerate((run.fold.dev, *run.fold.turns)) for name in ids}
    try:
        turns = [part.get(name, -1) for name in run.training]
        return search(run.head, dict(run.params), X, y, turns, run.tune, run.seed)
    except ValueError as error:
        raise BadValue(f"head {run.head}: {error}", do="give another value by --param") from error


def _bytes(store: Store, file: str) -> dict[str, str]:
    """The digests of what one feature is read from."""
    encoder, _, kind = file.rpartition(".")
    kind = kind.partition("[")[0]
    found = store.digests(encoder)
    return {name: value for name, value in found.items() if name == "id" or name.partition("/")[0] == kind}


def _reset_peak() -> None:
    with suppress(OSError):  # Linux only; elsewhere the peak is that of the process since its start
        Path("/proc/self/clear_refs").write_text("5")


def _peak_mb() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return float(peak / 2**20 if sys.platform == "darwin" else peak / 2**10)
