import json
import os
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from cli import main
from featurestore import manifest
from featurestore.corpora import iemocap
from featurestore.errors import BadValue, Mismatch, NotFound, UnknownName
from featurestore.extraction.pipeline import open_store
from featurestore.preparation import corpus_findings
from featurestore.preparation.corpus_json import prepare_command
from featurestore.preparation.prepare import prepare
from featurestore.preparation.prepare_report import ManifestChanges, report
from featurestore.store import Store
from tests.support import iemocap_release as release


@pytest.fixture
def root(tmp_path):
    return release.small(tmp_path / "IEMOCAP_full_release")


@pytest.fixture
def store(tmp_path):
    return tmp_path / "features" / "iemocap"


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("text,label,speaker\nHi.,glad,a\nOh.,sad,b\nHo.,glad,a\n")
    return path


def message(kind, *arguments):
    with pytest.raises(kind) as caught:
        prepare(*arguments)
    return str(caught.value)


def test_a_store_is_made(root, store):
    prepared = prepare("iemocap", root, store)
    assert prepared.written == ("corpus.json", "utterances.csv")
    assert (prepared.utterances, prepared.speakers, prepared.changes) == (9, 6, None)
    assert prepared.counts["ang"] == 1
    assert prepared.known == iemocap.CARD.counts
    assert manifest.read(store / "utterances.csv") == iemocap.utterances(root).utterances
    assert [row.id for row in Store(store).utterances] == [turn.id for turn in release.SMALL]
    assert Store(store).root == root


def test_corpus_json_is_complete(root, store):
    prepared = prepare("iemocap", root, store)
    found = json.loads((store / "corpus.json").read_text("utf-8"))
    card = iemocap.CARD
    assert found == {
        "corpus": "iemocap",
        "version": card.version,
        "root": str(root),
        "source": str(root),
        "title": card.title,
        "licence": card.licence,
        "citation": card.citation,
        "note": card.note,
        "utterances": 9,
        "hours": 0.0,
        "without_duration": 2,
        "speakers": 6,
        "counts": dict.fromkeys(("ang", "fru", "neu", "sad", "exc", "hap", "sur", "oth", "xxx"), 1),
        "known_counts": card.counts,
        "ids": "corpus",
        "made_up_ids": [],
        "segments": False,
        "reader": "iemocap",
        "columns": {},
        "findings": [{"what": finding.what, "where": list(finding.where)} for finding in prepared.findings],
    }


def test_preparing_again_writes_nothing(root, store):
    prepare("iemocap", root, store)
    before = {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in store.iterdir()}
    again = prepare("iemocap", root, store)
    assert again.written == ()
    assert again.changes == ManifestChanges()
    assert {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in store.iterdir()} == before
    assert report(again).endswith(f"unchanged {store}/utterances.csv\nunchanged {store}/corpus.json")


def test_a_relative_root_is_written_in_full(root, store, monkeypatch):
    prepare("iemocap", root, store)
    before = (store / "corpus.json").read_bytes()
    monkeypatch.chdir(root.parent)
    assert prepare("iemocap", Path(root.name), store).written == ()
    assert (store / "corpus.json").read_bytes() == before


def test_what_changed_is_said(table, tmp_path):
    store = tmp_path / "store"
    prepare("table", table, store)
    (store / "text.h5").touch()
    table.write_text("text,label,speaker\nHi.,glad,a\nOh!,sad,b\n\nNew.,sad,c\n")
    prepared = prepare("table", table, store)
    assert prepared.changes == ManifestChanges(added=("mine-5",), removed=("mine-4",), changed=("mine-3",))
    assert prepared.features == ("text.h5",)
    assert (
        "the manifest has changed:\n"
        "      1  rows added\n"
        "         mine-5\n"
        "      1  rows removed\n"
        "         mine-4\n"
        "      1  rows changed\n"
        "         mine-3\n"
        "      1  feature files of the old manifest\n"
        "         text.h5\n"
        f"         out of date; commands to extract them again: cli inspect {store}\n"
    ) in report(prepared)


def test_another_order_is_said(table, tmp_path):
    table.write_text("id,text,label\na,Hi.,x\nb,Ho.,y\n")
    prepare("table", table, tmp_path / "store")
    table.write_text("id,text,label\nb,Ho.,y\na,Hi.,x\n")
    prepared = prepare("table", table, tmp_path / "store")
    assert prepared.changes == ManifestChanges(reordered=True)
    assert "rows in another order" in report(prepared)


def test_a_damaged_store_is_written_anew(table, tmp_path):
    store = tmp_path / "store"
    prepare("table", table, store)
    good = {path.name: path.read_bytes() for path in store.iterdir()}
    for path in store.iterdir():
        path.write_bytes(b"\xff{")
    assert prepare("table", table, store).written == ("corpus.json", "utterances.csv")
    assert {path.name: path.read_bytes() for path in store.iterdir()} == good


def test_the_root_of_a_table_is_its_folder(table, tmp_path):
    prepare("table", table, tmp_path / "store")
    found = json.loads((tmp_path / "store" / "corpus.json").read_text("utf-8"))
    assert (found["root"], found["source"]) == (str(tmp_path), str(table))


def test_a_report_without_known_counts(table, tmp_path):
    store = tmp_path / "store"
    table.write_text("id,text,label,speaker\nx,Hi.,glad,a\ny,Oh.,sad,a\nz,Ho.,glad,\n")
    assert report(prepare("table", table, store)) == (
        "table: 3 utterances, 1 speakers, 0 s\n"
        f"A table of your own: CSV, TSV or JSON lines\nread from {tmp_path}\n"
        "\n"
        "label  meaning  here\n"
        "glad               2\n"
        "sad                1\n"
        "all                3\n"
        "\n"
        "no irregularities\n"
        "\n"
        "   note  read from a table of your own\n"
        "licence  that of your own data\n"
        "to cite  that of your own data\n"
        "\n"
        f"wrote {store}/utterances.csv\n"
        f"wrote {store}/corpus.json"
    )


def test_a_report_beside_known_counts(root, store):
    lines = report(prepare("iemocap", root, store)).splitlines()
    assert lines[0] == "iemocap: 9 utterances, 6 speakers, 0 s"
    assert "label  meaning                          here   known  difference" in lines
    assert "ang    angry                               1   1,103      -1,102" in lines
    assert "dis    disgusted                           0       2          -2" in lines
    assert "all                                        9  10,039     -10,030" in lines
    position = lines.index("      1  utterances whose audio file is missing, kept without a duration")
    assert lines[position + 1] == "         Ses03M_impro05a_F000"
    assert max(len(line) for line in lines if str(root.parent) not in line) <= 100


def test_a_full_release_has_no_difference(tmp_path, store):
    prepared = prepare("iemocap", release.full(tmp_path / "full"), store)
    lines = [line.split() for line in report(prepared).splitlines()]
    assert lines[0][:5] == ["iemocap:", "10,039", "utterances,", "10", "speakers,"]
    assert ["all", "10,039", "10,039", "-"] in lines
    assert ["dis", "disgusted", "2", "2", "-"] in lines


def test_no_root():
    assert message(BadValue, "iemocap", None, Path("s")) == (
        f"corpus 'iemocap' needs ROOT, the path of {iemocap.CARD.title}\n  do: cli prepare iemocap ROOT --store s"
    )


def test_a_corpus_that_knows_its_place(monkeypatch, root, tmp_path):
    monkeypatch.setattr(iemocap, "default_root", lambda store: store.parent / root.name, raising=False)
    assert prepare("iemocap", None, tmp_path / "store").root == root


def test_another_corpus_is_not_overwritten(root, store, table):
    prepare("iemocap", root, store)
    before = (store / "corpus.json").read_bytes()
    assert message(Mismatch, "table", table, store) == (
        f"the store {store} holds another corpus\n  expected: table\n  got: iemocap\n"
        f"  do: choose another folder: cli prepare table ROOT --store {store.parent / 'table'}"
    )
    assert (store / "corpus.json").read_bytes() == before


def test_an_empty_release(tmp_path):
    release.put(tmp_path / "Session1/dialog/EmoEvaluation/Ses01F_impro01.txt", release.HEADER)
    assert message(Mismatch, "iemocap", tmp_path, tmp_path / "store") == (
        f"{tmp_path} holds no utterance\n  expected: a release of {iemocap.CARD.title}\n"
        f"  do: check that the release is complete, then cli prepare iemocap ROOT --store {tmp_path / 'store'}"
    )
    assert not (tmp_path / "store").exists()


def test_an_unknown_corpus(tmp_path):
    assert "did you mean iemocap?" in message(UnknownName, "iemocop", tmp_path, tmp_path / "store")


def test_a_bad_root_leaves_no_store(tmp_path):
    assert message(NotFound, "emodb", tmp_path / "no", tmp_path / "store").startswith(
        f"{tmp_path / 'no'} is not an EmoDB release\n"
    )
    assert not (tmp_path / "store").exists()


def test_a_file_name_that_is_not_utf_8_is_told_all_the_same(store, tmp_path):
    clips = tmp_path / "emodb"
    clips.mkdir()
    for name in (b"03a01Fa.wav", b"St\xfcck.wav"):
        soundfile.write(os.fsencode(clips) + b"/" + name, np.zeros(1600), 16_000)
    prepared = prepare("emodb", clips, store)
    assert r"St\udcfcck.wav" in report(prepared)
    assert r"St\\udcfcck.wav" in (store / "corpus.json").read_text("utf-8")


COPIES = "clips with the same bytes under different names; a test part must not hold clips that training has"


@pytest.fixture
def clips(tmp_path):
    """A table of clips of equal size, of which some are copies."""
    for name, seed in {"a": 1, "sub/b": 1, "c": 2, "d": 3, "e": 2, "sub/f": 1}.items():
        path = tmp_path / f"{name}.wav"
        path.parent.mkdir(exist_ok=True)
        soundfile.write(path, np.random.default_rng(seed).normal(0, 0.1, 8000), 8000)
    rows = ["a.wav,glad", "sub/b.wav,glad", "c.wav,sad", "d.wav,sad", "e.wav,glad", "sub/f.wav,glad", "no.wav,sad"]
    (tmp_path / "clips.csv").write_text("\n".join(["audio,label", *rows]) + "\n")
    return tmp_path / "clips.csv"


def odd(prepared):
    return {finding.what: finding.where for finding in prepared.findings}


def test_clips_of_the_same_bytes_are_said(clips, tmp_path):
    prepared = prepare("table", clips, tmp_path / "store")
    assert odd(prepared)[COPIES] == ("a = b = f", "c = e (labelled sad, glad)")
    assert "      2  clips with the same bytes under different names" in report(prepared)


def test_only_clips_that_may_be_copies_are_read_whole(clips, tmp_path, monkeypatch):
    read = []
    digest = corpus_findings._digest
    monkeypatch.setattr(corpus_findings, "_digest", lambda path: read.append(path.stem) or digest(path))
    prepare("table", clips, tmp_path / "store")
    assert sorted(read) == ["a", "b", "c", "e", "f"]


def test_clips_that_differ_in_one_byte_are_no_copies(clips, tmp_path):
    for place, name in enumerate(("sub/b.wav", "sub/f.wav", "e.wav"), 1):
        path = tmp_path / name
        content = bytearray(path.read_bytes())
        content[-place] ^= 1
        path.write_bytes(content)
    assert COPIES not in odd(prepare("table", clips, tmp_path / "store"))


def test_segments_of_one_clip_are_no_copies(clips, tmp_path):
    clips.write_text("audio,label,start,end\nd.wav,glad,0,0.5\nd.wav,sad,0.5,1\n")
    assert odd(prepare("table", clips, tmp_path / "store")) == {}


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (["1,a,glad", "2,a,sad", "3,b,glad", "4,b,sad"], None),
        (["1,a,glad", "2,a,glad", "3,b,glad", "4,b,sad"], (2, ("a",))),
        (["1,a,glad", "2,b,sad", "3,,sad", "4,c,"], (2, ("a", "b"))),
        (["1,a,glad", "2,b,glad"], None),  # there is one label only
    ],
)
def test_speakers_of_one_label_are_said(tmp_path, rows, told):
    path = tmp_path / "mine.csv"
    path.write_text("\n".join(["id,speaker,label,text", *(f"{row},hello" for row in rows)]) + "\n")
    found = odd(prepare("table", path, tmp_path / "store"))
    found.pop("rows without a label", None)
    what = "speakers with a single label, of {}; --normalize speaker would remove its emotion"
    assert found == ({} if told is None else {what.format(told[0]): told[1]})


def named(tmp_path, **options):
    path = tmp_path / "calls.csv"
    path.write_text("path;Emotion;words;label\na.wav;glad;Hi.;7\nb.wav;sad;Oh.;8\n")
    columns = {"audio": "path", "label": "emotion", "text": "words"}
    return path, prepare("table", path, tmp_path / "store", name="calls", columns=columns, **options)


def test_a_table_has_a_name_and_columns_of_its_own(tmp_path):
    path, prepared = named(tmp_path)
    store = Store(tmp_path / "store")
    assert (store.corpus, store.info["reader"], prepared.corpus) == ("calls", "table", "calls")
    assert [(row.audio, row.label, row.text) for row in store.utterances] == [
        ("a.wav", "glad", "Hi."),
        ("b.wav", "sad", "Oh."),
    ]
    assert odd(prepared)["columns that the manifest does not have, ignored"] == ("label (another is read for it)",)
    assert prepare_command(store, path) == (
        f"cli prepare table {path} --store {store.path} --name calls --column audio=path --column label=emotion "
        "--column text=words"
    )
    assert named(tmp_path)[1].written == ()
    assert report(prepared).startswith("calls: 2 utterances")


def test_keys_of_json_lines_may_have_other_names_too(tmp_path):
    path = tmp_path / "calls.jsonl"
    path.write_text('{"Words": "Hi.", "emotion": "glad", "label": 7}\n{"Words": "Oh.", "emotion": "sad"}\n')
    prepare("table", path, tmp_path / "store", columns={"label": "emotion", "text": "words"})
    assert [(row.label, row.text) for row in Store(tmp_path / "store").utterances] == [("glad", "Hi."), ("sad", "Oh.")]


@pytest.mark.parametrize("corpus", [None, "table", "calls"])
def test_a_named_store_is_opened_by_its_name_or_its_reader(tmp_path, corpus):
    path, _ = named(tmp_path)
    assert open_store(tmp_path / "store", corpus, path, print).corpus == "calls"
    with pytest.raises(Mismatch, match=r"prepared from another root\n(.*\n)*  do: cli prepare table .*--name calls"):
        open_store(tmp_path / "store", corpus, tmp_path / "other.csv", print)
    with pytest.raises(Mismatch, match="holds another corpus"):
        open_store(tmp_path / "store", "emodb", path, print)


def test_the_command_of_a_plain_corpus_has_no_name(root, store):
    prepare("iemocap", root, store)
    assert prepare_command(Store(store)) == f"cli prepare iemocap ROOT --store {store}"


def test_a_store_of_another_name_is_not_overwritten(tmp_path):
    path, _ = named(tmp_path)
    store = tmp_path / "store"
    assert message(Mismatch, "table", path, store) == (
        f"the store {store} holds another corpus\n  expected: table\n  got: calls\n"
        f"  do: choose another folder: cli prepare table ROOT --store {tmp_path / 'table'}; to prepare calls again: "
        f"cli prepare table ROOT --store {store} --name calls"
    )


@pytest.mark.parametrize("name", ["iemocap", "a b", "-x", "a/b", "a->b", "ä"])
def test_a_name_that_cannot_be_given(table, tmp_path, name):
    with pytest.raises(BadValue, match=r"invalid corpus name .*\n  expected: letters, digits and _ \. -,"):
        prepare("table", table, tmp_path / "store", name=name)


@pytest.mark.parametrize("options", [{"name": "mine"}, {"columns": {"label": "x"}}])
def test_a_known_corpus_takes_neither_name_nor_columns(root, store, options):
    with pytest.raises(BadValue, match="corpus 'iemocap' takes no --(name|column), which only a table"):
        prepare("iemocap", root, store, **options)


def test_a_column_that_is_not_there_is_told(table, tmp_path):
    with pytest.raises(BadValue) as caught:
        prepare("table", table, tmp_path / "store", columns={"label": "emotion"})
    assert str(caught.value) == (
        f"{table} has no column emotion\n  expected: one of text, label (another is read for it), speaker\n"
        "  do: use the column names of the file: --column label=emotion reads the label from its column emotion"
    )


def test_prepare_on_the_command_line_takes_name_and_columns(tmp_path):
    path, _ = named(tmp_path)
    columns = [f"--column={pair}" for pair in ("audio=path", "label=Emotion", "text=words")]
    found = CliRunner().invoke(
        main, ["prepare", "table", str(path), "--store", str(tmp_path / "other"), "--name", "calls", *columns]
    )
    assert found.exit_code == 0, found.output
    assert Store(tmp_path / "other").utterances == Store(tmp_path / "store").utterances


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        (["emotion=label"], "--column emotion=label: the manifest has no column 'emotion'"),
        (["label"], "--column label: no column of the table is given"),
        (["label=a", "label=b"], "--column has 'label' twice"),
        (["label=a", "script=a"], "--column has 'a' twice"),
    ],
)
def test_a_mapping_of_columns_that_cannot_be(table, tmp_path, columns, told):
    arguments = [f"--column={pair}" for pair in columns]
    found = CliRunner().invoke(main, ["prepare", "table", str(table), "--store", str(tmp_path / "s"), *arguments])
    assert found.exit_code == 1
    assert told in found.output
