import dataclasses
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
import transformers as hf
from safetensors.torch import load_file

from featurestore.encoders import identify
from featurestore.errors import BadValue, Mismatch, Unavailable, UnknownName
from featurestore.finetuning import demo_models, history
from featurestore.finetuning.data import ClipPreparer, Collator, LengthGroupedSampler
from featurestore.finetuning.finetune import Settings, finetune
from featurestore.manifest import Utterance
from featurestore.networks.checkpoint import resolve
from featurestore.spec import EncoderSpec
from featurestore.storage import lock
from tests.support import tiny

SETTINGS = Settings(epochs=3, learning_rate=3e-3, batch_size=8, micro_batch=8)
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
        "progress": lambda line: None,
    }
    return {**given, **changes}


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """On a busy machine two threads wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("finetune")
    demo_models.write_text(folder / "start", [utterance.text for utterance in corpus()[:32]])
    return folder


@pytest.fixture(scope="module")
def fine_tuned(folder):
    lines = []
    return finetune(**arguments(folder, progress=lines.append)), lines


def weights(folder):
    return load_file(Path(folder) / "model.safetensors")


def assert_same_weights(one, other):
    first, second = weights(one), weights(other)
    assert first.keys() == second.keys()
    for name, tensor in first.items():
        assert torch.equal(tensor, second[name]), name


def test_it_learns_and_reports_every_epoch(fine_tuned):
    result, lines = fine_tuned
    history = result.record["history"]
    assert [line["epoch"] for line in history] == [1, 2, 3]
    assert history[-1]["loss"] < history[0]["loss"]
    assert history[-1]["accuracy"] == history[-1]["unweighted_average_recall"] == 1.0
    assert lines[0].endswith("start: 32 to train on, 8 held out")
    assert lines[-1].startswith(f"epoch 3 of 3: loss {history[-1]['loss']:.3f}, held out: accuracy 100.0 %, unweighted")


def test_the_result_is_an_ordinary_checkpoint(fine_tuned):
    folder = fine_tuned[0].folder
    model = hf.AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.float32).eval()
    tokenizer = hf.AutoTokenizer.from_pretrained(folder)
    assert model.config.id2label == {0: "hap", 1: "sad"}
    assert resolve(str(folder)).classes() == ["hap", "sad"]
    with torch.inference_mode():
        logits = model(**tokenizer(["I cried all night alone in town"], return_tensors="pt")).logits
    assert model.config.id2label[int(logits.argmax())] == "sad"
    assert {path.suffix for path in folder.iterdir()} == {".json", ".safetensors"}
    assert not folder.with_name("tuned.parts").exists()


def test_the_record_holds_inputs_and_results(fine_tuned):
    record = json.loads((fine_tuned[0].folder / "finetune.json").read_text("utf-8"))
    assert record == fine_tuned[0].record
    assert {name: record[name] for name in PROVENANCE} == PROVENANCE
    assert record["classes"] == ["hap", "sad"]
    assert record["trained_on"] == [f"u{i:02d}" for i in range(32)]
    words = {row.id: " ".join(row.text.lower().split()) for row in corpus()}
    assert record["trained_utterances"] == [
        {"id": name, "content": hashlib.sha256(words[name].encode()).hexdigest(), "clip": "", "origin": ""}
        for name in record["trained_on"]
    ]
    assert record["held_out"]["count"] == 8
    assert record["settings"] == dataclasses.asdict(SETTINGS)
    assert len(record["start"]["files"]["weights"]) == 64
    assert record["left_out"] == {}
    assert record["libraries"]["transformers"] == hf.__version__


def test_the_same_inputs_again_are_up_to_date_and_write_nothing(folder, fine_tuned):
    lines = []
    before = (folder / "tuned" / "model.safetensors").stat().st_mtime_ns
    again = finetune(**arguments(folder, progress=lines.append))
    assert not again.fresh
    assert again.record == fine_tuned[0].record
    assert lines == [f"{folder / 'tuned'}: up to date"]
    assert (folder / "tuned" / "model.safetensors").stat().st_mtime_ns == before


def test_other_inputs_are_a_mismatch_that_shows_both(folder, fine_tuned):
    with pytest.raises(Mismatch) as problem:
        finetune(**arguments(folder, settings=dataclasses.replace(SETTINGS, epochs=9, seed=1)))
    assert str(problem.value) == (
        f"{folder / 'tuned'} was made from other inputs\n"
        "  expected: settings.epochs 9, settings.seed 1\n"
        "  got: settings.epochs 3, settings.seed 0\n"
        f"  do: choose another --out, or remove {folder / 'tuned'}"
    )


def test_a_folder_that_fine_tuning_did_not_write_is_left_alone(folder, tmp_path):
    with pytest.raises(Mismatch) as problem:
        finetune(**arguments(folder, out=tmp_path))
    assert str(problem.value) == f"{tmp_path} exists, and fine-tuning did not write it\n  do: choose another --out"


def test_the_same_seed_gives_the_same_weights_and_the_caller_keeps_its_threads(folder, fine_tuned, tmp_path):
    torch.rand(3)
    threads = torch.get_num_threads()
    again = finetune(**arguments(folder, out=tmp_path / "again"))
    assert_same_weights(folder / "tuned", tmp_path / "again")
    assert again.record["history"] == fine_tuned[0].record["history"]
    assert torch.get_num_threads() == threads
    other = finetune(**arguments(folder, out=tmp_path / "other", settings=dataclasses.replace(SETTINGS, seed=1)))
    assert other.record["history"] != again.record["history"]


def test_the_utterances_of_the_starting_checkpoint_are_recorded_too(folder, fine_tuned, tmp_path):
    ids = [f"u{i:02d}" for i in range(30, 40)]
    once = dataclasses.replace(SETTINGS, epochs=1)
    further = finetune(
        **arguments(
            folder, checkpoint=str(folder / "tuned"), out=tmp_path / "b", settings=once, train_ids=ids, held_out_ids=[]
        )
    )
    assert further.record["trained_on"] == [f"u{i:02d}" for i in range(40)]
    assert further.record["history"][0].keys() == {"epoch", "loss", "training_accuracy", "steps"}


def test_the_utterances_of_another_corpus_are_recorded_too(folder, fine_tuned, tmp_path):
    further = finetune(
        **arguments(
            folder,
            checkpoint=str(folder / "tuned"),
            out=tmp_path / "b",
            settings=dataclasses.replace(SETTINGS, epochs=1),
            train_ids=[f"u{i:02d}" for i in range(30, 40)],
            held_out_ids=[],
            provenance=PROVENANCE | {"corpus": "another"},
        )
    )
    assert len(further.record["trained_on"]) == 40
    assert len(identify(EncoderSpec("text", str(tmp_path / "b"))).trained_on) == 40


# Sends itself a signal once the checkpoint of a step is whole. That moment is too short to be caught from outside.
CHILD = """
import os, signal, sys
from pathlib import Path
from featurestore.finetuning import training_reporter
from featurestore.finetuning.finetune import finetune
from tests.featurestore.finetuning.test_finetune import arguments

folder, out, step, name = sys.argv[1:]
reporter = training_reporter.TrainingReporter
original = reporter.on_save

def on_save(self, args, state, control, **rest):
    original(self, args, state, control, **rest)
    if state.global_step == int(step):
        os.kill(os.getpid(), signal.Signals[name])

reporter.on_save = on_save
training_reporter.SAVE_EVERY = 0.0
finetune(**arguments(Path(folder), out=Path(out)))
"""


def child(folder, out, step, name):
    command = [sys.executable, "-c", CHILD, str(folder), str(out), str(step), name]
    return subprocess.Popen(command, env={**os.environ, "OMP_NUM_THREADS": "1"})


@pytest.mark.parametrize("moment", [2, 4, 11])
def test_a_killed_run_resumes_and_ends_with_the_same_weights(folder, fine_tuned, tmp_path, moment):
    """4 steps an epoch: killed within the first epoch, at its end, and within the last one."""
    out = tmp_path / "tuned"
    assert child(folder, out, moment, "SIGKILL").wait() == -signal.SIGKILL
    assert (out.with_name("tuned.parts") / "trainer" / f"checkpoint-{moment}" / "whole").exists()
    assert not out.exists()
    lines = []
    result = finetune(**arguments(folder, out=out, progress=lines.append))
    assert f"{out}.parts: resuming" in lines
    assert_same_weights(out, folder / "tuned")
    assert result.record["history"] == fine_tuned[0].record["history"]


def test_a_second_process_with_the_same_out_is_refused(folder, tmp_path):
    out = tmp_path / "tuned"
    process = child(folder, out, 1, "SIGSTOP")  # stopped in the middle of its work, so that it holds the lock for sure
    try:
        state = os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        assert state.si_status == signal.SIGSTOP
        with pytest.raises(Unavailable) as problem:
            finetune(**arguments(folder, out=out))
    finally:
        process.kill()
        process.wait()
    assert str(problem.value) == (
        f"another fine-tuning is writing into {out}.parts (process {process.pid})\n"
        "  do: wait for it, or stop it; a dead process holds no lock"
    )


def test_a_checkpoint_that_another_process_finished_meanwhile_is_kept(folder, fine_tuned, tmp_path, monkeypatch):
    @contextmanager
    def late(*_, **__):
        shutil.copytree(folder / "tuned", tmp_path / "tuned")
        yield

    monkeypatch.setattr(lock, "locked", late)
    assert not finetune(**arguments(folder, out=tmp_path / "tuned")).fresh
    assert not (tmp_path / "tuned.parts").exists()


def test_a_run_with_other_inputs_restarts(folder, fine_tuned, tmp_path):
    parts = tmp_path / "tuned.parts"
    (parts / "trainer").mkdir(parents=True)
    (parts / "request.json").write_text('{"settings": {"epochs": 1}}')
    (parts / "trainer" / "stray").touch()
    lines = []
    finetune(**arguments(folder, out=tmp_path / "tuned", progress=lines.append))
    assert lines[0] == f"{parts}: inputs changed; restarting"
    assert_same_weights(tmp_path / "tuned", folder / "tuned")


def test_a_checkpoint_of_the_other_modality_is_refused(folder, tmp_path):
    with pytest.raises(BadValue) as problem:
        finetune(**arguments(folder, modality="audio", out=tmp_path / "tuned"))
    assert str(problem.value) == (
        f"checkpoint {folder / 'start'} cannot be fine-tuned as an audio encoder\n  expected: audio\n  got: text"
    )


def test_an_id_outside_the_manifest_is_refused(folder, tmp_path):
    changes = {"train_ids": ["u01", "u77"], "classes": {"u01": "sad", "u77": "hap"}, "held_out_ids": []}
    with pytest.raises(UnknownName, match=r"^1 ids are not in the manifest, u77 among them$"):
        finetune(**arguments(folder, out=tmp_path / "tuned", **changes))


def test_many_unreadable_utterances_are_refused(folder, tmp_path):
    utterances = [
        dataclasses.replace(utterance, text="") if n < 2 else utterance for n, utterance in enumerate(corpus())
    ]
    with pytest.raises(Mismatch) as problem:
        finetune(**arguments(folder, utterances=utterances, out=tmp_path / "tuned"))
    assert str(problem.value) == (
        "2 of 40 utterances cannot be read:\n"
        "  u00: no text in the manifest\n"
        "  u01: no text in the manifest\n"
        "  expected: at most 1% of them\n"
        "  do: run cli prepare to see what is missing; fix the corpus, or remove them from the manifest (clips "
        "that are too long for the encoder: by --max-seconds)"
    )


def test_a_few_unreadable_utterances_are_left_out_and_reported(folder, tmp_path, monkeypatch):
    monkeypatch.setattr("featurestore.finetuning.selection.FEW", 0.03)
    utterances = corpus()
    utterances[5] = dataclasses.replace(utterances[5], text="word " * 200)
    lines = []
    once = dataclasses.replace(SETTINGS, epochs=1)
    result = finetune(
        **arguments(folder, utterances=utterances, out=tmp_path / "tuned", settings=once, progress=lines.append)
    )
    (reason,) = result.record["left_out"].values()
    assert lines[0] == f"left out because unreadable (1 of 40):\n  u05: {reason}"
    assert reason.startswith("text of ")
    assert "u05" not in result.record["trained_on"]
    assert len(result.record["trained_on"]) == 31


@pytest.fixture(scope="module")
def tones(tmp_path_factory):
    """Clips of two pitches and different lengths, in noise."""
    root = tmp_path_factory.mktemp("tones")
    random = np.random.default_rng(0)
    utterances = []
    for i in range(24):
        time_ = np.arange(random.integers(4000, 9000)) / 16_000
        wave = np.sin(2 * np.pi * (150, 900)[i % 2] * time_) + 0.1 * random.standard_normal(len(time_))
        soundfile.write(root / f"t{i:02d}.wav", 0.3 * wave, 16_000)
        utterances.append(Utterance(f"t{i:02d}", audio=f"t{i:02d}.wav", label=("low", "high")[i % 2]))
    demo_models.write_audio(root / "start")
    return root, utterances


def test_an_audio_encoder_learns_from_clips_and_its_front_stays_frozen(tones, capfd):
    root, utterances = tones
    settings = Settings(epochs=4, learning_rate=2e-3, batch_size=4, micro_batch=2)
    ids = [utterance.id for utterance in utterances]
    changes = {"utterances": utterances, "train_ids": ids[:16], "held_out_ids": ids[16:], "settings": settings}
    capfd.readouterr()
    result = finetune(**arguments(root, modality="audio", **changes))
    assert capfd.readouterr() == ("", "")
    assert result.record["history"][-1]["accuracy"] == 1.0
    model = hf.AutoModelForAudioClassification.from_pretrained(result.folder, dtype=torch.float32)
    assert model.config.id2label == {0: "high", 1: "low"}
    extractor = hf.AutoFeatureExtractor.from_pretrained(result.folder)
    assert extractor.do_normalize
    before, after = weights(root / "start"), weights(result.folder)
    front = [name for name in before if "feature_extractor" in name]
    assert front
    assert all(torch.equal(before[name], after[f"wav2vec2.{name}"]) for name in front)


def test_a_batch_of_clips_is_padded_after_each_is_normalized(tones):
    root, utterances = tones
    extractor = hf.AutoFeatureExtractor.from_pretrained(root / "start")
    clips = ClipPreparer(extractor, hf.AutoConfig.from_pretrained(root / "start"))
    items = [(clips.load(item), 0) for item in tiny.items(utterances[:3], root)]
    batch = Collator(clips)(items)
    assert batch["labels"].tolist() == [0, 0, 0]
    for row, mask, (item, _) in zip(batch["input_values"], batch["attention_mask"], items, strict=True):
        length = clips.size(item)
        assert mask.tolist() == [1] * length + [0] * (len(mask) - length)
        assert torch.equal(row[:length], torch.from_numpy(item.inputs["input_values"]))
        assert not row[length:].any()
        assert abs(float(row[:length].std(correction=0)) - 1) < 1e-3


def test_batches_hold_similar_lengths_in_an_order_by_seed_and_epoch():
    sizes = np.random.default_rng(0).integers(10, 1000, 200).tolist()
    sampler = LengthGroupedSampler(sizes, 8, seed=3)
    first = list(sampler)
    assert Counter(first) == Counter(range(200))
    assert first == list(LengthGroupedSampler(sizes, 8, seed=3))
    sampler.set_epoch(1)
    assert first != list(sampler)
    assert first != list(LengthGroupedSampler(sizes, 8, seed=4))
    spread = np.mean([np.ptp([sizes[i] for i in first[start : start + 8]]) for start in range(0, 200, 8)])
    assert spread < 0.4 * np.ptp(sizes)


def test_unweighted_average_recall_is_the_mean_over_the_classes_that_occur():
    prediction = hf.trainer_utils.EvalPrediction(np.array([0, 0, 0, 1, 2]), np.array([0, 0, 0, 0, 2]))
    assert history.score(prediction) == {"accuracy": 0.8, "unweighted_average_recall": 0.875}


def test_the_demo_checkpoints_are_the_same_every_time(folder, tmp_path):
    demo_models.write_text(tmp_path / "text", [utterance.text for utterance in reversed(corpus()[:32])])
    for name in ("tokenizer.json", "config.json", "model.safetensors"):
        assert (tmp_path / "text" / name).read_bytes() == (folder / "start" / name).read_bytes(), name
