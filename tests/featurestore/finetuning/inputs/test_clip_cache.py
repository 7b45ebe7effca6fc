"""Keep decoded clips: what is read back, what is decoded again, and where the disk has no room."""

import errno
import json
import tracemalloc
from collections import namedtuple
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

from featurestore.audio import decode
from featurestore.errors import Unavailable
from featurestore.finetuning.finetune import finetune
from featurestore.finetuning.inputs import clip_cache
from featurestore.finetuning.inputs.clip_cache import ClipCache, hold_waveform
from featurestore.finetuning.inputs.data import read_part
from featurestore.item import Item
from tests.featurestore.finetuning.clips import SETTINGS, make_arguments
from tests.featurestore.finetuning.texts import assert_same_weights
from tests.support import tiny

RATE = 16_000


class Plain:
    """Take a clip as it is."""

    modality, rate, shortest = "audio", RATE, 1

    def load(self, item):
        return item.waveform(self.rate)

    def size(self, loaded):
        return len(loaded)


@pytest.fixture
def items(tmp_path):
    (tmp_path / "cache").mkdir()
    paths = [tiny.clip(tmp_path / f"c{number}.wav", 0.1 + 0.03 * number, number, 8000) for number in range(4)]
    return [*(Item(path.stem, path, "") for path in paths), Item("part", paths[3], "", 0.05, 0.1)]


@pytest.fixture
def decoded(monkeypatch):
    """List what is decoded."""
    seen, original = [], decode.decode

    def count(path, start=None, end=None, check_length=None):
        seen.append(Path(path).stem if start is None else "part")
        return original(path, start, end, check_length)

    monkeypatch.setattr(decode, "decode", count)
    return seen


def read(items, lines=None):
    cache = ClipCache(items[0].audio.parent / "cache", RATE, (lines if lines is not None else []).append)
    part, left_out = read_part(items, {item.id: "a" for item in items}, ["a"], Plain(), cache=cache)
    assert not left_out
    return part


def listen(part):
    return {item.id: part[index][0] for index, item in enumerate(part.items)}


def test_every_clip_is_decoded_once_and_read_back_as_resampled(items, decoded):
    part = read(items)
    assert sorted(decoded) == ["c0", "c1", "c2", "c3", "part"]
    heard = listen(part)
    assert len(decoded) == 5
    for item in items:
        samples, rate = soundfile.read(item.audio, dtype="float32")
        samples = samples if item.start is None else samples[400:800]
        assert np.array_equal(heard[item.id], soxr.resample(samples, rate, RATE))
        assert part.contents[part.items.index(item)] == replace(item).hash_input("audio")
    assert dict(zip((item.id for item in part.items), part.samples, strict=True)) == {
        name: len(wave) for name, wave in heard.items()
    }


def test_another_process_decodes_nothing_again(items, decoded):
    before = read(items)
    decoded.clear()
    lines = []
    again = read(items, lines)
    assert (decoded, lines) == ([], [])
    assert again.contents == before.contents
    assert again.samples == before.samples
    for name, wave in listen(before).items():
        assert np.array_equal(wave, listen(again)[name])


@pytest.mark.parametrize("change", ["content", "end"])
def test_a_changed_source_is_decoded_again(items, decoded, change):
    read(items)
    decoded.clear()
    if change == "content":
        tiny.clip(items[1].audio, 0.2, 9, 8000)
    else:
        items[1] = replace(items[1], end=0.09)
    part = read(items)
    assert len(decoded) == 1
    wave = listen(part)["c1"]
    assert np.array_equal(wave, replace(items[1]).waveform(RATE))
    decoded.clear()
    assert np.array_equal(listen(read(items))["c1"], wave)  # the second row of the utterance counts
    assert decoded == []


def damage(folder, how):
    samples, table = folder / "clips.f32", folder / "clips.jsonl"
    rows = [json.loads(line) for line in table.read_text("utf-8").splitlines()]
    content = bytearray(samples.read_bytes())
    if how == "a bit":
        content[4 * rows[2]["start"] + 5] ^= 1
        samples.write_bytes(content)
    elif how == "short":
        samples.write_bytes(content[: 4 * rows[3]["start"] - 2])
    elif how == "table":
        text = table.read_text("utf-8").splitlines(keepends=True)
        table.write_text("".join(text[:2]) + text[2][:30], "utf-8")
    elif how == "no samples":
        samples.unlink()
    elif how == "numbers":
        rows[2]["samples"] = -1
        table.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")


@pytest.mark.parametrize("how", ["a bit", "short", "table", "numbers", "no samples"])
def test_damage_is_noticed_and_what_is_whole_is_kept(items, decoded, how):
    before = listen(read(items))
    folder = items[0].audio.parent / "cache"
    decoded.clear()
    damage(folder, how)
    lines = []
    again = read(items, lines)
    whole = 0 if how == "no samples" else 2
    assert len(decoded) == 5 - whole
    total = 3 if how == "table" else 5
    expected = f"{folder}/clips.f32: {whole} of {total} decoded clips are whole; the others are decoded again"
    assert lines == ([] if how == "no samples" else [expected])
    for name, wave in listen(again).items():
        assert np.array_equal(wave, before[name])
    assert (folder / "clips.f32").stat().st_size == 4 * sum(again.samples)


def test_a_file_that_is_cut_in_use_ends_in_a_message(items):
    part = read(items)
    path = items[0].audio.parent / "cache" / "clips.f32"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(Unavailable) as problem:
        listen(part)
    assert str(problem.value) == (
        f"{path} was cut while it was in use\n"
        f"  expected: {sum(part.samples):,} samples\n"
        "  got: 25 samples\n"
        "  do: start the same command again, which decodes what is missing and resumes"
    )


def test_a_disk_that_fills_up_ends_the_cache_and_not_the_training(items, decoded, monkeypatch):
    original = Path.open

    class Full:
        def write(self, _):
            raise OSError(errno.ENOSPC, "No space left on device")

        def close(self):
            pass

    def open_(path, mode="r", **rest):
        return Full() if path.name == "clips.f32" and mode == "ab" else original(path, mode, **rest)

    monkeypatch.setattr(Path, "open", open_)
    lines = []
    part = read(items, lines)
    folder = items[0].audio.parent / "cache"
    assert lines == [f"{folder}/clips.f32: no space is left; clips are decoded in every epoch"]
    assert list(folder.iterdir()) == []
    decoded.clear()
    assert np.array_equal(listen(part)["c1"], replace(items[1]).waveform(RATE))
    assert len(decoded) == 6


def test_memory_does_not_grow_with_the_corpus(tmp_path):
    """Read 60 clips of 64 kB, and hear each again, within the memory of a few."""
    (tmp_path / "cache").mkdir()
    path = tiny.clip(tmp_path / "c.wav", 1.0, 0)
    items = [Item(f"u{number}", path, "") for number in range(60)]
    tracemalloc.start()
    try:
        part = read(items)
        for index in range(len(part)):
            part[index]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 20 * 64_000


def test_held_samples_have_one_rate():
    item = hold_waveform(Item("u", None, "words", context=("before",)), np.ones(4, np.float32), RATE)
    assert (item.id, item.text, item.context) == ("u", "words", ("before",))
    with pytest.raises(ValueError, match="^samples are held at 16000 Hz, not 8000 Hz$"):
        item.waveform(8000)


def test_training_decodes_each_clip_once_and_learns_the_same_without_a_cache(tmp_path, decoded):
    checkpoint = tiny.checkpoint("wav2vec2-group", tmp_path / "start")
    given = make_arguments(tmp_path, checkpoint)
    result = finetune(**given)
    assert sorted(decoded) == [f"c{number}" for number in range(7)]
    decoded.clear()
    plain = finetune(**given | {"out": tmp_path / "plain", "settings": replace(SETTINGS, cache=False)})
    assert len(decoded) > 2 * 7
    assert_same_weights(tmp_path / "tuned", tmp_path / "plain")
    assert {**plain.record, "created": ""} == {**result.record, "created": ""}
    assert not (tmp_path / "tuned.parts").exists()


def test_a_cache_that_does_not_fit_beside_the_checkpoints_is_not_made(tmp_path, decoded, monkeypatch):
    checkpoint = tiny.checkpoint("wav2vec2-group", tmp_path / "start")
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(clip_cache.shutil, "disk_usage", lambda folder: usage(10**9, 10**9, 200_000))
    lines = []
    finetune(**make_arguments(tmp_path, checkpoint, say=lines.append))
    assert len(decoded) > 2 * 7
    found = [line for line in lines if "decoded" in line]
    assert len(found) == 1
    assert found[0].startswith("7 decoded clips would take ")
    assert found[0].endswith(f"are free in {tmp_path / 'tuned.parts'}: clips are decoded in every epoch")
