"""Precision, schedule, device, gradient checkpointing, and the log of a training."""

import csv
import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import transformers as hf
from safetensors.torch import load_file

from featurestore.errors import BadValue, Unavailable
from featurestore.finetuning import tensorboard, training_run
from featurestore.finetuning.history import average_runs, summarize_log
from featurestore.finetuning.settings import Settings
from featurestore.finetuning.training_device import (
    OneDeviceArguments,
    TrainingDevice,
    choose_training_device,
    make_arguments,
)
from tests.featurestore.finetuning.texts import weights
from tests.featurestore.finetuning.tuning import tune, write_start


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    return write_start(tmp_path_factory.mktemp("options") / "start")


@pytest.fixture(scope="module")
def plain(start):
    return tune(start, start.parent / "plain", {"select": "last"})[0]


def read_table(path):
    with path.open(encoding="utf-8", newline="") as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]


def test_training_figures_are_means_over_clips():
    """16 and 1 utterances, of which 2 are right: 2 of 17, where a mean over the steps would be 0.0625."""
    steps = [
        {"epoch": 0.5, "loss": 1.0, "accuracy": 2 / 16, "clips": 16, "ctc_loss": 3.0, "transcripts": 1},
        {"epoch": 1.0, "loss": 3.0, "accuracy": 0.0, "clips": 1, "ctc_loss": 7.0, "transcripts": 3},
    ]
    (entry,) = summarize_log(steps)
    assert entry["training_accuracy"] == pytest.approx(2 / 17)
    assert entry["loss"] == pytest.approx((16 * 1.0 + 3.0) / 17)
    assert entry["ctc_loss"] == 6.0
    before = [{name: value for name, value in step.items() if name not in ("clips", "transcripts")} for step in steps]
    assert summarize_log(before)[0]["loss"] == 2.0  # a log of an older version
    assert average_runs([5.0, 5.0], [0, 0]) == [0.0, 0.0]


def test_every_step_and_every_epoch_is_a_row_of_a_table(plain):
    rows, epochs = (read_table(plain.folder / name) for name in ("training.csv", "epochs.csv"))
    assert [row["step"] for row in rows] == list(range(1, 13))
    assert [row["clips"] for row in rows] == [4, 4, 4, 3] * 3
    assert list(rows[0]) == ["epoch", "step", "loss", "accuracy", "learning_rate", "gradient_norm", "clips", "seconds"]
    assert all(row["seconds"] > 0 and row["gradient_norm"] > 0 for row in rows)
    for number, (epoch, entry) in enumerate(zip(epochs, plain.record["history"], strict=True)):
        steps = rows[4 * number : 4 * number + 4]
        clips = [row["clips"] for row in steps]
        for name, column in (("loss", "loss"), ("training_accuracy", "accuracy")):
            mean = np.average([row[column] for row in steps], weights=clips)
            assert entry[name] == pytest.approx(mean) == pytest.approx(epoch[name])
        assert epoch["dev_loss"] == entry["held_out_loss"]
        assert epoch["dev_unweighted_average_recall"] == entry["unweighted_average_recall"]
        assert (entry["training_accuracy"] * 15) == pytest.approx(round(entry["training_accuracy"] * 15))


@pytest.mark.parametrize(
    ("schedule", "share"),
    [
        ("linear", lambda done: 1 - done),
        ("cosine", lambda done: (1 + math.cos(math.pi * done)) / 2),
        ("constant", lambda done: 1.0),
    ],
)
def test_the_learning_rate_follows_the_schedule_after_warm_up(schedule, share, start, tmp_path):
    of = {"schedule": schedule, "warmup_steps": 4, "weight_decay": 0.1}
    rows = read_table(tune(start, tmp_path / "tuned", of)[0].folder / "training.csv")
    wanted = [step / 4 if step < 4 else share((step - 4) / 8) for step in range(12)]
    assert [row["learning_rate"] / 3e-3 for row in rows] == pytest.approx(wanted, abs=1e-6)


def test_bf16_trains_on_a_cpu_by_request_and_saves_float32(start, plain, tmp_path):
    result = tune(start, tmp_path / "tuned", {"precision": "bf16", "select": "last"})[0]
    assert result.record["used"]["precision"] == "bf16"
    assert result.record["settings"]["precision"] == "bf16"
    saved = load_file(result.folder / "model.safetensors")
    assert {tensor.dtype for tensor in saved.values()} == {torch.float32}
    exact = weights(plain.folder)
    assert any(not torch.equal(saved[name], exact[name]) for name in exact)
    losses = [[entry["loss"] for entry in one.record["history"]] for one in (result, plain)]
    assert losses[0] == pytest.approx(losses[1], abs=0.02)


def test_gradient_checkpointing_gives_the_same_weights(start, plain, tmp_path):
    result = tune(start, tmp_path / "tuned", {"gradient_checkpointing": True, "select": "last"})[0]
    for name, tensor in weights(plain.folder).items():
        torch.testing.assert_close(weights(result.folder)[name], tensor, atol=1e-6, rtol=0)


def test_a_network_without_gradient_checkpointing_is_refused():
    model = SimpleNamespace(supports_gradient_checkpointing=False, config=SimpleNamespace(model_type="old"))
    with pytest.raises(BadValue, match=r"^a old network has no gradient checkpointing in transformers\n"):
        training_run._enable_checkpointing(model)


def test_auto_is_bf16_where_a_gpu_has_it_and_float32_elsewhere(monkeypatch):
    for has, found in ((True, "bf16"), (False, "float32")):
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda has=has, **_: has)
        assert choose_training_device(Settings(device="cuda:1")) == TrainingDevice("cuda:1", found)
    assert choose_training_device(Settings(device="cpu")) == TrainingDevice("cpu", "float32")
    assert TrainingDevice("cuda:1", "bf16").torch == torch.device("cuda:1")
    assert TrainingDevice("cuda", "bf16").torch == torch.device("cuda:0")


@pytest.mark.parametrize(
    ("device", "precision", "message"),
    [
        ("cpu", "fp16", "--precision fp16 needs a GPU of CUDA, and the device is cpu\n"),
        ("cuda", "bf16", "device cuda has no bf16 arithmetic\n"),
    ],
)
def test_a_precision_that_the_device_lacks_is_refused(device, precision, message, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: False)
    with pytest.raises(BadValue) as problem:
        choose_training_device(Settings(device=device, precision=precision))
    assert str(problem.value).startswith(message)


def test_several_gpus_are_never_used_in_one_process(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert hf.TrainingArguments(output_dir=str(tmp_path), report_to="none").n_gpu == 2
    assert OneDeviceArguments(output_dir=str(tmp_path), report_to="none").n_gpu == 1
    args = make_arguments(Settings(), TrainingDevice("cpu", "float32"), 8, 1, str(tmp_path), evaluated=False)
    assert (args.n_gpu, args.device, args.train_batch_size, args.eval_batch_size) == (0, torch.device("cpu"), 8, 1)
    assert args.gradient_accumulation_steps == 4


def test_tensorboards_files_are_written_where_asked(start, tmp_path):
    pytest.importorskip("tensorboard")
    tune(start, tmp_path / "tuned", {"epochs": 1, "tensorboard": str(tmp_path / "board")})
    assert list((tmp_path / "board").glob("events.out.tfevents.*"))


def test_a_missing_tensorboard_is_one_message_before_anything_is_loaded(tmp_path, monkeypatch):
    monkeypatch.setattr(tensorboard, "find_spec", lambda name: None)
    with pytest.raises(Unavailable) as problem:
        tune(tmp_path / "nowhere", tmp_path / "tuned", {"tensorboard": "board"})
    assert str(problem.value) == (
        "--tensorboard needs the package tensorboard\n  do: pip install 'emofuse[tensorboard]'"
    )
