import json
import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from featurestore import manifest
from featurestore.corpora import iemocap
from featurestore.errors import BadValue, Mismatch, NotFound, UnknownName
from featurestore.preparation.prepare import prepare
from featurestore.preparation.prepare_report import ManifestChanges
from featurestore.store import Store
from tests.support import iemocap_release as release


def message(kind, *arguments):
    with pytest.raises(kind) as caught:
        prepare(*arguments)
    return str(caught.value)


def test_prepare_writes_a_store(root, store):
    prepared = prepare("iemocap", root, store)
    assert prepared.written == ("corpus.json", "utterances.csv")
    assert (prepared.utterances, prepared.speakers, prepared.changes) == (9, 6, None)
    assert prepared.counts["ang"] == 1
    assert prepared.known == iemocap.CARD.counts
    assert manifest.read(store / "utterances.csv") == iemocap.utterances(root).utterances
    assert [row.id for row in Store(store).utterances] == [turn.id for turn in release.SMALL]
    assert Store(store).root == root


def test_corpus_json_has_every_key(root, store):
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
    assert again.summary().endswith(f"unchanged {store}/utterances.csv\nunchanged {store}/corpus.json")


def test_a_relative_root_becomes_absolute(root, store, monkeypatch):
    prepare("iemocap", root, store)
    before = (store / "corpus.json").read_bytes()
    monkeypatch.chdir(root.parent)
    assert prepare("iemocap", Path(root.name), store).written == ()
    assert (store / "corpus.json").read_bytes() == before


def test_the_report_lists_changes(table, tmp_path):
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
    ) in prepared.summary()


def test_the_report_mentions_another_order(table, tmp_path):
    table.write_text("id,text,label\na,Hi.,x\nb,Ho.,y\n")
    prepare("table", table, tmp_path / "store")
    table.write_text("id,text,label\nb,Ho.,y\na,Hi.,x\n")
    prepared = prepare("table", table, tmp_path / "store")
    assert prepared.changes == ManifestChanges(reordered=True)
    assert "rows in another order" in prepared.summary()


def test_a_damaged_store_is_written_again(table, tmp_path):
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
    assert prepare("table", table, store).summary() == (
        "table: 3 utterances, 1 speaker, no durations\n"
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
    lines = prepare("iemocap", root, store).summary().splitlines()
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
    lines = [line.split() for line in prepared.summary().splitlines()]
    assert lines[0][:5] == ["iemocap:", "10,039", "utterances,", "10", "speakers,"]
    assert ["all", "10,039", "10,039", "-"] in lines
    assert ["dis", "disgusted", "2", "2", "-"] in lines


def test_a_missing_root_is_an_error():
    assert message(BadValue, "iemocap", None, Path("s")) == (
        f"corpus 'iemocap' needs ROOT, the path of {iemocap.CARD.title}\n  do: cli prepare iemocap ROOT --store s"
    )


def test_a_missing_table_is_an_error():
    assert "corpus 'table' needs ROOT, the path of your table\n" in message(BadValue, "table", None, Path("s"))


def test_a_generated_corpus_needs_no_root(monkeypatch, root, tmp_path):
    monkeypatch.setattr(iemocap, "default_root", lambda store: store.parent / root.name, raising=False)
    assert prepare("iemocap", None, tmp_path / "store").root == root


def test_a_store_of_another_corpus_is_an_error(root, store, table):
    prepare("iemocap", root, store)
    before = (store / "corpus.json").read_bytes()
    assert message(Mismatch, "table", table, store) == (
        f"the store {store} holds another corpus\n  expected: table\n  got: iemocap\n"
        f"  do: choose another folder: cli prepare table {table} --store {store.parent / 'table'}"
    )
    assert (store / "corpus.json").read_bytes() == before


def test_an_empty_release_is_an_error(tmp_path):
    release.put(tmp_path / "Session1/dialog/EmoEvaluation/Ses01F_impro01.txt", release.HEADER)
    assert message(Mismatch, "iemocap", tmp_path, tmp_path / "store") == (
        f"{tmp_path} holds no utterance\n  expected: a release of {iemocap.CARD.title}\n"
        f"  do: check that the release is complete, then cli prepare iemocap ROOT --store {tmp_path / 'store'}"
    )
    assert not (tmp_path / "store").exists()


def test_an_unknown_corpus_is_an_error(tmp_path):
    assert "did you mean iemocap" in message(UnknownName, "iemocop", tmp_path, tmp_path / "store")


def test_a_bad_root_leaves_no_store(tmp_path):
    for corpus in ("emodb", "auto", "table"):
        assert message(NotFound, corpus, tmp_path / "no/folder", tmp_path / "store") == (
            f"no such file or folder: {tmp_path / 'no/folder'}\n  do: check the path: ls {tmp_path}"
        )
    (tmp_path / "empty").mkdir()
    assert message(NotFound, "emodb", tmp_path / "empty", tmp_path / "store").startswith(
        f"{tmp_path / 'empty'} is not a release of EmoDB: Berlin Database of Emotional Speech\n"
    )
    assert not (tmp_path / "store").exists()


def test_a_file_name_that_is_not_utf_8_is_escaped_in_the_report(store, tmp_path):
    clips = tmp_path / "emodb"
    clips.mkdir()
    for name in (b"03a01Fa.wav", b"St\xfcck.wav"):
        soundfile.write(os.fsencode(clips) + b"/" + name, np.zeros(1600), 16_000)
    prepared = prepare("emodb", clips, store)
    assert r"St\udcfcck.wav" in prepared.summary()
    assert r"St\\udcfcck.wav" in (store / "corpus.json").read_text("utf-8")


def test_of_long_paths_fewer_are_shown(tmp_path, store):
    folder = tmp_path / "emodb" / ("long folder " * 10)
    folder.mkdir(parents=True)
    for name in ("03a01Fa", "other1", "other2", "other3"):
        soundfile.write(folder / f"{name}.wav", np.zeros(1600), 16_000)
    (finding, *_) = (prepared := prepare("emodb", tmp_path / "emodb", store)).findings
    assert len(finding.where) == 3
    shown = [name for name in ("other1", "other2", "other3") if name in prepared.summary()]
    assert shown == ["other1"]
    assert f"{finding.where[0]} …" in " ".join(prepared.summary().split("\n         "))


def test_a_corpus_without_speakers_says_so(tmp_path, store):
    (tmp_path / "own.csv").write_text("text,label\nHi.,glad\nOh.,sad\n")
    assert (
        prepare("table", tmp_path / "own.csv", store)
        .summary()
        .startswith("table: 2 utterances, speakers unknown, no durations\n")
    )


def test_paths_may_be_text_and_the_store_has_a_default(table, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = prepare("table", str(table))
    assert found.store == Path("features/demo")
    assert [row.label for row in Store("features/demo").utterances] == ["glad", "sad", "glad"]


def test_another_wording_of_a_finding_leaves_the_manifest_and_its_features(table, tmp_path):
    store = tmp_path / "store"
    prepare("table", table, store)
    (store / "text.h5").touch()
    info = json.loads((store / "corpus.json").read_text("utf-8"))
    info["findings"][0]["what"] = "the wording of an earlier version"
    (store / "corpus.json").write_text(json.dumps(info))
    again = prepare("table", table, store)
    assert (again.written, again.changes, again.features) == (("corpus.json",), ManifestChanges(), ())
    assert "the manifest has changed" not in again.summary()
