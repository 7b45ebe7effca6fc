"""Fine-tune a text encoder: its result, its record, and the inputs that are refused."""

import dataclasses
import hashlib
import json

import pytest
import torch
import transformers as hf

from featurestore.encoders import identify
from featurestore.errors import BadValue, Mismatch, UnknownName
from featurestore.finetuning import demo_models
from featurestore.finetuning.finetune import finetune
from featurestore.networks.checkpoint import resolve
from featurestore.spec import EncoderSpec
from tests.featurestore.finetuning.texts import PROVENANCE, SETTINGS, arguments, assert_same_weights, corpus

# The settings of a record before there were a dev part and the settings that came with it.
AS_BEFORE = {
    "epochs": 3,
    "learning_rate": 3e-3,
    "warmup_steps": 0,
    "batch_size": 8,
    "micro_batch": 8,
    "weight_decay": 0.0,
    "epsilon": 1e-8,
    "clip": 1.0,
    "freeze_front": True,
    "seed": 0,
    "fixed_length": 0,
    "max_seconds": None,
}


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
    assert {path.suffix for path in folder.iterdir()} == {".json", ".safetensors", ".csv"}
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
    assert record["settings"] == AS_BEFORE
    assert len(record["start"]["files"]["weights"]) == 64
    assert record["left_out"] == {}
    assert record["libraries"]["transformers"] == hf.__version__


def test_the_same_inputs_again_are_up_to_date_and_write_nothing(folder, fine_tuned):
    lines = []
    before = (folder / "tuned" / "model.safetensors").stat().st_mtime_ns
    again = finetune(**arguments(folder, say=lines.append))
    assert not again.fresh
    assert again.record == fine_tuned[0].record
    assert lines == [f"{folder / 'tuned'}: up to date"]
    assert (folder / "tuned" / "model.safetensors").stat().st_mtime_ns == before


def test_a_file_that_shapes_nothing_beside_the_start_changes_nothing(folder, fine_tuned):
    notes = folder / "start" / "notes.json"
    notes.write_text("{}", "utf-8")
    assert not finetune(**arguments(folder)).fresh
    notes.unlink()


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


def test_a_checkpoint_of_the_other_modality_is_refused(folder, tmp_path):
    with pytest.raises(BadValue) as problem:
        finetune(**arguments(folder, modality="audio", out=tmp_path / "tuned"))
    assert str(problem.value) == (
        f"checkpoint {folder / 'start'} cannot be fine-tuned as an audio encoder\n  expected: audio\n  got: text\n"
        "  do: use --modality text, or another checkpoint"
    )


def test_an_id_outside_the_manifest_is_refused(folder, tmp_path):
    changes = {"train_ids": ["u01", "u77"], "classes": {"u01": "sad", "u77": "hap"}, "held_out_ids": []}
    with pytest.raises(UnknownName, match=r"^1 id not in the manifest, u77 among them$"):
        finetune(**arguments(folder, out=tmp_path / "tuned", **changes))


def test_many_unreadable_utterances_are_refused(folder, tmp_path):
    utterances = [
        dataclasses.replace(utterance, text="") if n < 2 else utterance for n, utterance in enumerate(corpus())
    ]
    with pytest.raises(Mismatch) as problem:
        finetune(**arguments(folder, utterances=utterances, out=tmp_path / "tuned"))
    assert str(problem.value) == (
        "2 of 40 utterances cannot be read:\n"
        "  u00: no transcript\n"
        "  u01: no transcript\n"
        "  expected: at most 1% of them\n"
        "  do: run cli prepare to see what is missing; fix the corpus, or remove them from the manifest"
    )


def test_a_few_unreadable_utterances_are_left_out_and_reported(folder, tmp_path, monkeypatch):
    monkeypatch.setattr("featurestore.finetuning.inputs.selection.FEW", 0.03)
    utterances = corpus()
    utterances[5] = dataclasses.replace(utterances[5], text="")
    lines = []
    once = dataclasses.replace(SETTINGS, epochs=1)
    result = finetune(
        **arguments(folder, utterances=utterances, out=tmp_path / "tuned", settings=once, say=lines.append)
    )
    (reason,) = result.record["left_out"].values()
    assert lines[0] == f"left out because unreadable (1 of 40):\n  u05: {reason}"
    assert reason == "no transcript"
    assert "u05" not in result.record["trained_on"]
    assert len(result.record["trained_on"]) == 31


def test_the_demo_checkpoints_are_the_same_every_time(folder, tmp_path):
    demo_models.write_text(tmp_path / "text", [utterance.text for utterance in reversed(corpus()[:32])])
    for name in ("tokenizer.json", "config.json", "model.safetensors"):
        assert (tmp_path / "text" / name).read_bytes() == (folder / "start" / name).read_bytes(), name
