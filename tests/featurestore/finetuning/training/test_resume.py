"""A training that ends in the middle goes on, and ends with the same weights, whatever its settings."""

import pytest

from featurestore.finetuning.training import training_reporter, training_run
from featurestore.finetuning.training.training_reporter import TrainingReporter
from tests.featurestore.finetuning.texts import assert_same_weights
from tests.featurestore.finetuning.tuning import tune
from tests.support import tiny

# 4 steps an epoch. Patience ends the training after its second epoch, where the recall on dev does not rise.
WAYS = {
    "best-dev": {},
    "patience": {"patience": 1, "epochs": 4, "learning_rate": 1e-9},
    "accumulate": {"micro_batch": None, "accumulate": 3},
    "bf16": {"precision": "bf16"},
    "checkpointing": {"gradient_checkpointing": True, "schedule": "cosine", "warmup_steps": 2},
}


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    """With dropout, so that the state of the generators must be restored too."""
    folder = tmp_path_factory.mktemp("resume") / "start"
    tiny.checkpoint("bert", folder)
    return folder


def stop(monkeypatch, step):
    """End the process, as far as the training can tell, once the checkpoint of a step is whole."""
    real = TrainingReporter.on_save

    def on_save(self, args, state, control, **rest):
        real(self, args, state, control, **rest)
        if state.global_step == step:
            raise KeyboardInterrupt

    monkeypatch.setattr(TrainingReporter, "on_save", on_save)
    monkeypatch.setattr(training_reporter, "SAVE_EVERY", 0.0)


@pytest.mark.parametrize("way", WAYS)
def test_a_stopped_training_ends_with_the_same_weights(way, start, tmp_path, monkeypatch):
    whole = tune(start, tmp_path / "whole", WAYS[way])[0]
    for step in (6, 8):  # within the second epoch, and at its end
        with monkeypatch.context() as patch:
            stop(patch, step)
            with pytest.raises(KeyboardInterrupt):
                tune(start, tmp_path / f"stopped{step}", WAYS[way])
        resumed, lines = tune(start, tmp_path / f"stopped{step}", WAYS[way])
        assert lines[0].endswith(": resuming")
        assert_same_weights(resumed.folder, whole.folder)
        assert [resumed.record[key] for key in ("history", "selection", "test", "used")] == [
            whole.record[key] for key in ("history", "selection", "test", "used")
        ]
    if way == "patience":
        assert len(whole.record["history"]) == 2


def test_a_training_that_patience_has_ended_is_not_trained_again(start, tmp_path, monkeypatch):
    real = training_run.EncoderTrainer.predict

    def fail(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(training_run.EncoderTrainer, "predict", fail)
    with pytest.raises(KeyboardInterrupt):
        tune(start, tmp_path / "stopped", WAYS["patience"])
    monkeypatch.setattr(training_run.EncoderTrainer, "predict", real)
    monkeypatch.setattr(training_run.EncoderTrainer, "train", fail)
    resumed, _ = tune(start, tmp_path / "stopped", WAYS["patience"])
    assert len(resumed.record["history"]) == 2
