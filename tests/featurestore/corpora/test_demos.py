from collections import Counter
from dataclasses import replace

from featurestore.corpora import demos, write_clip
from featurestore.manifest import Utterance
from tests.support.full_releases import check_counts, read_full, write_names

# number of clips by emotion: not prototypical, prototypical
COUNTS = {
    "dis": (1538, 140),
    "tri": (1108, 422),
    "rab": (1231, 246),
    "gio": (1228, 167),
    "pau": (979, 177),
    "col": (920, 209),
    "sor": (797, 203),
}


def full_release():
    yield from (f"NEU/{name('neu', number, 68)}" for number in range(332))
    for emotion, (other, prototypical) in COUNTS.items():
        yield from (f"DEMOS/NP_{name(emotion, number, 68)}" for number in range(other))
        yield from (f"DEMOS/PR_{name(emotion, number, 59)}" for number in range(prototypical))


def name(emotion, number, speakers):
    speaker, take = number % speakers + 1, number // speakers
    return f"{'m' if speaker > 23 else 'f'}_{speaker:02}_{emotion}{take:02}b.wav"


def test_a_file_name_gives_everything_but_the_words(tmp_path):
    write_clip(tmp_path / "DEMOS/PR_m_23_tri00a.wav")
    (row,) = demos.utterances(tmp_path).utterances
    assert replace(row, duration=None) == Utterance(
        id="PR_m_23_tri00a",
        audio="DEMOS/PR_m_23_tri00a.wav",
        label="tri",
        speaker="23",
        gender="M",
    )


def test_the_full_release(monkeypatch, tmp_path):
    write_names(tmp_path, full_release())
    reading = read_full(monkeypatch, "demos", tmp_path)
    assert len(reading.utterances) == 9697
    assert reading.findings == ()
    check_counts("demos", reading)
    assert Counter(row.id[:3] for row in reading.utterances if row.label != "neu") == {"NP_": 7801, "PR_": 1564}


def test_an_emotional_clip_without_typicality_is_a_finding(tmp_path):
    for number, stem in enumerate(("m_13_neu05b", "m_13_rab05b", "np_M_13_RAB06B")):
        write_clip(tmp_path / f"{stem}.wav", number)
    reading = demos.utterances(tmp_path)
    assert [row.id for row in reading.utterances] == ["NP_m_13_rab06b", "m_13_neu05b", "m_13_rab05b"]
    (finding,) = reading.findings
    assert finding.where == ("m_13_rab05b",)
    assert finding.what.startswith("emotional clips whose name does not say whether they are prototypical")
