"""Limit clips by length and memory, in extraction and by themselves."""

import errno
import os
import signal
from pathlib import Path

import numpy as np
import pytest

from featurestore.audio import decode
from featurestore.engines import Engine
from featurestore.errors import Unavailable
from featurestore.extraction import partition, worker
from featurestore.extraction.extract import extract_encoder
from featurestore.extraction.part_file import halve_precision
from featurestore.extraction.partition import Work
from featurestore.item import Item
from featurestore.networks import memory
from featurestore.networks.identity import Identity
from featurestore.networks.limits import Limits, TooLong
from featurestore.networks.memory import estimate_encoding_memory, measure_free_memory
from featurestore.spec import EncoderSpec
from featurestore.storage.feature_file import FeatureFile
from featurestore.storage.lock import lock_folder
from featurestore.store import Store
from tests.support import tiny

CONFIG = {"conv_dim": [512] * 7, "conv_stride": [5, 2, 2, 2, 2, 2, 2], "num_attention_heads": 12}


class FakeCheckpoint:
    """A checkpoint with only what an estimate needs."""

    def __init__(self, config):
        self.config = lambda: config


def identity(attention="sdpa", config=CONFIG, **described):
    description = {"attention": attention, "preprocessing": {"sampling_rate": 16_000}, **described}
    return Identity("audio", "audio", description, ("mean",), checkpoint=FakeCheckpoint(config))


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return str(tiny.checkpoint("wav2vec2-group", tmp_path_factory.mktemp("model") / "audio"))


@pytest.fixture
def store(tmp_path):
    return tiny.store(tmp_path / "store", tiny.utterances(6, tmp_path / "corpus"), tmp_path / "corpus")


def run(store, model, **options):
    return extract_encoder(Store(store.path), EncoderSpec("", model), jobs=1, device="cpu", **options)


def test_a_clip_beyond_the_limit_is_not_decoded_and_is_encoded_without_the_limit(store, model, monkeypatch):
    decoded = []
    original = decode.decode
    monkeypatch.setattr(decode, "decode", lambda path, *rest: decoded.append(path.stem) or original(path, *rest))
    long = [row for row in store.utterances if row.duration > 0.8]
    assert 0 < len(long) < 6
    limited = run(store, model, max_seconds=0.8)
    assert limited.failed == {row.id: f"{row.duration:.1f} s long: --max-seconds allows 0.8" for row in long}
    assert limited.encoded == 6 - len(long) == len(decoded)
    header, stamp = FeatureFile(limited.path).header, limited.path.stat().st_mtime_ns
    again = run(store, model, max_seconds=0.8)
    assert (again.encoded, again.failed) == (0, limited.failed)
    assert limited.path.stat().st_mtime_ns == stamp  # nothing new: nothing is written
    lifted = run(store, model)
    assert (lifted.encoded, lifted.reused, lifted.failed) == (len(long), 6 - len(long), {})
    assert FeatureFile(lifted.path).header.fingerprint == header.fingerprint
    assert len(decoded) == 6
    assert run(store, model, max_seconds=0.8).failed == {}  # what is there already stays


def test_a_clip_that_does_not_fit_into_memory_is_refused_with_the_reason(store, model, monkeypatch):
    tiny.clip(store.root / "clip002.wav", 40, 2)  # the manifest thinks that it is short
    monkeypatch.setattr(partition, "measure_free_memory", lambda workers=1: 40_000_000 // workers)
    failed = run(store, model).failed
    assert failed == {
        "u002": "40 s long: encoding it would take about 58 MB of memory, 40 MB are free for one worker; "
        "cut it, or use --jobs 1 or a machine with more"
    }
    monkeypatch.undo()
    assert run(store, model).failed == {}


def test_long_clips_are_encoded_alone_after_the_others(monkeypatch):
    monkeypatch.setattr(partition, "measure_free_memory", lambda workers=1: 4_000_000_000 // workers)
    work = [Work(Item(f"u{index}", Path("x"), ""), f"{index:064x}", cost) for index, cost in enumerate([3.0, 100, 4.0])]
    beside, alone = partition.plan_phases(work, identity(), Engine(jobs=4, device="cpu"))
    assert ([part.work[0].item.id for part in alone.parts], alone.engine.jobs) == (["u1"], 1)
    assert (beside.engine.jobs, beside.memory, alone.memory) == (4, 1_000_000_000, 4_000_000_000)
    assert sorted(one.item.id for part in beside.parts for one in part.work) == ["u0", "u2"]


@pytest.mark.parametrize(("attention", "seconds", "measured"), [("sdpa", 60, 938), ("eager", 60, 1704)])
def test_the_estimate_covers_what_was_measured_and_not_much_more(attention, seconds, measured):
    """MiB, resident: wav2vec2-base (fused attention) and wavlm-base (not), two layers, float32."""
    estimate = estimate_encoding_memory(identity(attention), seconds) / 2**20
    assert measured < estimate < 3 * measured


def test_attention_that_is_not_fused_grows_with_the_square():
    fused, plain = (estimate_encoding_memory(identity(attention), 1200) for attention in ("sdpa", "eager"))
    assert plain > 20 * fused
    assert estimate_encoding_memory(identity("sdpa", model_type="whisper"), 1200) < fused / 10


def test_items_without_a_length_are_not_checked():
    Limits(max_seconds=1, memory=1).check(Item("a", None, "text"), identity())
    Limits().check(Item("a", Path("not/there.wav"), ""), identity())
    assert issubclass(TooLong, ValueError)


def test_free_memory_is_shared_and_within_the_container(monkeypatch, tmp_path):
    assert measure_free_memory(2) == pytest.approx(measure_free_memory() / 2, rel=0.2)
    (tmp_path / "memory.max").write_text("1000\n")
    (tmp_path / "memory.current").write_text("500\n")
    monkeypatch.setattr(memory, "_CGROUP", tmp_path)
    assert measure_free_memory() == 400
    (tmp_path / "memory.max").write_text("max\n")
    assert measure_free_memory() > 400


def test_loading_runs_ahead_of_the_encoder_within_bounds():
    begun = []
    futures = worker._load_ahead(lambda one: begun.append(one) or one, list(range(50)))
    for position, future in enumerate(futures):
        assert future.result() == position
        assert len(begun) <= position + worker.AHEAD + 1
    assert begun == list(range(50))


@pytest.mark.parametrize(
    ("values", "dtype"),
    [([[1.0, -3.5]], "f2"), ([[70_000.0, 1]], "f4"), ([[65_504.0, 1]], "f4"), ([[1e-9, 2e-9]], "f4"), ([[0, 0]], "f2")],
)
def test_half_precision_is_used_only_where_it_is_exact_enough(values, dtype):
    values = np.array(values, np.float32)
    assert halve_precision(values).dtype == dtype
    np.testing.assert_allclose(halve_precision(values), values, rtol=1e-3)


def test_layers_beyond_half_precision_stay_float32_and_are_reported(store, model, monkeypatch):
    from featurestore.networks import pooling

    run(store, model, optional=["layers"])
    path = store.path / "audio.h5"
    half = FeatureFile(path)
    assert half["layers"].dtype == np.float16
    values = np.array(half["layers"], np.float32)
    path.unlink()
    original = pooling.layers
    monkeypatch.setattr(pooling, "layers", lambda states: 1e6 * original(states))
    lines = []
    run(store, model, optional=["layers"], say=lines.append)
    assert FeatureFile(path)["layers"].dtype == np.float32
    np.testing.assert_allclose(FeatureFile(path)["layers"], 1e6 * values, rtol=2e-3, atol=1e3)
    assert lines == [f"{path}: layers are kept as float32: float16 would change some of them by more than 0.1 %"]


def test_a_vector_that_is_not_finite_is_a_failure(store, model, monkeypatch):
    from featurestore.encoders.hf_audio import HFAudio

    original = HFAudio.encode

    def undefined(self, batch, kinds):
        return (
            [
                {kind: values * (np.nan if kind == "std" else 1) for kind, values in one.items()}
                for one in original(self, batch, kinds)
            ]
            if self.size(batch[0]) == longest
            else original(self, batch, kinds)
        )

    longest = max(round(row.duration * 16_000) for row in store.utterances)
    monkeypatch.setattr(HFAudio, "encode", undefined)
    assert list(run(store, model).failed.values()) == ["the encoder gives NaN or infinite values in std"]


def test_a_read_only_store_is_reported(tmp_path, monkeypatch):
    def refuse(*args, **options):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(Path, "open", refuse)
    with (
        pytest.raises(Unavailable, match=r"cannot write into .*\n  got: Read-only file system\n  do: make it"),
        lock_folder(tmp_path),
    ):
        pass


def test_an_unreadable_feature_file_is_not_reported_as_damaged(store, model, monkeypatch):
    path = run(store, model).path

    def refuse(path):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("featurestore.storage.seal.check", refuse)
    with pytest.raises(Unavailable, match=r"audio\.h5 cannot be read\n  got: Permission denied"):
        run(store, model)
    monkeypatch.undo()
    assert FeatureFile(path).find_damaged() == []


def test_the_lock_is_released_although_a_forked_process_has_its_file_open(tmp_path):
    """As in a process that another thread starts, between its fork and its program."""
    with lock_folder(tmp_path):
        child = os.fork()
        if child == 0:
            signal.pause()
    try:
        with lock_folder(tmp_path):
            pass
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_a_file_system_without_locks_is_reported(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr("fcntl.flock", refuse)
    with pytest.raises(
        Unavailable, match=r"^the file system of .* has no locks\n  got: Function not implemented\n  do: "
    ):
        lock_folder(tmp_path).__enter__()
