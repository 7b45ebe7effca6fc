"""The guard from end to end: a corpus is edited between fine-tuning and evaluation, and no trained utterance passes."""

import csv
import json
import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.fitting.fit import fit_head
from featurestore.errors import Leakage
from featurestore.extraction.extract import extract_encoder
from featurestore.finetuning.by_fold import finetune_folds
from featurestore.folds.fold_report import report_folds
from featurestore.preparation.prepare import prepare
from featurestore.spec import EncoderSpec
from featurestore.store import Store
from tests.support import tiny

COUNT = 24
LABELS = ("joy", "anger")
CONTAINERS = {"wav": "PCM_16", "flac": "PCM_16", "aiff": "PCM_24"}


@dataclass(frozen=True)
class Row:
    """One row of a table, and the number of the utterance that it is in truth; None for a new one."""

    truth: int | None
    content: str  # the words, or the clip's path
    label: str
    id: str


def clip(folder: Path, truth: int | None, name: str, container: str, channels: int) -> str:
    """Write the samples of an utterance in a container; a stereo copy has them on both channels."""
    seed = 1000 + len(name) if truth is None else truth
    time = np.arange(4000 + 100 * (seed % 17)) / 16_000
    tone = np.sin(2 * np.pi * (120 + 7 * seed) * time) + 0.1 * np.random.default_rng(seed).standard_normal(len(time))
    samples = np.round(8000 * tone).astype(np.int16)
    path = f"{name}.{container}"
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    stacked = np.stack([samples] * channels, axis=1)
    soundfile.write(folder / path, stacked, 16_000, format=container.upper(), subtype=CONTAINERS[container])
    return path


def words(truth: int) -> str:
    return f"{tiny.WORDS[truth % 20]} {tiny.WORDS[(3 * truth + 1) % 20]} {tiny.WORDS[truth // 2]}"


def write(path: Path, modality: str, rows: list[Row], *, ids: bool) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow([*(["id"] if ids else []), modality, "label"])
        table.writerows([*([row.id] if ids else []), row.content, row.label] for row in rows)
    return path


@pytest.fixture(scope="module", params=[("text", True), ("text", False), ("audio", True), ("audio", False)], ids=str)
def tuned(request, tmp_path_factory):
    """Fine-tune an encoder on the training part of a table, and return which utterances that were."""
    modality, ids = request.param
    folder = tmp_path_factory.mktemp("guard")
    contents = [
        words(number) if modality == "text" else clip(folder, number, f"c{number}", "wav", 1) for number in range(COUNT)
    ]
    rows = [Row(number, content, LABELS[number % 2], f"u{number}") for number, content in enumerate(contents)]
    prepare("table", write(folder / "before.csv", modality, rows, ids=ids), folder / "before")
    start = tiny.checkpoint({"text": "bert", "audio": "wav2vec2-group"}[modality], folder / "start")
    store = Store(folder / "before")
    made = dict(zip((row.id for row in store.utterances), range(COUNT), strict=True))
    options = {"modality": modality, "checkpoint": str(start), "epochs": 1, "batch_size": 8}
    (record,) = finetune_folds(store, out=folder / "tuned", say=lambda line: None, **options)
    return modality, ids, folder, {made[utterance_id] for utterance_id in record.record["trained_on"]}


EDITS = st.fixed_dictionaries(
    {
        "kept": st.sets(st.integers(0, COUNT - 1), min_size=14),
        "renamed": st.sets(st.integers(0, COUNT - 1)),
        "inserted": st.integers(0, 3),
        "container": st.sampled_from(sorted(CONTAINERS)),
        "channels": st.sampled_from([1, 2]),
        "seed": st.integers(0, 9999),
    }
)


def edited(folder: Path, modality: str, edit: dict) -> list[Row]:
    """Make the rows of the edited table: some deleted, some new, renamed, in another container, in another order."""
    rows = []
    for truth in [*sorted(edit["kept"]), *[None] * edit["inserted"]]:
        new = truth is None
        name = f"new{len(rows)}" if new else f"other/{truth}x" if truth in edit["renamed"] else f"c{truth}"
        if modality == "audio":
            content = clip(folder, truth, name, edit["container"], edit["channels"])
        else:
            content = f"never {tiny.WORDS[len(rows) % 20]} today job house" if new else words(truth)
        utterance_id = f"n{len(rows)}" if new or truth in edit["renamed"] else f"u{truth}"
        rows.append(Row(truth, content, LABELS[(truth or 0) % 2], utterance_id))
    random.Random(edit["seed"]).shuffle(rows)
    return rows


def encode(store: Store, folder: Path) -> None:
    extract_encoder(store, EncoderSpec("e", str(folder / "tuned")), jobs=1, device="cpu", say=lambda line: None)


def test_every_training_utterance_in_test_is_found_and_no_other(tuned, tmp_path_factory):
    modality, ids, folder, trained = tuned

    @settings(max_examples=15)
    @given(EDITS)
    def check(edit):
        after = tmp_path_factory.mktemp("after")
        rows = edited(after, modality, edit)
        prepare("table", write(after / "after.csv", modality, rows, ids=ids), after / "store")
        encode(Store(after / "store"), folder)
        store = Store(after / "store")
        truth = dict(zip((row.id for row in store.utterances), (row.truth for row in rows), strict=True))
        (fold,) = report_folds(store=store.path, protocol="holdout").folds
        seen = [utterance_id for utterance_id in fold.test if truth[utterance_id] in trained]
        assert set(seen) <= store.trained_on("e")
        try:
            fit_head(store, head="prior", features=["e.mean"])
            refused = False
        except Leakage:
            refused = True
        assert refused == bool(seen), (seen, store.exposure("e"))
        if seen:
            assert fit_head(store, head="prior", features=["e.mean"], allow_leakage=True).pooled.leak

    check()


def test_the_record_of_training_is_in_the_checkpoint_and_the_feature_file(tuned):
    _, ids, folder, trained = tuned
    record = json.loads((folder / "tuned" / "finetune.json").read_text())
    store = Store(folder / "before")
    assert len(record["trained_utterances"]) == len(trained)
    assert {one["origin"] for one in record["trained_utterances"]} == ({""} if ids else set(store.made_up.values()))
    encode(store, folder)
    file = Store(folder / "before").file("e")
    assert [one.content for one in file.trained_on] == [one["content"] for one in record["trained_utterances"]]
    assert Store(folder / "before").trained_on("e") == set(record["trained_on"])
