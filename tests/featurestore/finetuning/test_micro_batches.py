"""Micro-batches of any size: the same gradients, out of memory, and what fits."""

from types import SimpleNamespace

import pytest
import torch

from featurestore.errors import Unavailable
from featurestore.finetuning import micro_batch, training_limits
from featurestore.finetuning.data import LengthGroupedSampler, MicroBatchSampler
from featurestore.finetuning.finetune import finetune
from featurestore.finetuning.settings import Settings
from featurestore.finetuning.training import EncoderTrainer
from tests.featurestore.finetuning.test_lengths import arguments as clip_arguments
from tests.featurestore.finetuning.test_lengths import network
from tests.featurestore.finetuning.texts import assert_same_weights, weights
from tests.featurestore.finetuning.tuning import SETTINGS, tune, write_start


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    return write_start(tmp_path_factory.mktemp("micro") / "start")


@pytest.mark.parametrize(("count", "micro", "sizes"), [(31, 8, [8, 8, 8, 7]), (37, 31, [31, 6]), (5, 8, [5])])
def test_a_batch_is_cut_into_parts_of_the_size_and_the_rest(count, micro, sizes):
    order = LengthGroupedSampler(range(count), 31, seed=0)
    batches = list(MicroBatchSampler(order, 31, micro))
    assert [len(batch) for batch in batches] == sizes
    assert len(MicroBatchSampler(order, 31, micro)) == len(sizes)
    assert [index for batch in batches for index in batch] == list(order)


def test_the_weights_do_not_depend_on_the_cut_of_a_batch(start, tmp_path):
    """15 utterances in batches of 11 and 4, so that the last one of an epoch is smaller."""
    of = {"epochs": 2, "batch_size": 11, "select": "last"}
    whole, *others = (
        weights(tune(start, tmp_path / f"m{size}", of | {"micro_batch": size})[0].folder) for size in (11, 1, 3, 8)
    )
    accumulated = tune(start, tmp_path / "a", of | {"micro_batch": None, "accumulate": 4})[0]
    assert accumulated.record["used"]["micro_batch"] == 3
    for other in (*others, weights(accumulated.folder)):
        for name, tensor in whole.items():
            torch.testing.assert_close(other[name], tensor, atol=1e-5, rtol=0)


@pytest.mark.parametrize(("most", "fits", "found"), [(32, 9, 8), (31, 7, 7), (4, 9, 4), (8, 1, 1)])
def test_the_largest_number_that_fits_is_found_by_halving(most, fits, found, monkeypatch):
    monkeypatch.setattr(micro_batch, "free_memory", lambda: None)
    tried = []

    def run(size):
        tried.append(size)
        if size > fits:
            raise torch.OutOfMemoryError("made up")

    assert micro_batch.find_largest(run, most) == found
    assert tried[-1] == found
    with pytest.raises(torch.OutOfMemoryError):
        micro_batch.find_largest(lambda size: run(99), most)


def limit(monkeypatch, most, after=0):
    """Let every training step with more than `most` utterances fail for want of memory, after so many steps."""
    real, calls = EncoderTrainer.compute_loss, []

    def compute(self, model, inputs, *args, **rest):
        calls.append(len(inputs["labels"]))
        if len(calls) > after and calls[-1] > most:
            raise torch.OutOfMemoryError("made up")
        return real(self, model, inputs, *args, **rest)

    monkeypatch.setattr(EncoderTrainer, "compute_loss", compute)


@pytest.mark.parametrize(("after", "where"), [(2, "the start"), (9, "the last saved state")])
def test_out_of_memory_halves_the_micro_batch_and_goes_on(after, where, start, tmp_path, monkeypatch):
    limit(monkeypatch, 2, after)
    of = {"micro_batch": None, "select": "last"}
    result, lines = tune(start, tmp_path / "halved", of)
    assert lines[1] == "4 utterances in memory at once, cpu, float32"
    assert f"out of memory with 4 utterances in memory at once: going on with 2, from {where}" in lines
    assert result.record["used"] == {"device": "cpu", "precision": "float32", "micro_batch": 2, "processes": 1}
    assert "micro_batch" not in result.record["settings"]
    monkeypatch.undo()
    plain = tune(start, tmp_path / "plain", of | {"micro_batch": 2})[0]
    for name, tensor in weights(plain.folder).items():
        torch.testing.assert_close(weights(result.folder)[name], tensor, atol=1e-5, rtol=0)


def test_a_single_utterance_that_does_not_fit_is_one_message(start, tmp_path, monkeypatch):
    limit(monkeypatch, 0)
    with pytest.raises(Unavailable) as problem:
        tune(start, tmp_path / "none")
    assert str(problem.value) == (
        "out of memory in training, with 1 utterance in memory at once\n"
        "  got: made up\n"
        "  do: leave out long clips by --max-seconds, add --gradient-checkpointing, or use a machine with more memory; "
        "the same command resumes from the last finished epoch"
    )


def test_the_longest_utterances_are_tried_with_room_for_the_optimizer(monkeypatch):
    tried = []
    model = torch.nn.Linear(3, 2)

    class Part(list):
        preparer = SimpleNamespace(batch=lambda loaded: {"sizes": torch.tensor(loaded)})

    def step(batch):
        tried.append(batch["sizes"].tolist())
        assert len(batch["labels"]) == len(batch["sizes"])
        if len(tried[-1]) > 2:
            raise torch.OutOfMemoryError("made up")

    device = SimpleNamespace(is_cuda=True, torch=torch.device("cpu"))
    part = Part([(size, 0) for size in (1, 2, 3, 5, 8)])
    assert micro_batch.choose_micro_batch(model, (part,), Settings(batch_size=4), device, step) == 2
    assert tried == [[2, 3, 5, 8], [5, 8]]


def test_on_a_cpu_as_many_of_the_longest_clip_as_fit_are_taken_and_none_is_left_out(tmp_path, monkeypatch):
    """The memory is enough for two of the longest clips, where a fixed four would leave it out."""
    checkpoint = network("wav2vec2", tmp_path / "start")
    given = clip_arguments(tmp_path, checkpoint, (0.5, 0.6, 0.5, 0.6, 0.5, 2.0))
    monkeypatch.setattr(training_limits, "measure_free_memory", lambda: 7_000_000)
    fixed = finetune(**given)
    assert list(fixed.record["left_out"]) == ["c5"]
    settings = Settings(epochs=1, learning_rate=1e-3, batch_size=4, dev=0.0, select="last", precision="float32")
    lines = []
    free = finetune(**given | {"settings": settings, "out": tmp_path / "free", "say": lines.append})
    assert free.record["left_out"] == {}
    assert 1 <= free.record["used"]["micro_batch"] < 4
    assert f"{free.record['used']['micro_batch']} utterance" in lines[1]


def test_an_explicit_number_is_taken_as_it_is_and_a_resumed_run_keeps_what_was_found(tmp_path):
    assert Settings(batch_size=31, micro_batch=8).find_micro_batch() == 8
    assert Settings(batch_size=4, micro_batch=8).find_micro_batch() == 4
    assert Settings(batch_size=31, accumulate=4).find_micro_batch() == 8
    assert Settings().find_micro_batch() is None
    assert micro_batch.keep_for_resuming(tmp_path, 4) == 4
    assert micro_batch.keep_for_resuming(tmp_path, 8) == 4
    assert micro_batch.keep_for_resuming(tmp_path, 2) == 2


def test_a_run_without_a_dev_part_is_the_same_whether_test_is_scored_once_or_after_every_epoch(start, tmp_path):
    of = {"dev": 0.0, "select": "last"}
    once = tune(start, tmp_path / "once", of)[0]
    often = tune(start, tmp_path / "often", of | {"test_every_epoch": True})[0]
    assert_same_weights(once.folder, often.folder)
    first, second = ({**one.record["test"]} for one in (once, often))
    assert first.pop("loss") == pytest.approx(second.pop("loss"))
    assert first == second
    assert "accuracy" not in once.record["history"][0]
    assert SETTINGS.describe() != once.record["settings"] == often.record["settings"]
