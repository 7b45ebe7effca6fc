"""Limit clips by length and memory, and estimate the memory that they take."""

from pathlib import Path

import pytest

from featurestore.item import Item
from featurestore.networks import memory
from featurestore.networks.limits import Limits, TooLong
from featurestore.networks.memory import estimate_encoding_memory, measure_free_memory
from tests.support.fake_identity import identity


@pytest.mark.parametrize(("attention", "seconds", "measured"), [("sdpa", 60, 938), ("eager", 60, 1704)])
def test_the_estimate_covers_what_was_measured_and_not_much_more(attention, seconds, measured):
    """MiB, resident: wav2vec2-base (fused attention) and wavlm-base (not), two layers, float32."""
    estimate = estimate_encoding_memory(identity(attention), seconds) / 2**20
    assert measured < estimate < 3 * measured


def test_attention_that_is_not_fused_grows_with_the_square():
    fused, plain = (estimate_encoding_memory(identity(attention), 1200) for attention in ("sdpa", "eager"))
    assert plain > 20 * fused
    assert estimate_encoding_memory(identity("sdpa", model_type="whisper"), 1200) < fused / 10


def test_only_clips_that_have_a_limit_are_checked():
    item = Item("a", Path("not/there.wav"), "")
    assert Limits().apply(item, identity()).check_length is None
    limited = Limits(max_seconds=1).apply(item, identity())
    assert limited == item
    limited.check_length(1.0)
    with pytest.raises(TooLong, match=r"^1\.1 s long: --max-seconds allows 1$"):
        limited.check_length(1.1)
    assert issubclass(TooLong, ValueError)


def test_free_memory_is_shared_and_within_the_container(monkeypatch, tmp_path):
    assert measure_free_memory(2) == pytest.approx(measure_free_memory() / 2, rel=0.2)
    (tmp_path / "memory.max").write_text("1000\n")
    (tmp_path / "memory.current").write_text("500\n")
    monkeypatch.setattr(memory, "_CGROUP", tmp_path)
    assert measure_free_memory() == 400
    (tmp_path / "memory.max").write_text("max\n")
    assert measure_free_memory() > 400
