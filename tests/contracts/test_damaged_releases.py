"""Every reader copes with what happens to releases on their way: no traceback, nothing dropped without a word."""

import os
import shutil
import tempfile
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from featurestore import labels, manifest, registry
from featurestore.errors import Problem
from tests.support.releases import files, is_audio, is_mentioned, unpack

CORPORA = [name for name in registry.names("corpora") if not hasattr(registry.module("corpora", name), "default_root")]
BY_NAME = [name for name in CORPORA if not labels.load_card(name).own]
FORMS = {
    "upper": str.upper,
    "lower": str.lower,
    "decomposed": lambda name: unicodedata.normalize("NFD", name),
    "composed": lambda name: unicodedata.normalize("NFC", name),
    "zip": lambda name: name.encode("utf-8").decode("cp437"),
    "latin-1": lambda name: os.fsdecode(name.encode("latin-1", errors="ignore")),
}
SAME_ROWS = ("upper", "lower", "decomposed", "composed")
ACTIONS = ("remove", "macos", "empty", "folder", "link", "extra", "text")


@pytest.fixture(scope="module", params=CORPORA)
def corpus(request):
    return request.param


@pytest.fixture(scope="module")
def sample(corpus, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sample") / "Release"
    folder.mkdir()
    registry.module("corpora", corpus).sample(folder)
    return folder


def read(corpus, root):
    module = registry.module("corpora", corpus)
    return module.utterances(unpack(module, root))


def copy(sample, folder, form=lambda name: name):
    """Copy a release, with each name of a file or folder in another form."""
    for path in sorted(sample.rglob("*")):
        if path.is_file():
            target = Path(folder, *map(form, path.relative_to(sample).parts))
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
    return Path(folder)


def damage(root, name, action):
    path = root / name
    if action == "remove":
        path.rmdir() if path.is_dir() else path.unlink(missing_ok=True)
    elif action == "macos":
        (path.parent / f"._{path.name}").write_bytes(b"\x00\x05\x16\x07")
    elif action == "extra":
        (path.parent / f"another {path.name}").write_bytes(b"RIFF")
    elif action == "text":
        (path.parent / "notes.txt").write_text("notes")
    elif path.is_file():
        path.unlink()
        if action == "empty":
            path.write_bytes(b"")
        elif action == "folder":
            path.mkdir()
        else:
            path.symlink_to(root / "nowhere")


def check_reading(corpus, root):
    """Return the reading, or None where the release is refused with a message."""
    try:
        reading = read(corpus, root)
    except Problem as problem:
        assert str(root) in str(problem)  # noqa: PT017 - a message is right, a traceback is not
        return None
    manifest.to_csv(reading.utterances).encode()
    for finding in reading.findings:
        assert finding.where
    # a table of one's own names its clips, and the folder may hold others
    names = [] if labels.load_card(corpus).own else [name for name in list_files(root) if is_audio(name)]
    assert [name for name in names if not is_mentioned(escape(name), reading)] == []
    return reading


def list_files(root):
    return [path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()]


def escape(name):
    return name.encode(errors="backslashreplace").decode()


@given(st.data())
@settings(max_examples=12, deadline=None)
def test_damaged_files(corpus, sample, data):
    with tempfile.TemporaryDirectory() as folder:
        root = copy(sample, Path(folder) / "release")  # clips that a reader unpacks lie beside it
        names = sorted(files(root))
        for _ in range(data.draw(st.integers(1, 6))):
            damage(root, data.draw(st.sampled_from(names)), data.draw(st.sampled_from(ACTIONS)))
        check_reading(corpus, root)


@given(st.data())
@settings(max_examples=5, deadline=None)
def test_half_of_the_files(corpus, sample, data):
    with tempfile.TemporaryDirectory() as folder:
        root = copy(sample, Path(folder) / "release")  # clips that a reader unpacks lie beside it
        names = sorted(files(root))
        for name in data.draw(st.lists(st.sampled_from(names), min_size=len(names) // 2, unique=True)):
            damage(root, name, "remove")
        check_reading(corpus, root)


@pytest.mark.parametrize("form", FORMS)
def test_names_in_another_form(corpus, sample, tmp_path, form):
    root = copy(sample, tmp_path, FORMS[form])
    reading = check_reading(corpus, root)
    if corpus in BY_NAME and form in SAME_ROWS:
        assert reading is not None
        before = read(corpus, sample)
        assert describe(reading) == describe(before)


def describe(reading):
    """Return what a reading says about each utterance, without the path of its clip."""
    return {
        row.id: (row.label, row.text, row.speaker, row.gender, row.session, row.dialogue, row.duration)
        for row in reading.utterances
    }


def test_a_folder_in_the_folder(corpus, sample, tmp_path):
    root = copy(sample, tmp_path / "Release")
    shutil.copytree(sample, root / "Release")
    reading = check_reading(corpus, root)
    if corpus in BY_NAME:
        assert describe(reading) == describe(read(corpus, sample))


def test_the_folder_above(corpus, sample, tmp_path):
    root = copy(sample, tmp_path / "above" / "Release").parent
    reading = check_reading(corpus, root)
    if corpus in BY_NAME:
        assert describe(reading) == describe(read(corpus, sample))


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_an_unreadable_file(corpus, sample, tmp_path):
    root = copy(sample, tmp_path)
    name = sorted(files(root))[0]
    (root / name).chmod(0)
    check_reading(corpus, root)
