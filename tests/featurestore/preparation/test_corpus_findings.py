import json

import numpy as np
import pytest
import soundfile

from featurestore.preparation import corpus_findings
from featurestore.preparation.prepare import prepare

COPIES = "clips with the same bytes under different names; a test part must not hold clips that training has"


@pytest.fixture
def clips(tmp_path):
    """Write a table of clips of equal size, some of which are copies."""
    for name, seed in {"a": 1, "sub/b": 1, "c": 2, "d": 3, "e": 2, "sub/f": 1}.items():
        path = tmp_path / f"{name}.wav"
        path.parent.mkdir(exist_ok=True)
        soundfile.write(path, np.random.default_rng(seed).normal(0, 0.1, 8000), 8000)
    rows = ["a.wav,glad", "sub/b.wav,glad", "c.wav,sad", "d.wav,sad", "e.wav,glad", "sub/f.wav,glad", "no.wav,sad"]
    (tmp_path / "clips.csv").write_text("\n".join(["audio,label", *rows]) + "\n")
    return tmp_path / "clips.csv"


def findings(prepared):
    return {finding.what: finding.where for finding in prepared.findings}


def test_clips_with_the_same_bytes_are_a_finding(clips, tmp_path):
    prepared = prepare("table", clips, tmp_path / "store")
    assert findings(prepared)[COPIES] == ("a = b = f", "c = e (labelled sad, glad)")
    assert "      2  clips with the same bytes under different names" in prepared.summary()


def test_only_possible_copies_are_read_whole(clips, tmp_path, monkeypatch):
    read = []
    digest = corpus_findings.hash_file
    monkeypatch.setattr(corpus_findings, "hash_file", lambda path: read.append(path.stem) or digest(path))
    prepare("table", clips, tmp_path / "store")
    assert sorted(read) == ["a", "b", "c", "e", "f"]


def test_clips_that_differ_in_one_byte_are_not_copies(clips, tmp_path):
    for place, name in enumerate(("sub/b.wav", "sub/f.wav", "e.wav"), 1):
        path = tmp_path / name
        content = bytearray(path.read_bytes())
        content[-place] ^= 1
        path.write_bytes(content)
    assert COPIES not in findings(prepare("table", clips, tmp_path / "store"))


def test_segments_of_the_same_clip_are_not_copies(clips, tmp_path):
    clips.write_text("audio,label,start,end\nd.wav,glad,0,0.5\nd.wav,sad,0.5,1\n")
    assert findings(prepare("table", clips, tmp_path / "store")) == {}


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (["1,a,glad", "2,a,sad", "3,b,glad", "4,b,sad"], None),
        (["1,a,glad", "2,a,glad", "3,b,glad", "4,b,sad"], (2, ("a",))),
        (["1,a,glad", "2,b,sad", "3,,sad", "4,c,"], (2, ("a", "b"))),
        (["1,a,glad", "2,b,glad"], None),  # a single label in all
    ],
)
def test_speakers_with_a_single_label_are_a_finding(tmp_path, rows, expected):
    path = tmp_path / "mine.csv"
    path.write_text("\n".join(["id,speaker,label,text", *(f"{row},hello" for row in rows)]) + "\n")
    found = findings(prepare("table", path, tmp_path / "store"))
    found.pop("rows without a label", None)
    what = "speakers with a single label, of {}; --normalize speaker would remove its emotion"
    assert found == ({} if expected is None else {what.format(expected[0]): expected[1]})


def test_votes_that_cannot_be_read_are_a_finding(tmp_path):
    votes = {
        "1": '["glad", "sad"]',
        "2": "glad;sad",
        "3": "",
        "4": '[{"labels": "glad"}]',
        "5": '[{"labels": ["sad"]}]',
    }
    rows = [{"id": one, "label": "glad", "text": "hello", "votes": text} for one, text in votes.items()]
    (tmp_path / "mine.jsonl").write_text("\n".join(map(json.dumps, rows)))
    found = findings(prepare("table", tmp_path / "mine.jsonl", tmp_path / "store"))
    what = 'votes that cannot be read, and are not used; a JSON list is expected, such as ["angry", "sad"]'
    assert found[what] == ("2", "4")
