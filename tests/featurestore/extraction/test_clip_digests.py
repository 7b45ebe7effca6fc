"""Test that a clip is read again after every kind of change, and not read where nothing changed."""

import hashlib
import mmap
import os
import shutil
import time

import numpy as np
import pytest

from featurestore.audio import decode
from featurestore.extraction import clip_digests
from featurestore.extraction.clip_digests import Trust, hash_clips
from featurestore.storage import content_index
from featurestore.storage.content_index import FILE, Content, ContentIndex, read_state

HOUR = 3_600_000_000_000  # nanoseconds


@pytest.fixture
def folder(tmp_path):
    """Write four files of equal size, as clips of a store."""
    for name in "abcd":
        (tmp_path / f"{name}.wav").write_bytes(name.encode() * 1000)
    return tmp_path


@pytest.fixture
def later(monkeypatch):
    """Let an hour have passed since the clips were written, so that they are indexed."""
    monkeypatch.setattr(clip_digests, "read_clock", lambda: time.time_ns() + HOUR)


@pytest.fixture
def read(monkeypatch):
    """Record the names of the clips whose bytes are read."""
    seen = []
    original = decode.digest
    monkeypatch.setattr(decode, "digest", lambda path: seen.append(os.path.basename(path)) or original(path))
    return seen


def clips(folder):
    return [str(folder / f"{name}.wav") for name in "abcd"]


def hash_all(folder, *, paranoid=False):
    """Hash the clips with the index on disk, as a new process does, and compare with a plain computation."""
    lines = []
    found = hash_clips(clips(folder), Trust(folder, paranoid, lines.append))
    for path, digest in found.items():
        if os.path.isfile(path):
            with open(path, "rb") as file:
                assert digest == hashlib.sha256(file.read()).hexdigest(), path
    return found, lines


def keep_times(path, write):
    """Change a file and give it back its time of modification, as `cp -p`, `rsync -t` and `touch -r` do."""
    before = os.stat(path)
    write(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    after = os.stat(path)
    assert (after.st_size, after.st_mtime_ns) == (before.st_size, before.st_mtime_ns)


def replace(path):
    new = path.with_name("new")
    new.write_bytes(b"n" * 1000)
    new.replace(path)


def swap(path):
    other, third = path.with_name("b.wav"), path.with_name("third")
    path.rename(third)
    other.rename(path)
    third.rename(other)


def link(path):
    target = path.with_name("target")
    target.write_bytes(b"t" * 1000)
    path.unlink()
    path.symlink_to(target)


def write_through_map(path):
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as memory:
        memory[10:12] = b"zz"


CHANGES = {
    "grown": lambda path: path.write_bytes(b"a" * 1001),
    "rewritten": lambda path: path.write_bytes(b"z" * 1000),
    "rewritten with its old time": lambda path: keep_times(path, lambda one: one.write_bytes(b"z" * 1000)),
    "replaced with its old time": lambda path: keep_times(path, replace),
    "swapped with its old time": lambda path: keep_times(path, swap),
    "now a link": link,
    "a link to another file of the same time": lambda path: keep_times(path, link),
    "written through a memory map": write_through_map,
    "written through a memory map, with its old time": lambda path: keep_times(path, write_through_map),
    "cut and filled again": lambda path: keep_times(path, lambda one: (os.truncate(one, 0), os.truncate(one, 1000))),
    "deleted": lambda path: path.unlink(),
    "now a folder": lambda path: (path.unlink(), path.mkdir()),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_every_change_is_noticed(folder, later, read, change):
    before, _ = hash_all(folder)
    read.clear()
    assert hash_all(folder)[0] == before
    assert read == []
    time.sleep(0.02)  # more than the kernel's clock needs to tick
    change(folder / "a.wav")
    after, _ = hash_all(folder)
    assert after[clips(folder)[0]] != before[clips(folder)[0]]
    assert "a.wav" in read
    assert {"c.wav", "d.wav"}.isdisjoint(read)


def test_a_link_to_another_target_is_noticed(folder, later, read):
    hash_all(folder)
    one, two = folder / "one", folder / "two"
    for path in (one, two):
        path.write_bytes(path.name.encode())
        os.utime(path, ns=(1, 1))
    (folder / "a.wav").unlink()
    (folder / "a.wav").symlink_to(one)
    hash_all(folder)
    (folder / "a.wav").unlink()
    (folder / "a.wav").symlink_to(two)
    read.clear()
    hash_all(folder)  # compares with the bytes
    assert read == ["a.wav"]


def test_a_clip_that_comes_back_and_a_new_one_are_read(folder, later, read):
    (folder / "a.wav").rename(folder / "away")
    missing, _ = hash_all(folder)
    again, _ = hash_all(folder)
    assert missing == again
    assert read.count("a.wav") == 2  # the reason may have changed
    (folder / "away").rename(folder / "a.wav")
    read.clear()
    hash_all(folder)
    assert read == ["a.wav"]
    read.clear()
    hash_all(folder)
    assert read == []


def test_a_clip_that_has_just_changed_is_not_trusted(folder, read):
    hash_all(folder)
    hash_all(folder)
    assert sorted(read) == sorted(2 * ["a.wav", "b.wav", "c.wav", "d.wav"])


def test_a_clip_that_changes_while_it_is_read_is_not_trusted(folder, later, monkeypatch):
    original = decode.digest

    def change(path):
        digest = original(path)
        if path.endswith("a.wav"):
            with open(path, "ab") as file:
                file.write(b"more")
        return digest

    monkeypatch.setattr(decode, "digest", change)
    hash_clips(clips(folder), Trust(folder, False, print))
    monkeypatch.setattr(decode, "digest", original)
    hash_all(folder)  # compares with the bytes


def test_times_in_the_future_are_not_trusted(folder, later, read):
    ahead = time.time_ns() + 2 * HOUR
    os.utime(folder / "a.wav", ns=(ahead, ahead))
    hash_all(folder)
    read.clear()
    hash_all(folder)
    assert read == ["a.wav"]


def test_paranoid_reads_every_clip_and_corrects_the_index(folder, later, read):
    hash_all(folder)
    right = ContentIndex(folder).find(clips(folder), [read_state(path) for path in clips(folder)])
    ContentIndex(folder).write({path: Content(read_state(path), "ab" * 32) for path in clips(folder)})
    wrong = hash_clips(clips(folder), Trust(folder, False, print))
    assert set(wrong.values()) == {"ab" * 32}
    read.clear()
    hash_all(folder, paranoid=True)
    assert sorted(read) == ["a.wav", "b.wav", "c.wav", "d.wav"]
    assert ContentIndex(folder).find(clips(folder), [read_state(path) for path in clips(folder)]) == right


def test_a_corpus_that_is_away_for_a_while_is_not_read_again(folder, later, read):
    corpus, away = folder / "corpus", folder / "away"
    corpus.mkdir()
    paths = [str(corpus / name) for name in ("a.wav", "b.wav")]
    for path in paths:
        shutil.copy(folder / os.path.basename(path), path)
    before = hash_clips(paths, Trust(folder, False, print))
    corpus.rename(away)
    missing = hash_clips(paths, Trust(folder, False, print))
    assert set(missing.values()).isdisjoint(before.values())
    away.rename(corpus)
    read.clear()
    assert hash_clips(paths, Trust(folder, False, print)) == before
    assert read == []


def test_clips_that_left_the_manifest_leave_the_index(folder, later, read):
    hash_all(folder)
    hash_clips(clips(folder)[1:], Trust(folder, False, print))
    assert len(ContentIndex(folder)) == 3
    read.clear()
    hash_clips(clips(folder)[1:], Trust(folder, False, print))
    assert read == []


def test_paranoid_forgets_a_clip_that_cannot_be_read(folder, later):
    hash_all(folder)
    (folder / "a.wav").unlink()
    hash_all(folder)
    assert len(ContentIndex(folder)) == 4
    hash_all(folder, paranoid=True)
    assert len(ContentIndex(folder)) == 3


def test_a_clip_of_several_segments_is_read_once(folder, read):
    hash_clips([clips(folder)[0]] * 5)
    assert read == ["a.wav"]
    assert not (folder / FILE).exists()


def damage(path, start, stop):
    content = bytearray(path.read_bytes())
    content[start:stop] = bytes(255 - byte for byte in content[start:stop])
    path.write_bytes(content)


def test_a_damaged_index_is_read_as_none(folder, later, read):
    hash_all(folder)
    whole = (folder / FILE).read_bytes()
    for start in range(0, len(whole), 31):
        (folder / FILE).write_bytes(whole)
        damage(folder / FILE, start, start + 1)
        hash_all(folder)  # compares with the bytes


@pytest.mark.parametrize("content", [b"", b"PK", b"{}", b"x" * 5000])
def test_another_file_in_place_of_the_index_is_read_as_none(folder, later, read, content):
    (folder / FILE).write_bytes(content)
    hash_all(folder)
    read.clear()
    hash_all(folder)
    assert read == []


@pytest.mark.parametrize("size", [10, 400, -30])
def test_a_truncated_index_is_read_as_none(folder, later, read, size):
    hash_all(folder)
    whole = (folder / FILE).read_bytes()
    (folder / FILE).write_bytes(whole[:size])
    read.clear()
    hash_all(folder)
    assert len(read) == 4


OTHERS = {
    "another version": lambda columns: {"version": np.array(2)},
    "fewer states": lambda columns: {"states": columns["states"][:-1]},
    "no states": lambda columns: {"states": columns["states"][:0]},
    "narrow states": lambda columns: {"states": columns["states"][:, :-1]},
    "fewer digests": lambda columns: {"digests": columns["digests"][:-1]},
    "short digests": lambda columns: {"digests": columns["digests"][:, :-1]},
    "fewer paths": lambda columns: {"paths": columns["paths"][:1]},
}


@pytest.mark.parametrize("change", OTHERS.values(), ids=OTHERS)
def test_an_index_of_another_version_or_shape_is_read_as_none(folder, later, read, change):
    hash_all(folder)
    with np.load(folder / FILE) as content:
        columns = dict(content)
    np.savez(folder / FILE, **columns | change(columns))
    read.clear()
    hash_all(folder)
    assert len(read) == 4


def test_an_index_that_cannot_be_written_costs_time_alone(folder, later):
    (folder / FILE).mkdir()
    _, lines = hash_all(folder)
    assert lines == [f"{folder / FILE} cannot be written (Is a directory), so the next run reads every clip again"]


def test_a_moved_corpus_is_read_again(folder, later, read, tmp_path_factory):
    hash_all(folder)
    copy = tmp_path_factory.mktemp("copy") / "corpus"
    shutil.copytree(folder, copy)
    read.clear()
    hash_all(copy)
    assert len(read) == 4


def test_names_of_any_bytes_and_clips_without_a_name_are_indexed(folder, later):
    odd = os.fsdecode(os.fsencode(folder) + b"/\xff.wav")
    with open(odd, "wb") as file:
        file.write(b"1")
    found = hash_clips([odd, "a\0b"], Trust(folder, False, print))
    again = hash_clips([odd, "a\0b"], Trust(folder, False, print))
    assert found == again
    assert found[odd] == hashlib.sha256(b"1").hexdigest()
    assert len(ContentIndex(folder)) == 1


def test_the_index_is_lost_without_a_change(folder, later):
    before, _ = hash_all(folder)
    (folder / FILE).unlink()
    assert hash_all(folder)[0] == before


def test_two_seconds_must_have_passed_since_a_change():
    state = (10, 5_000_000_000, 6_000_000_000, 1)
    assert content_index.is_settled(state, 8_000_000_001)
    assert not content_index.is_settled(state, 8_000_000_000)
    assert not content_index.is_settled(content_index.UNKNOWN, HOUR)
