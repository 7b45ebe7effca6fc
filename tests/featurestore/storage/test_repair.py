"""Feature files that other programs opened for writing, added to, repacked or damaged."""

import errno
import os
import subprocess
import sys

import h5py
import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from cli import main
from featurestore.errors import Mismatch, Unavailable
from featurestore.extraction import extract
from featurestore.extraction.extract import _Extractor
from featurestore.manifest import to_csv
from featurestore.spec import EncoderSpec
from featurestore.storage import changes, repair, seal, superblock
from featurestore.storage.feature_file import FeatureFile
from featurestore.store import Store
from tests.support import tiny

HEADER = "import h5py, os, sys, time, numpy as np\npath = sys.argv[1]\n"
OPEN = "f = h5py.File(path, 'r+')"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Make a finished store of text features, and their checkpoint. Each test has a copy of the file."""
    folder = tmp_path_factory.mktemp("made")
    store = tiny.store(folder / "store", tiny.utterances(24, folder / "corpus"), folder / "corpus")
    encoder = EncoderSpec("text", str(tiny.checkpoint("bert", folder / "bert")))
    extract.extract_encoder(store, encoder, jobs=1, device="cpu")
    return folder


@pytest.fixture
def path(made):
    path = made / "store" / "text.h5"
    whole = path.read_bytes()
    yield path
    for left in path.parent.glob("text.h5?*"):
        left.unlink()
    path.unlink(missing_ok=True)
    path.write_bytes(whole)


@pytest.fixture(autouse=True)
def nothing_is_encoded(monkeypatch, made):
    """Fail a test in which a finished utterance would be encoded again."""

    def refuse(*args):
        raise AssertionError("encoded again")

    monkeypatch.setattr(_Extractor, "_encode", refuse)


def python(code, path, **environment):
    """Run another program to its end."""
    command = [sys.executable, "-c", HEADER + code, str(path)]
    subprocess.run(command, env=os.environ | environment, check=False, timeout=60)


def cli(*arguments):
    done = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert not done.exception or isinstance(done.exception, SystemExit), done.exception
    return done


def commands(path):
    """Run every command that reads a feature file, and return exit code and output of each."""
    folder = path.parent
    found = {
        "fit-head": cli("fit-head", "--store", folder, "--head", "prior", "--out", folder.parent / "bundle"),
        "verify": cli("verify", folder),
        "inspect": cli("inspect", path),
    }
    return {name: read_output(done) for name, done in found.items()} | {"extract": extract_again(path)}


def extract_again(path):
    """Run the command that made a feature file, and return exit code and output."""
    model = path.parent.parent / "bert"
    return read_output(cli("extract", "--store", path.parent, "--encoder", f"text={model}", "--jobs", 1))


def read_output(done):
    return done.exit_code, " ".join(done.output.split())


def matrix(path):
    return Store(path.parent).matrix(["text.mean"])[0]


def add_to(path, change):
    with h5py.File(path, "r+") as file:
        change(file)


def copy_plain(path, user_block=0, **options):
    """Repack a file: the same objects in another layout, with or without our user block."""
    other = path.with_name("repacked")
    with h5py.File(path) as old, h5py.File(other, "w", userblock_size=user_block) as new:
        new.attrs.update(old.attrs)
        for name in FeatureFile(path).names:
            values = old[name][()]
            new.create_dataset(name, data=values, dtype=old[name].dtype, **(options if values.size else {}))
    if user_block:
        with other.open("r+b") as file:
            file.write(path.read_bytes()[:user_block])
    other.replace(path)


# Nothing that matters is different afterwards.
HARMLESS = {
    "opened to write and closed": lambda path: h5py.File(path, "r+").close(),
    "opened to append and closed": lambda path: h5py.File(path, "a").close(),
    "opened by another version and closed": lambda path: h5py.File(path, "a", libver="latest").close(),
    "opened and closed by another program": lambda path: python(f"{OPEN}; f.flush(); f.close()", path),
    "read by a program that was killed": lambda path: python("f = h5py.File(path, 'r'); os._exit(9)", path),
    "modification time changed": lambda path: os.utime(path, (1, 1)),
    "copied back": lambda path: path.write_bytes(path.read_bytes()),
}
# A mark is left, and no other byte is different.
LEFT_OPEN = {
    "killed": lambda path: python(f"{OPEN}; os._exit(9)", path),
    "killed while appending": lambda path: python("f = h5py.File(path, 'a'); os._exit(9)", path),
    "killed before what it added was written": lambda path: python(f"{OPEN}; f.attrs['x'] = 1; os._exit(9)", path),
    "killed as a single writer": lambda path: python(
        "f = h5py.File(path, 'r+', libver='latest'); f.swmr_mode = True; os._exit(9)", path
    ),
    "killed without locks": lambda path: python(f"{OPEN}; os._exit(9)", path, HDF5_USE_FILE_LOCKING="FALSE"),
}
# Something was added or moved, but no dataset of ours is different. With what the rewritten file leaves out.
CHANGED = {
    "an attribute added": (lambda path: add_to(path, lambda file: file.attrs.update(note="x")), "attribute note"),
    "an attribute added to a dataset": (
        lambda path: add_to(path, lambda file: file["mean"].attrs.update(unit="m")),
        "attribute unit of mean",
    ),
    "a dataset added": (lambda path: add_to(path, lambda file: file.update(mine=np.arange(9.0))), "mine"),
    "a group added": (lambda path: add_to(path, lambda file: file.create_group("work")), "work"),
    "a link added": (
        lambda path: add_to(path, lambda file: file.update(there=h5py.ExternalLink("/etc/passwd", "/x"))),
        "there",
    ),
    "an attribute deleted": (lambda path: add_to(path, lambda file: file.attrs.pop("created")), ""),
    "killed after what it added was written": (
        lambda path: python(f"{OPEN}; f.attrs['note'] = 'x'; f.flush(); os._exit(9)", path),
        "attribute note",
    ),
    "repacked with the user block": (lambda path: copy_plain(path, seal.SIZE), ""),
    "compressed": (lambda path: copy_plain(path, chunks=True, compression="gzip"), ""),
    "bytes appended": (lambda path: path.write_bytes(path.read_bytes() + b"x"), ""),
}


def change_a_value(file):
    file["mean"][3, 2] += 1
    file.attrs["note"] = "x"


# Values are lost.
DAMAGED = {
    "a value changed and something added": (lambda path: add_to(path, change_a_value), "damaged datasets: mean"),
    "a dataset deleted": (lambda path: add_to(path, lambda file: file.pop("mean")), "damaged datasets: mean"),
    "a dataset replaced by a link": (
        lambda path: add_to(
            path, lambda file: (file.pop("mean"), file.update(mean=h5py.ExternalLink("/etc/passwd", "/x")))
        ),
        "damaged datasets: mean",
    ),
    "a digest deleted": (
        lambda path: add_to(path, lambda file: file.attrs.update(digests=file.attrs["digests"].replace("mean", "m"))),
        "mean (no checksum)",
    ),
    "its digests deleted": (lambda path: add_to(path, lambda file: file.attrs.pop("digests")), "attribute digests"),
    "its digests emptied": (lambda path: add_to(path, lambda file: file.attrs.update(digests="{}")), "no checksum"),
    "truncated": (lambda path: path.write_bytes(path.read_bytes()[:-3000]), "truncated or grown"),
    "emptied": (lambda path: path.write_bytes(b""), "not a feature file"),
    "no HDF5": (lambda path: path.write_bytes(b"broken"), "not a feature file"),
}


@pytest.mark.parametrize("what", HARMLESS)
def test_a_file_that_was_opened_and_closed_is_used_as_before(path, what):
    expected = matrix(path)
    HARMLESS[what](path)
    assert {name: code for name, (code, _) in commands(path).items() if code} == {}
    np.testing.assert_array_equal(matrix(path), expected)


@pytest.mark.parametrize(
    "work", ["f = h5py.File(path, 'r+'); f.attrs['note'] = 'x'; f.flush()", "f = open(path, 'r+b'); f.truncate(9000)"]
)
def test_a_file_that_is_being_written_is_neither_called_damaged_nor_replaced(path, work):
    """Another program has already written: a notebook that goes on, or a copy that is not finished."""
    command = [sys.executable, "-c", f"{HEADER}{work}\nprint('open', flush=True)\ntime.sleep(60)", str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        try:
            assert other.stdout.readline() == "open\n"
            before = path.read_bytes()
            found = commands(path)
            assert cli("verify", path.parent, "--repair").exit_code == 1
        finally:
            other.kill()
    assert path.read_bytes() == before
    for code, output in found.values():
        assert code == 1
        assert f"{path} is open for writing in another program got: " in output
        assert f"(process {other.pid})" in output


@pytest.mark.parametrize("locks", ["", "FALSE"])
def test_a_file_that_is_open_for_writing_is_not_touched(path, locks):
    whole, expected = path.read_bytes(), matrix(path)
    command = [sys.executable, "-c", f"{HEADER}{OPEN}\nprint('open', flush=True)\ntime.sleep(60)", str(path)]
    environment = os.environ | ({"HDF5_USE_FILE_LOCKING": locks} if locks else {})
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as other:
        try:
            assert other.stdout.readline() == "open\n"
            marked = path.read_bytes()
            found = commands(path)
            with pytest.raises(Unavailable, match="text.h5 is open for writing in another program"):
                matrix(path)
            repaired = cli("verify", path.parent, "--repair")
            listed = cli("inspect", path.parent)
        finally:
            other.kill()
    assert marked == path.read_bytes() != whole
    for code, output in found.values():
        assert code == 1
        assert f"{path} is open for writing in another program got: " in output
        assert f"(process {other.pid}) do: close it there (a notebook, HDFView), then run the same command" in output
    assert repaired.exit_code == 1
    assert found["verify"][1].startswith("verifying ")
    assert " utterances.csv: " in found["verify"][1]
    assert f"not checked: {path} is open for writing" in found["verify"][1]
    assert found["verify"][1].endswith(f"{path.parent}: 1 not checked")
    assert "WRONG" not in found["verify"][1]
    assert listed.exit_code == 0
    assert f"state: {path} is open for writing in another program" in listed.output
    assert cli("verify", path.parent, "--repair").exit_code == 0
    np.testing.assert_array_equal(matrix(path), expected)
    assert path.read_bytes() == whole


@pytest.mark.parametrize("mode", ["r", "r+"])
def test_a_handle_of_this_program_itself_counts_too(path, mode):
    expected = matrix(path)
    with h5py.File(path, mode):
        if mode == "r":
            np.testing.assert_array_equal(matrix(path), expected)
        else:
            with pytest.raises(Unavailable, match=r"got: this program itself \(process \d+\)"):
                matrix(path)
    np.testing.assert_array_equal(matrix(path), expected)


@pytest.mark.parametrize("what", LEFT_OPEN)
def test_the_command_for_a_file_left_open_restores_every_byte(path, what):
    whole = path.read_bytes()
    LEFT_OPEN[what](path)
    assert path.read_bytes() != whole
    for use in (lambda: matrix(path), lambda: FeatureFile(path)):
        with pytest.raises(Unavailable, match=r"text\.h5 was left open for writing(.|\n)*cli verify .*/store --repair"):
            use()
    for arguments in (("fit-head", "--store", path.parent, "--head", "prior"), ("verify", path.parent)):
        done = cli(*arguments)
        assert done.exit_code == 1
        assert f"cli verify {path.parent} --repair" in done.output
        assert "move it away" not in done.output
    done = cli("verify", path.parent, "--repair")
    assert done.exit_code == 0, done.output
    assert "every checksum matches; the mark was cleared" in done.output
    assert path.read_bytes() == whole


@pytest.mark.parametrize("what", [*LEFT_OPEN, *CHANGED])
def test_extract_reuses_datasets_with_matching_checksums(path, what):
    expected, header = matrix(path), FeatureFile(path).header
    (LEFT_OPEN.get(what) or CHANGED[what][0])(path)
    code, output = commands(path)["extract"]
    assert code == 0, output
    assert "0 encoded now, 24 reused, 0 failed" in output
    assert "every checksum matches" in output
    np.testing.assert_array_equal(matrix(path), expected)
    assert FeatureFile(path).find_damaged() == []
    assert FeatureFile(path).header.digests == header.digests
    assert {name: code for name, (code, _) in commands(path).items() if code} == {}


@pytest.mark.parametrize("what", CHANGED)
def test_a_changed_file_is_rewritten_and_a_copy_with_the_additions_is_kept(path, what):
    expected = matrix(path)
    change, added = CHANGED[what]
    change(path)
    changed = path.read_bytes()
    with pytest.raises(
        Mismatch, match=r"text\.h5 is damaged or not a feature file(.|\n)*repair it: cli verify .* --repair "
    ):
        matrix(path)
    assert path.read_bytes() == changed
    output = " ".join(cli("verify", path.parent, "--repair").output.split())
    assert "was changed by another program" in output
    backup = path.with_name("text.h5.changed")
    if added:
        assert f"the file was rewritten without {added}; the changed file is {backup}" in output
        assert backup.read_bytes() == changed
    assert backup.exists() == bool(added)
    file = FeatureFile(path)
    assert file.sealed
    assert file.find_damaged() == []
    np.testing.assert_array_equal(np.array(file["mean"]), expected)


@pytest.mark.parametrize("what", DAMAGED)
def test_a_damaged_file_is_reported_and_not_touched(path, what):
    change, reason = DAMAGED[what]
    change(path)
    damaged = path.read_bytes()
    code, output = extract_again(path)
    assert code == 1
    assert f"{path} is damaged got: " in output
    assert reason in output
    assert f"or re-encode everything: mv {path} {path}.damaged, then cli extract" in output
    assert cli("verify", path.parent, "--repair").exit_code == 1
    assert path.read_bytes() == damaged
    for name, (code, _) in commands(path).items():
        assert code == 1, name


def test_a_layout_that_hangs_hdf5_is_reported(path, monkeypatch):
    """HDF5 2.0 loops forever with some zeros in the heap of the attributes."""
    monkeypatch.setattr(changes, "_TIMEOUT", 0.01)
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(Mismatch, match="HDF5 hangs when it opens the file"):
        repair.repair(path)


def test_a_copy_made_while_the_file_was_open_is_repaired(path):
    with h5py.File(path, "r+"):
        marked = path.read_bytes()
    path.write_bytes(marked)
    assert "the mark was cleared" in cli("verify", path.parent, "--repair").output
    assert cli("verify", path.parent).exit_code == 0


def test_a_changed_value_is_never_copied_into_a_new_file(path, made):
    """The seal does not cover values, and a join would compute a new checksum."""
    add_to(path, lambda file: file["mean"].write_direct(np.zeros_like(file["mean"][()])))
    manifest = path.with_name("utterances.csv")
    before = manifest.read_text("utf-8")
    try:
        manifest.write_text(to_csv(list(Store(path.parent).utterances)[::-1]), "utf-8")
        with pytest.raises(Mismatch, match=r"text\.h5 is damaged\n  got: damaged datasets: mean\n  do: restore"):
            extract.extract_encoder(Store(path.parent), EncoderSpec("text", str(made / "bert")), jobs=1, device="cpu")
    finally:
        manifest.write_text(before, "utf-8")


def test_a_file_opened_elsewhere_during_an_extraction_is_not_replaced(path, made, monkeypatch):
    manifest = path.with_name("utterances.csv")
    before = manifest.read_text("utf-8")
    rows = tiny.utterances(25, made / "corpus")
    handles = []

    def encode(*args):
        handles.append(h5py.File(path, "r+"))
        return [], 1

    monkeypatch.setattr(_Extractor, "_encode", encode)
    try:
        manifest.write_text(to_csv(rows), "utf-8")
        with pytest.raises(Unavailable, match="text.h5 is open for writing in another program"):
            extract.extract_encoder(Store(path.parent), EncoderSpec("text", str(made / "bert")), jobs=1, device="cpu")
    finally:
        handles[0].close()
        manifest.write_text(before, "utf-8")
    assert len(FeatureFile(path).ids) == 24


def test_an_unreadable_file_is_reported_by_every_command(path, monkeypatch):
    def refuse(path):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(seal, "check", refuse)
    for name, (code, output) in commands(path).items():
        assert code == 1, name
        assert f"{path} cannot be read got: Permission denied do: ask for read access to it" in output


def test_a_file_without_a_seal_gets_one(path):
    copy_plain(path)
    assert "text.h5: has no seal" in cli("verify", path.parent).output
    assert cli("verify", path.parent, "--repair").exit_code == 0
    assert FeatureFile(path).sealed


def test_the_hdf5_checksum_equals_the_published_value():
    assert superblock._checksum(b"Four score and seven years ago") == (0x17770551).to_bytes(4, "little")


@settings(max_examples=30)
@given(
    libver=st.sampled_from(["v110", "v112", "latest"]),
    sizes=st.lists(st.integers(0, 99), max_size=3),
    user_block=st.sampled_from([0, 512, 2048]),
)
def test_a_cleared_mark_equals_what_hdf5_writes_when_it_closes(tmp_path_factory, libver, sizes, user_block):
    path = tmp_path_factory.mktemp("mark") / "x.h5"
    with h5py.File(path, "w", libver=libver, userblock_size=user_block) as file:
        for number, size in enumerate(sizes):
            file[f"d{number}"] = np.arange(size)
    closed = path.read_bytes()
    with h5py.File(path, "r+", libver=libver):
        marked = path.read_bytes()
    assert superblock.is_marked(marked[user_block:])
    assert not superblock.is_marked(closed[user_block:])
    path.write_bytes(marked)
    with superblock.open_without_mark(path, user_block) as file:
        assert file.read() == closed
    superblock.clear(path, user_block)
    assert path.read_bytes() == closed
