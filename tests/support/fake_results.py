"""Write a benchmark to disk without a store: random predictions of any number of systems, folds and seeds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.evaluation.flaws import BEST_EPOCH, PROTOCOLS
from benchmarks.grid import results, run_records
from benchmarks.grid.run_records import RunRecord
from benchmarks.statistics.intervals import Answers
from featurestore.folds.fold import Fold
from featurestore.manifest import Utterance

CLASSES = ("ang", "exc", "fru", "hap", "neu", "sad")
SKILL = {"prior": 0.0, "logistic": 1.1, "svm": 1.3, "mlp": 1.35, "xgb": 1.2}  # how far the true class stands out
BRINGS = {"text": 0.7, "audio": 0.8, "both": 1.0, "embeddings": 0.95, "logits": 0.6}
FEATURES = {
    "text": ("text.mean", "text.logits"),
    "audio": ("audio.mean", "audio.logits"),
    "both": ("audio.mean", "audio.logits", "text.mean", "text.logits"),
    "embeddings": ("audio.mean", "text.mean"),
    "logits": ("audio.logits", "text.logits"),
}


@dataclass(frozen=True)
class Drawn:
    """A system with random predictions: a head on a feature set, or a control of one."""

    head: str
    feature_set: str = "both"
    features: tuple[str, ...] = ()
    train_size: float = 1.0
    permuted: str = ""
    leak: str = ""
    seeds: int = 1
    skill: float | None = None
    flaw: str = ""
    context: str = ""
    approximation: str = ""
    train_on: str = ""

    @property
    def name(self) -> str:
        return f"{self.head} on {self.feature_set}" + (f", trained on {self.train_on}" if self.train_on else "")


HEADS = ("svm", "xgb")
SEVERAL = (
    *(Drawn(head, kind) for head in HEADS for kind in ("text", "audio", "both")),
    Drawn("mlp", seeds=2),
    Drawn("mlp", "audio", seeds=2),
    Drawn("prior"),
    Drawn("mlp", permuted="text", seeds=2),
    Drawn("svm", train_size=0.25),
    Drawn("svm", train_size=0.5),
)
PUBLISHED = {
    "name": "the paper",
    "metric": "accuracy",
    "value": 0.59078,
    "labels": "fake-6",
    "source": "a journal",
    "protocol": "speaker-kfold",
}


def written(out: Path, drawn: Sequence[Drawn] = SEVERAL, **options: Any) -> Path:
    """Write a benchmark of everything that a report can show, or of the systems given, and return its folder."""
    write(out, drawn, about={"published": [PUBLISHED | {"note": "another cut"}]}, **options)
    return out


def write(
    out: Path,
    drawn: Sequence[Drawn],
    *,
    n: int = 120,
    folds: int = 2,
    speakers: int = 10,
    classes: Sequence[str] = CLASSES,
    texts: Mapping[int, str] | None = None,
    about: Mapping[str, Any] | None = None,
    seed: int = 0,
) -> None:
    """Write `benchmark.json`, folds, manifest and every run; `texts` replaces the text of single utterances."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(len(classes), size=n)
    rows = [_utterance(row, classes[truth[row]], speakers, texts or {}) for row in range(n)]
    cut = [_fold(number, folds, rows) for number in range(folds)]
    runs = []
    noise = rng.gumbel(size=(n, len(classes)))  # what is hard is hard for every head
    for number, one in enumerate(drawn):
        for fold_number, fold in enumerate(cut):
            for run_seed in range(one.seeds):
                own = np.random.default_rng([seed, number, run_seed, fold_number])
                digest = f"{number:04x}{fold_number:02x}{run_seed:02x}".ljust(64, "0")
                part = np.arange(fold_number, n, folds)
                scores = _scores(one, truth[part], noise[part], own)
                record = _make_record(one, digest, fold, run_seed, tuple(classes), own)
                order = np.argsort([rows[row].id for row in part])
                ids = [rows[part[row]].id for row in order]
                guess = [classes[column] for column in scores[order].argmax(1)]
                true = [classes[truth[part[row]]] for row in order]
                run_records.write(out / results.RUNS, record, ids, Answers(true, guess, list(classes), scores[order]))
                runs.append(digest)
    described = {
        "corpus": "fake",
        "manifest_sha256": "0" * 64,
        "folds_sha256": "1" * 64,
        "labels": "fake-6",
        "classes": {row.id: classes[truth[number]] for number, row in enumerate(rows)},
        "protocol": "speaker-kfold",
        "split_seed": 0,
        "heads": sorted({one.head for one in drawn}),
        "feature_sets": {one.feature_set: list(one.features or FEATURES[one.feature_set]) for one in drawn},
        "normalize": {"none": ""},
        "seeds": list(range(max(one.seeds for one in drawn))),
        "tune": 0,
        "left_out": {"xxx": 7},
        "dropped": {},
        "encoders": {name: _encoder(name, cut) for name in ("audio", "text")},
        "published": [],
        "command": "cli benchmark --store fake --heads svm,mlp --out results",
        "machine": {"cpu": "a fake one", "cores": 2, "memory_gb": 8.0, "system": "Linux", "python": "3.11.7"},
        "versions": {"numpy": "2.4.6", "scikit-learn": "1.9.1"},
        "runs": runs,
    }
    flaws = {one.flaw: cut for one in drawn if one.flaw in PROTOCOLS} if any(one.flaw for one in drawn) else None
    described |= {"flaws": {"left_out": ["dialogue-letter is left out: no letters"]}} if flaws is not None else {}
    results.write(out, described | dict(about or {}), cut, rows, flaws)


def _utterance(row: int, label: str, speakers: int, texts: Mapping[int, str]) -> Utterance:
    speaker = f"S{row % speakers:02}"
    return Utterance(
        f"{speaker}_{row:05}",
        text=texts.get(row, f"sentence number {row}, {label[::-1]}"),
        label=label,
        speaker=speaker,
        gender="FM"[row % 2],
        duration=1.5,
    )


def _fold(number: int, folds: int, rows: Sequence[Utterance]) -> Fold:
    """Test every `folds`-th utterance: always the same speakers where `folds` divides their number."""
    test = tuple(row.id for row in rows[number::folds])
    return Fold(str(number + 1), tuple(row.id for row in rows if row.id not in set(test)), test)


def _scores(one: Drawn, truth: np.ndarray, noise: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    skill = SKILL.get(one.head, 1.0) * BRINGS.get(one.feature_set, 0.9) if one.skill is None else one.skill
    skill *= one.train_size**0.3 * (0.6 if one.permuted else 1.0)
    raw = 0.7 * noise + 0.3 * rng.gumbel(size=noise.shape)
    if one.head == "prior":
        raw = np.tile(np.arange(noise.shape[1]) * -0.01, (len(truth), 1))
    raw[np.arange(len(truth)), truth] += 1.6 * skill
    likely = np.exp(1.3 * raw)
    return likely / likely.sum(1, keepdims=True)


def _make_record(
    one: Drawn, digest: str, fold: Fold, seed: int, classes: tuple[str, ...], rng: np.random.Generator
) -> RunRecord:
    epochs = np.arange(1, 13)
    history = {
        "loss": (1.8 * np.exp(-epochs / 6) + 0.02 * rng.random(12)).round(5).tolist(),
        "accuracy": (1 - 0.8 * np.exp(-epochs / 5) - 0.02 * rng.random(12)).round(5).tolist(),
    }
    features = one.features or FEATURES[one.feature_set]
    return RunRecord(
        digest=digest,
        system=one.name,
        head=one.head,
        feature_set=one.feature_set,
        features=features,
        files=features,
        logits="",
        normalize="none",
        protocol=one.flaw if one.flaw in PROTOCOLS else "speaker-kfold",
        fold=fold.name,
        seed=seed,
        stochastic=one.seeds > 1,
        search=0,
        params={"C": 1.0, "random_state": seed},
        train=round(one.train_size * len(fold.train)),
        dev=0,
        test=len(fold.test),
        leak=one.leak,
        train_on=one.train_on,
        seconds={"tune": 0.0, "fit": 0.25 * len(one.name), "predict": 1e-5 * len(fold.test)},
        peak_mb=200.0,
        classes=classes,
        train_size=one.train_size,
        permuted=one.permuted,
        bundle_bytes=10_000 * len(one.head),
        history=history if one.head == "mlp" else {},
        context=one.context,
        approximation=one.approximation,
        flaw=one.flaw,
        epoch=int(fold.name) + 2 if one.flaw == BEST_EPOCH else 0,
    )


def _encoder(name: str, folds: Sequence[Fold]) -> dict[str, Any]:
    made = {"class": f"hf_{name}", "checkpoint": f"checkpoints/{name}", "revision": ""}
    return {
        "modality": name,
        "made": made,
        "tuned_on": {fold.name: {"train": 0, "dev": 0, "test": 0} for fold in folds},
    }
