"""Write a finished benchmark to disk without a store: random predictions of a few systems, on any number of rows."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.grid import results, run_records
from benchmarks.grid.run_records import RunRecord
from benchmarks.speed import _corpus
from benchmarks.statistics.answers import Answers
from featurestore.folds.fold import Fold
from featurestore.manifest import Utterance

CLASSES = ("ang", "exc", "fru", "hap", "neu", "sad")
HEADS = {"prior": 0.0, "svm": 1.2, "mlp": 1.4}  # how far the true class stands out
SEEDS = (0, 1)
SPEAKERS = 1_000
_FOLDS = 2
_ABOUT: dict[str, Any] = {
    "corpus": "random",
    "manifest_sha256": "0" * 64,
    "folds_sha256": "1" * 64,
    "labels": "random-6",
    "protocol": "speaker-kfold",
    "split_seed": 0,
    "seeds": list(SEEDS),
    "tune": 0,
    "dropped": {},
    "left_out": {},
    "heads": list(HEADS),
    "feature_sets": {"both": ["audio.mean", "text.mean"]},
    "normalize": {"none": ""},
    "published": [],
    "command": "cli benchmark --heads prior,svm,mlp --out results",
    "machine": {},
    "versions": {},
}


def write_benchmark(out: Path, rows: int, speakers: int = SPEAKERS) -> None:
    """Write a benchmark of three heads with two seeds and a control, with two folds of a corpus.

    Args:
        out: its folder.
        rows: number of utterances, each of which is tested once.
        speakers: number of speakers; 0 for utterances that name none, so that intervals resample utterances.
    """
    rng = np.random.default_rng(0)
    codes, noise = rng.integers(len(CLASSES), size=rows), rng.gumbel(size=(rows, len(CLASSES)))
    utterances = _make_utterances(rows, speakers, codes)
    ids = np.array([row.id for row in utterances], object)
    parts = [np.arange(rows) % _FOLDS == number for number in range(_FOLDS)]
    folds = [Fold(str(number), tuple(ids[~part]), tuple(ids[part])) for number, part in enumerate(parts)]
    runs = []
    for number, (head, share, seed) in enumerate([*((h, 1.0, s) for h in HEADS for s in SEEDS), ("svm", 0.5, 0)]):
        scores = _draw_scores(codes, noise, HEADS[head] * share**0.3, np.random.default_rng([number, seed]))
        for fold, part in zip(folds, parts, strict=True):
            record = _make_record(f"{number:02x}{fold.name}".ljust(64, "0"), head, fold, seed)
            _write_run(out / results.RUNS, replace(record, train_size=share), fold.test, codes[part], scores[part])
            runs.append(record.digest)
    encoders = {
        name: {"modality": name, "made": {"class": name, "checkpoint": name}, "tuned_on": {}}
        for name in ("audio", "text")
    }
    classes = dict(zip(ids, np.array(CLASSES, object)[codes], strict=True))
    results.write(out, {**_ABOUT, "classes": classes, "encoders": encoders, "runs": runs}, folds, utterances)


def _make_utterances(rows: int, speakers: int, codes: np.ndarray) -> list[Utterance]:
    named = [f"S{row * 7919 % speakers:04}" if speakers else "" for row in range(rows)]
    return [
        Utterance(f"{speaker}_{row:07}", text=text, label=CLASSES[code], speaker=speaker, duration=1.5)
        for row, (speaker, text, code) in enumerate(zip(named, _corpus.transcripts(rows), codes, strict=True))
    ]


def _draw_scores(codes: np.ndarray, noise: np.ndarray, skill: float, rng: np.random.Generator) -> np.ndarray:
    raw = 0.7 * noise + 0.3 * rng.gumbel(size=noise.shape)
    if not skill:
        raw[:] = -0.01 * np.arange(len(CLASSES))
    raw[np.arange(len(codes)), codes] += 1.6 * skill
    likely = np.exp(1.3 * raw)
    return np.asarray(likely / likely.sum(1, keepdims=True))


def _write_run(folder: Path, record: RunRecord, ids: tuple[str, ...], codes: np.ndarray, scores: np.ndarray) -> None:
    truth, prediction = ([CLASSES[code] for code in found] for found in (codes, scores.argmax(1)))
    run_records.write(folder, record, ids, Answers(truth, prediction, CLASSES, scores))


def _make_record(digest: str, head: str, fold: Fold, seed: int) -> RunRecord:
    features = ("audio.mean", "text.mean")
    return RunRecord(
        digest=digest,
        system=f"{head} on both",
        head=head,
        feature_set="both",
        features=features,
        files=features,
        logits="",
        normalize="none",
        protocol="speaker-kfold",
        fold=fold.name,
        seed=seed,
        stochastic=True,
        search=0,
        train_size=1.0,
        permuted="",
        params={"random_state": seed},
        train=len(fold.train),
        dev=0,
        test=len(fold.test),
        leak="",
        seconds={"tune": 0.0, "fit": 1.0, "predict": 1e-5 * len(fold.test)},
        peak_mb=200.0,
        bundle_bytes=10_000,
        history={},
        classes=CLASSES,
    )
