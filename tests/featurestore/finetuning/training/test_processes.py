"""Processes that share a training: on a CPU the same weights, scores, choices and messages as one process."""

import multiprocessing
import os
import pickle
import re
import signal
from dataclasses import replace

import psutil
import pytest
import torch

from featurestore.errors import BadValue, Unavailable
from featurestore.finetuning import processes_check
from featurestore.finetuning.inputs.augmentation import Augmentation
from featurestore.finetuning.inputs.clip_cache import ClipCache
from featurestore.finetuning.inputs.data import IGNORED, Collator
from featurestore.finetuning.inputs.samplers import Filler, LengthGroupedSampler, MicroBatchSampler
from featurestore.finetuning.inputs.selection import make_reader
from featurestore.finetuning.network.starting_network import load_starting_network
from featurestore.finetuning.options.settings import Settings
from featurestore.finetuning.settings_check import check_settings
from featurestore.finetuning.training import processes, shared_training
from featurestore.finetuning.training.processes import run_processes
from featurestore.networks.checkpoint import resolve
from tests.featurestore.finetuning import killed_share, shares
from tests.featurestore.finetuning.texts import assert_same_weights, weights
from tests.featurestore.finetuning.tuning import tune, write_start
from tests.support import fork_server, tiny
from tests.support.processes import wait_until

# 15 utterances in batches of 4 are 4, 4, 4 and 3; two processes cut them one by one, the last share of one is empty.
SHORT = {"epochs": 2, "micro_batch": 1}
SHARED = {**SHORT, "processes": 2}
SHOWN = ("history", "selection", "test")


@pytest.fixture(autouse=True, scope="module")
def forked():
    """Have the processes forked from a server that has loaded the libraries, which each would take seconds to load."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(processes, "start_processes", fork_server.start_together)
        yield


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    return write_start(tmp_path_factory.mktemp("processes") / "start")


@pytest.fixture(scope="module")
def shared(start):
    return tune(start, start.parent / "shared", SHARED)


def assert_close(one, other):
    """Compare the weights of two checkpoints."""
    first, second = weights(one), weights(other)
    assert first.keys() == second.keys()
    for name, value in first.items():
        torch.testing.assert_close(value, second[name], rtol=0, atol=1e-5, msg=name)


def assert_alike(one, other):
    """Compare numbers to rounding, and everything else exactly."""
    if isinstance(one, dict):
        assert one.keys() == other.keys()
    if isinstance(one, (dict, list)):
        pairs = (
            zip(one.values(), other.values(), strict=True) if isinstance(one, dict) else zip(one, other, strict=True)
        )
        for pair in pairs:
            assert_alike(*pair)
    else:
        assert one == (pytest.approx(other, abs=2e-5) if isinstance(one, float) else other)


def test_two_processes_end_with_the_weights_and_scores_of_one(start, shared):
    alone, heard = tune(start, start.parent / "alone", SHORT)
    result, lines = shared
    assert_close(result.folder, alone.folder)
    assert_alike([result.record[key] for key in SHOWN], [alone.record[key] for key in SHOWN])
    untimed = [[re.sub(r"\d+ s$", "", line) for line in one] for one in (lines, heard)]
    assert untimed[0] == untimed[1]
    assert result.record["used"] == {"device": "cpu", "precision": "float32", "micro_batch": 1, "processes": 2}
    assert alone.record["used"]["processes"] == 1
    assert result.record["settings"] == alone.record["settings"]


def test_a_killed_process_is_named_and_the_training_resumes_with_the_same_weights(start, shared, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(shared_training, "train_share", killed_share.end_in_step_6)
        with pytest.raises(Unavailable) as problem:
            tune(start, tmp_path / "out", SHARED)
    assert str(problem.value) == (
        "a process of the training was ended by SIGKILL\n"
        "  do: if memory ran out, lower --micro-batch or --processes; "
        "the same command resumes from the last saved state"
    )
    assert (tmp_path / "out.parts" / "trainer" / "checkpoint-6" / "whole").exists()
    resumed, lines = tune(start, tmp_path / "out", SHARED)
    assert lines[0].endswith(": resuming")
    assert_same_weights(resumed.folder, shared[0].folder)
    assert [resumed.record[key] for key in SHOWN] == [shared[0].record[key] for key in SHOWN]


def test_adapters_of_two_processes_are_merged_and_memory_that_runs_out_halves_their_share(start, tmp_path, monkeypatch):
    pytest.importorskip("peft")
    of = {"epochs": 1, "lora": 2, "select": "last", "dev": 0.0, "micro_batch": 2}
    alone, _ = tune(start, tmp_path / "alone", of)
    real = shared_training.run_processes

    def run(work, job, count, say):
        if job.micro > 1:
            raise torch.OutOfMemoryError("CUDA out of memory")  # as it arrives from a process
        return real(work, job, count, say)

    monkeypatch.setattr(shared_training, "run_processes", run)
    result, lines = tune(start, tmp_path / "out", {**of, "processes": 2})
    assert_close(result.folder, alone.folder)
    assert "out of memory with 2 utterances in memory at once: going on with 1, from the start" in lines
    assert result.record["used"]["micro_batch"] == 1
    assert result.record["trained_weights"] == alone.record["trained_weights"]


def test_a_failure_of_one_process_is_its_message_and_ends_all(tmp_path):
    lines = []
    with pytest.raises(BadValue, match=r"^no\n  got: process 1$"):
        run_processes(shares.refuse_in_process_1, tmp_path, 2, lines.append)
    assert lines == [f"here is process 0, which starts others by {multiprocessing.get_start_method()}"]
    found = [int(path.name) for path in tmp_path.iterdir()]
    assert len(found) == 2
    assert not [number for number in found if psutil.pid_exists(number)]


def test_a_lack_of_memory_arrives_as_such(tmp_path):
    with pytest.raises(torch.OutOfMemoryError, match="CUDA out of memory"):
        run_processes(shares.lack_memory_in_process_1, tmp_path, 2, print)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGKILL, -signal.SIGKILL), (signal.SIGTERM, 143)])
def test_processes_end_with_the_one_that_has_started_them(number, code, tmp_path):
    begun = tmp_path / "begun"
    begun.mkdir()
    parent = fork_server.start_program(shares.start_sleepers, begun, output=tmp_path)
    try:
        wait_until(lambda: len(list(begun.iterdir())) == 2 or not parent.is_alive(), 60)
    finally:
        os.kill(parent.pid, number)
        parent.join(10)
    found = [int(path.name) for path in begun.iterdir()]
    assert len(found) == 2
    assert parent.exitcode == code
    wait_until(lambda: not any(map(is_running, found)), 10)


def is_running(number):
    try:
        return psutil.Process(number).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize("count", [8, 15, 17, 33])
@pytest.mark.parametrize(("processes", "micro"), [(2, 1), (2, 3), (3, 2), (4, 8)])
def test_shares_hold_every_utterance_once_in_the_same_steps(count, processes, micro):
    def cut(number, together=processes):
        order = LengthGroupedSampler(range(1, count + 1), 8, 0)
        sampler = MicroBatchSampler(order, 8, micro, processes=together, process=number)
        batches = list(sampler)
        assert len(batches) == len(sampler)
        assert all(1 <= len(batch) <= micro for batch in batches)
        return batches

    shares_ = [cut(number) for number in range(processes)]
    rounds = -(-8 // (micro * processes))
    whole = [key for batch in cut(0, 1) for key in batch]
    taken = []
    for first in range(0, len(shares_[0]), rounds):
        step = [key for share in shares_ for batch in share[first : first + rounds] for key in batch]
        step = [key for key in step if not isinstance(key, Filler)]
        assert sorted(step) == sorted(whole[len(taken) : len(taken) + 8])
        taken += step
    assert sorted(taken) == sorted(whole)
    assert len({len(share) for share in shares_}) == 1


@pytest.mark.parametrize("family", ["wav2vec2-layer", "whisper", "bert", "deberta-v2"])
def test_a_part_is_the_same_in_another_process(family, tmp_path):
    folder = tiny.checkpoint(family, tmp_path / "start")
    start, items = resolve(str(folder)), tiny.mixed_items(tmp_path)[:3]
    modality = start.modality()
    model, processor = load_starting_network(
        start, modality, ["a", "b"], seed=0, freeze_front=True, say=lambda line: None
    )
    cache = ClipCache(tmp_path, 16000, lambda line: None) if modality == "audio" else None
    read = make_reader(model, processor, modality, Settings(), cache=cache)
    part, left_out = read(items, {item.id: "a" for item in items}, ["a", "b"])
    assert len(part) == 3, left_out
    if modality == "audio":
        part = replace(part, augmentation=Augmentation(("noise",), 0, 16000, 400, max(part.samples)))
    copy = pickle.loads(pickle.dumps(part))  # noqa: S301  # written here
    batches = [Collator(one.preparer)([one[0, 1], one[1, 1], one[Filler(2, 1)]]) for one in (part, copy)]
    assert batches[0]["labels"].tolist() == [0, 0, IGNORED]
    assert batches[0].keys() == batches[1].keys()
    assert all(torch.equal(value, batches[1][name]) for name, value in batches[0].items())


@pytest.mark.parametrize(
    ("changes", "gpus", "message"),
    [
        ({"processes": 0}, 0, "invalid --processes 0\n  expected: 1 or more"),
        (
            {"processes": 3, "batch_size": 2},
            0,
            "a batch of 2 cannot be shared by 3 processes\n  expected: --processes 1 to 2, or a larger --batch-size",
        ),
        (
            {"ctc_weight": 0.1},
            0,
            "a CTC loss is trained in one process only\n  expected: --processes 1, or no --ctc-weight\n"
            "  got: --processes 2 and --ctc-weight 0.1\n  do: leave one of them out",
        ),
        (
            {"device": "cuda:1"},
            4,
            "several processes cannot share device cuda:1\n"
            "  expected: --device cuda, where process 0 has cuda:0, process 1 cuda:1 and so on, or --device cpu\n"
            "  got: --processes 2\n"
            "  do: leave --processes or --device out; CUDA_VISIBLE_DEVICES chooses among the GPUs",
        ),
        (
            {"device": "mps"},
            0,
            "several processes cannot share device mps\n"
            "  expected: --device cuda, where process 0 has cuda:0, process 1 cuda:1 and so on, or --device cpu\n"
            "  got: --processes 2\n"
            "  do: leave --processes or --device out; CUDA_VISIBLE_DEVICES chooses among the GPUs",
        ),
        (
            {"device": "cuda"},
            1,
            "this machine has 1 GPU that torch can use\n  expected: --processes 1\n  got: --processes 2\n"
            "  do: lower --processes, or add --device cpu",
        ),
        (
            {"processes": 5, "device": "cuda"},
            4,
            "this machine has 4 GPUs that torch can use\n  expected: --processes 1 to 4\n  got: --processes 5\n"
            "  do: lower --processes, or add --device cpu",
        ),
    ],
)
def test_what_cannot_be_shared_is_refused(changes, gpus, message, monkeypatch):
    monkeypatch.setattr(processes_check, "count_gpus", lambda: gpus)
    monkeypatch.setattr("featurestore.finetuning.settings_check.check_device", lambda name: None)
    with pytest.raises(BadValue) as problem:
        check_settings(Settings(**{"processes": 2} | changes), "audio")
    assert str(problem.value) == message


@pytest.mark.parametrize(
    ("changes", "micro"),
    [({"micro_batch": 8}, 8), ({"micro_batch": 32}, 16), ({"accumulate": 4}, 4), ({"accumulate": 32}, 1), ({}, None)],
)
def test_the_cut_of_a_batch_is_that_of_a_process(changes, micro):
    assert Settings(batch_size=31, processes=2, **changes).find_micro_batch() == micro


@pytest.mark.gpu
@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs two GPUs that torch can use")
@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_two_gpus_end_with_the_weights_of_one(precision, start, tmp_path):
    of = {**SHORT, "precision": precision, "device": "cuda"}
    alone, _ = tune(start, tmp_path / "alone", of)
    result, _ = tune(start, tmp_path / "out", {**of, "processes": 2})
    first, second = weights(alone.folder), weights(result.folder)
    bound = {"float32": 1e-3, "bf16": 3e-2}[precision]  # TensorFloat-32, and AdamW's steps of 3e-3
    assert max(float((first[name] - second[name]).abs().max()) for name in first) < bound
    assert result.record["used"]["processes"] == 2
