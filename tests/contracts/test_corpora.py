"""Every corpus keeps these, on the sample release that its own module writes."""

import ast
import functools
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.statistics.count_metrics import COUNT_METRICS
from featurestore import labels, manifest, registry
from featurestore.corpora import COMMON_SCHEMES, CorpusCard, Reading
from featurestore.errors import Problem
from featurestore.folds.fold import split
from featurestore.preparation.prepare import prepare
from featurestore.preparation.recognize import recognize_corpus
from featurestore.store import Store
from tests.support.contracts import add_plugin, run_contract
from tests.support.releases import (
    clips,
    damage_file,
    files,
    is_audio,
    is_mentioned,
    list_in_order,
    new_places,
    select,
    unpack,
)

CORPORA = registry.names("corpora")
HEAVY = ("torch", "transformers", "sklearn", "pandas", "opensmile", "h5py", "soundfile")
DAMAGES = ("missing", "empty")


@pytest.fixture(params=CORPORA)
def corpus(request):
    return request.param


@pytest.fixture
def root(corpus, tmp_path):
    return write_sample(corpus, tmp_path / "release")


def write_sample(corpus, folder):
    folder.mkdir()
    registry.module("corpora", corpus).sample(folder)
    return unpack(registry.module("corpora", corpus), folder)


def read(corpus, root):
    module = registry.module("corpora", corpus)
    return module.utterances(unpack(module, root))


# the card


def test_its_card_is_complete(corpus):
    card = labels.load_card(corpus)
    assert isinstance(card, CorpusCard)
    for name in ("title", "licence", "citation", "note"):
        value = getattr(card, name)
        assert value.strip() == value != "", name
        assert not value.endswith("."), name
        assert "\n" not in value, name
    assert set(card.counts) <= set(card.labels)


def test_a_card_says_what_a_reader_must_know(corpus):
    card = labels.load_card(corpus)
    if card.own or hasattr(registry.module("corpora", corpus), "default_root"):
        pytest.skip("one's own data")
    assert card.language
    assert card.words
    assert card.source.startswith("http")
    assert card.labels
    assert card.schemes


def test_its_counts_are_those_of_its_first_line_and_of_its_split(corpus):
    module = registry.module("corpora", corpus)
    count = sum(module.CARD.counts.values())
    if not count or hasattr(module, "default_root"):
        pytest.skip("the number of utterances varies")
    assert f"{count:,}" in module.__doc__.splitlines()[0]
    assert sum(module.CARD.partitions.values()) in (0, count)


def test_common_schemes_are_those_of_its_labels(corpus):
    card = labels.load_card(corpus)
    for name, known in COMMON_SCHEMES.items():
        classes = card.find_classes(name)
        assert set(classes) == set(card.labels)
        assert set(classes.values()) <= {*known.values(), None}


def test_its_sample_is_recognized_by_the_names_of_its_files(corpus, root):
    if not hasattr(registry.module("corpora", corpus), "LAYOUT"):
        pytest.skip("its files may have any name")
    assert recognize_corpus(root) == corpus


def test_its_schemes_know_every_label(corpus):
    card = labels.load_card(corpus)
    for name, classes in card.schemes.items():
        assert set(classes) == set(card.labels), name
        assert labels.load_scheme(name).classes == classes
    assert not card.default_scheme or card.default_scheme in labels.list_schemes()


def test_no_two_corpora_have_a_scheme_of_the_same_name():
    names = [name for corpus in registry.names("corpora") for name in labels.load_card(corpus).schemes]
    assert len(names) == len(set(names))
    assert labels.ALL not in names


def test_its_published_figures_can_be_traced_and_compared(corpus):
    card = labels.load_card(corpus)
    for one in card.published:
        assert 0 < one.value <= 1, one
        assert one.metric in COUNT_METRICS, one
        assert one.labels in card.schemes, one
        assert "https://" in one.source or re.search(r'".+"', one.source), one  # an address, or a title in quotes
        assert one.name.strip(), one
        assert one.note.strip(), one
        assert one.protocol in ("", *registry.names("protocols")), one
        assert card.partitions or one.protocol != "official", one
    figures = [(one.name, one.metric, one.labels, one.note) for one in card.published]
    assert len(set(figures)) == len(figures)


# import each module in a process of its own, forked from one that has imported nothing heavy
FIND_HEAVY = f"""
import importlib.util, os, sys
from featurestore.corpora import CorpusCard
for path in sys.argv[1:]:
    if process := os.fork():
        assert os.waitpid(process, 0)[1] == 0, path
        continue
    spec = importlib.util.spec_from_file_location('imported', path)
    module = sys.modules['imported'] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    os.write(1, repr([name for name in {HEAVY} if name in sys.modules]).encode() + b'\\n')
    os._exit(0)
"""


@functools.cache
def find_heavy(paths):
    """Return the heavy libraries that each of these modules imports, by path."""
    answer = subprocess.run([sys.executable, "-c", FIND_HEAVY, *paths], capture_output=True, text=True, check=True)
    return dict(zip(paths, map(ast.literal_eval, answer.stdout.splitlines()), strict=True))


def test_importing_its_module_imports_nothing_heavy(corpus):
    paths = tuple(registry.module("corpora", name).__file__ for name in registry.names("corpora"))
    assert find_heavy(paths)[registry.module("corpora", corpus).__file__] == []


# reading the sample


def test_its_sample_is_read(corpus, root):
    reading = read(corpus, root)
    assert isinstance(reading, Reading)
    assert reading.utterances
    ids = [row.id for row in reading.utterances]
    assert len(set(ids)) == len(ids)
    assert all(ids)
    assert all(row.audio or row.text.strip() for row in reading.utterances)


def test_every_clip_of_its_sample_exists_and_has_a_duration(corpus, root):
    rows = [row for row in read(corpus, root).utterances if row.audio]
    assert rows
    for row in rows:
        assert (root / row.audio).is_file(), row.id
        assert row.duration is not None, row.id
        assert row.duration > 0, row.id


def test_every_label_of_its_sample_is_in_the_card(corpus, root):
    card = labels.load_card(corpus)
    found = {row.label for row in read(corpus, root).utterances}
    assert found <= set(card.labels) or card.own
    for name in card.schemes:
        assert labels.load_scheme(name).apply(read(corpus, root).utterances)


def test_a_sample_has_the_same_bytes_twice_and_reads_the_same(corpus, root, tmp_path):
    again = write_sample(corpus, tmp_path / "again")
    assert files(again) == files(root)
    before, after = read(corpus, root), read(corpus, again)
    assert manifest.to_csv(before.utterances) == manifest.to_csv(after.utterances)
    assert before == after


def test_reading_changes_no_file(corpus, root):
    before = files(root)
    read(corpus, root)
    assert files(root) == before


def test_the_order_of_a_folder_does_not_matter(corpus, root, monkeypatch):
    readings = []
    for descending in (False, True):
        with monkeypatch.context() as patch:
            list_in_order(patch, descending)
            readings.append(read(corpus, root))
    assert readings[0] == readings[1]


# nothing is dropped silently


def test_every_clip_is_an_utterance_or_in_a_finding(corpus, root):
    reading = read(corpus, root)
    assert [name for name in clips(root) if not is_mentioned(name, reading)] == []


def test_an_unknown_clip_is_an_utterance_or_in_a_finding(corpus, root):
    if labels.load_card(corpus).own:
        pytest.skip("a table names its clips")
    names = clips(root)
    for name in select(names):
        copy = Path(name).with_name(f"unknown {Path(name).name}")
        shutil.copy(root / name, root / copy)
        reading = read(corpus, root)
        assert is_mentioned(copy.as_posix(), reading)
        assert len(reading.utterances) >= len(names)
        (root / copy).unlink()


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_clip_is_in_a_finding_or_missing_in_the_counts(corpus, root, damage):
    before = read(corpus, root)
    for name in select(clips(root)):
        with damage_file(root / name, damage):
            after = read(corpus, root)
        utterance_id = next(row.id for row in before.utterances if row.audio == name)
        is_found = any(Path(name).stem in where or utterance_id in where for where in new_places(before, after))
        is_missing = utterance_id not in {row.id for row in after.utterances}
        # `cli prepare` shows how many utterances of each label are missing, if the card has the known counts
        assert is_found or (is_missing and labels.load_card(corpus).counts), name


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_text_file_is_a_problem_or_in_a_finding(corpus, root, damage):
    before = read(corpus, root)
    mark = getattr(registry.module("corpora", corpus), "MARK", "")  # without it, the corpus is generated again
    for name in select([name for name in files(root) if not is_audio(name) and name != mark]):
        with damage_file(root / name, damage):
            try:
                after = read(corpus, root)
            except Problem as problem:
                assert str(root) in str(problem)  # noqa: PT017 - either outcome is right
                continue
        assert after.utterances == before.utterances or new_places(before, after), name


# preparing the sample


def test_its_sample_is_prepared_and_split(corpus, root, tmp_path):
    found = prepare(corpus, root, tmp_path / "store")
    store = Store(tmp_path / "store")
    assert store.utterances == read(corpus, root).utterances
    assert found.summary().startswith(f"{corpus}: {len(store.utterances):,} utterances")
    classes = labels.load_scheme(labels.find_default(corpus)).apply(store.utterances)
    (fold,) = split("holdout", store.utterances, classes, dev=True)
    assert len({classes[one] for one in fold.test}) > 1
    written = files(tmp_path / "store")
    assert prepare(corpus, root, tmp_path / "store").written == ()
    assert files(tmp_path / "store") == written


# wrong roots


def check_problem(corpus, root):
    with pytest.raises(Problem) as caught:
        read(corpus, root)
    what, *details = str(caught.value).splitlines()
    assert str(root) in what
    assert [line.split(":")[0].strip() for line in details][:1] == ["expected"]
    assert any(line.startswith("  do: ") for line in details)


def test_a_folder_or_file_of_something_else_is_a_problem(corpus, tmp_path):
    (tmp_path / "notes.txt").write_text("nothing of a corpus")
    for root in (tmp_path, tmp_path / "notes.txt"):
        check_problem(corpus, root)
    assert files(tmp_path) == {"notes.txt": b"nothing of a corpus"}


def test_an_empty_or_missing_folder_is_a_problem(corpus, tmp_path):
    if hasattr(registry.module("corpora", corpus), "default_root"):
        pytest.skip("this corpus is generated there")
    check_problem(corpus, tmp_path)
    check_problem(corpus, tmp_path / "missing")


# a corpus in one file

BY_FOLDER = '''"""One folder per label, one clip per utterance."""

from featurestore.corpora import CorpusCard, Finding, Reading, set_durations
from featurestore.errors import NotFound
from featurestore.manifest import Utterance

KIND = "corpora"
LABELS = {"a": "angry", "n": "neutral"}
CARD = CorpusCard(
    title="Folders", licence="free", citation="none", note="noise", language="English", source="https://example.org",
    words="none", labels=LABELS, schemes={"folders-2": LABELS},
    default_scheme="folders-2",
)


def utterances(root):
    """Read one utterance per clip."""
    clips = ORDER(root.glob("*/*.wav"))
    if not clips:
        raise NotFound(f"{root} is not a release", expected="a folder per label", do="choose another ROOT")
    known = [clip for clip in clips if clip.parent.name in LABELS]
    rows = [
        Utterance(clip.stem, clip.relative_to(root).as_posix(), label=clip.parent.name, speaker=clip.stem[:2])
        for clip in known
    ]
    expected = [f"{speaker}-{label}-{number}" for label in LABELS for speaker in ("s1", "s2") for number in range(3)]
    absent = tuple(one for one in expected if one not in {row.id for row in rows})
    complete, findings = set_durations(root, rows)
    return Reading(complete, (*findings, *([Finding("missing clips", absent)] if absent and REPORT else [])))


def sample(folder):
    """Write twelve clips of noise."""
    import numpy as np
    import soundfile

    for label in LABELS:
        (folder / label).mkdir()
        for speaker in ("s1", "s2"):
            for number in range(3):
                noise = np.random.default_rng(number).normal(0, 0.1, 1600)
                soundfile.write(folder / label / f"{speaker}-{label}-{number}.wav", noise, 16_000)
'''


@pytest.fixture
def run_plugin(monkeypatch, tmp_path):
    def run(order="sorted", report="True"):
        path = tmp_path / f"by_folder_{order}_{report}.py".lower()  # a name of its own: modules are imported once
        path.write_text(BY_FOLDER.replace("ORDER", order).replace("REPORT", report))
        name = add_plugin(monkeypatch, path)
        folders = (tmp_path / f"run-{number}" for number in range(1000))

        def folder():
            made = next(folders)
            made.mkdir()
            return made

        def release():
            return write_sample(name, folder() / "release")

        return run_contract(
            sys.modules[__name__], "corpus", name, root=release, tmp_path=folder, monkeypatch=pytest.MonkeyPatch
        )

    return run


def test_a_corpus_in_one_file_passes(run_plugin):
    assert len(run_plugin()) == 19


@pytest.mark.parametrize("flaw", [{"order": "list"}, {"report": "False"}])
def test_a_flawed_corpus_fails(run_plugin, flaw):
    with pytest.raises(AssertionError):
        run_plugin(**flaw)
