import json
import time
from collections import Counter

import pytest

from featurestore import labels
from featurestore.corpora import iemocap
from featurestore.errors import NotFound
from tests.support import iemocap_release as release


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    root = release.small(tmp_path_factory.mktemp("small") / "IEMOCAP_full_release")
    return root, iemocap.utterances(root)


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    root = release.full(tmp_path_factory.mktemp("full") / "IEMOCAP_full_release")
    started = time.perf_counter()
    reading = iemocap.utterances(root)
    return reading, time.perf_counter() - started


def by_id(reading):
    return {row.id: row for row in reading.utterances}


def findings(reading):
    return {finding.what: finding.where for finding in reading.findings}


def test_there_is_one_row_per_labelled_turn_in_order(small):
    assert [row.id for row in small[1].utterances] == [turn.id for turn in release.SMALL]


def test_a_row_holds_every_column_of_the_release(small):
    row = by_id(small[1])["Ses01F_impro01_M000"]
    assert row.audio == "Session1/sentences/wav/Ses01F_impro01/Ses01F_impro01_M000.wav"
    assert (row.text, row.label) == ("What’s that?", "ang")
    assert (row.speaker, row.gender) == ("Ses01M", "M")
    assert (row.session, row.dialogue, row.script) == ("1", "Ses01F_impro01", "impro01")
    assert (row.start, row.end, row.duration) == (8.5, 9.75, 0.01)
    assert (row.valence, row.activation, row.dominance) == (2.5, 2.5, 2.5)
    assert json.loads(row.votes) == release.READ_VOTES
    assert '{"rater":"A-E4","val":2,"act":3,"dom":null,"comment":"a (short) note"}' in row.votes


def test_the_speaker_is_that_of_the_turn_not_of_the_dialogue(small):
    assert {name: row.speaker for name, row in by_id(small[1]).items() if name.startswith("Ses05")} == {
        "Ses05M_script01_1b_M012": "Ses05M",
        "Ses05M_script01_1b_F012": "Ses05F",
    }


def test_the_parts_of_a_dialogue_share_a_script(small):
    scripts = {row.dialogue: row.script for row in small[1].utterances}
    assert scripts == {
        "Ses01F_impro01": "impro01",
        "Ses01M_script01_1": "script01_1",
        "Ses03M_impro05a": "impro05",
        "Ses03M_impro05b": "impro05",
        "Ses05M_script01_1b": "script01_1",
    }


def test_tags_stay_in_any_encoding(small):
    rows = by_id(small[1])
    assert rows["Ses01F_impro01_F001"].text == "[LAUGHTER]"
    assert rows["Ses01M_script01_1_M000"].text == "Café."
    assert rows["Ses01M_script01_1_F000"].label == "fru"


def test_ratings_outside_the_scale_stay(small):
    row = by_id(small[1])["Ses01F_impro01_F001"]
    assert (row.valence, row.dominance) == (5.5, 0.5)


def test_turns_without_a_clip_or_words_keep_their_row(small):
    rows = by_id(small[1])
    for name in ("Ses03M_impro05a_F000", "Ses03M_impro05b_M000"):
        assert rows[name].duration is None
        assert rows[name].audio.endswith(f"{name}.wav")
    assert rows["Ses05M_script01_1b_F012"].text == ""


def test_every_irregularity_is_a_finding(small):
    assert findings(small[1]) == {
        "missing sessions": ("Session2", "Session4"),
        "files named ._*, left by macOS, ignored": (
            "Session1/dialog/EmoEvaluation/._Ses01F_impro01.txt",
            "Session1/dialog/transcriptions/._Ses01F_impro01.txt",
            "Session1/sentences/wav/Ses01F_impro01/._Ses01F_impro01_F000.wav",
        ),
        "transcript lines without an id, ignored": ("Session1/dialog/transcriptions/Ses01F_impro01.txt:2",),
        "files that are not UTF-8, read as cp1252": ("Session1/dialog/transcriptions/Ses01M_script01_1.txt",),
        "duplicate ids in transcripts; the first one is used": ("Ses03M_impro05a_MXX0",),
        "ids in transcripts without a label, ignored": ("Ses03M_impro05a_MXX0",),
        "turns without a transcript, kept with an empty text": ("Ses05M_script01_1b_F012",),
        "mean ratings outside 1 to 5, kept": ("Ses01F_impro01_F001",),
        "utterances whose audio file is missing, kept without a duration": ("Ses03M_impro05a_F000",),
        "utterances whose audio file cannot be used, kept without a duration": (
            "Ses03M_impro05b_M000: Ses03M_impro05b_M000.wav: is empty (0 bytes)",
        ),
    }


def test_a_turn_evaluated_twice_counts_once(tmp_path):
    turns = [release.Turn("Ses01F_impro01_F000", "neu"), release.Turn("Ses01F_impro01_F000", "ang")]
    reading = iemocap.utterances(release.write(tmp_path, turns))
    assert [row.label for row in reading.utterances] == ["neu"]
    found = findings(reading)
    assert found["turns evaluated twice; the first one is used"] == ("Ses01F_impro01_F000",)
    assert found["duplicate ids in transcripts; the first one is used"] == ("Ses01F_impro01_F000",)


def test_what_cannot_be_parsed_is_a_finding_and_stays(tmp_path):
    root = release.write(
        tmp_path, [release.Turn("Ses01F_impro01_XX0", "bored"), release.Turn("Ses01F_odd_F000", "neu")]
    )
    path = root / "Session1/dialog/EmoEvaluation/Ses01F_impro01.txt"
    release.put(path, path.read_text() + "A-E9:\tval high;\t()\nwhat is this\n")
    release.put(root / "Session1/sentences/wav/Ses01F_impro01/Ses01F_impro01_F777.wav", release.wav())
    reading = iemocap.utterances(root)
    rows = by_id(reading)
    assert rows["Ses01F_impro01_XX0"].speaker == rows["Ses01F_impro01_XX0"].gender == ""
    assert rows["Ses01F_odd_F000"].script == ""
    found = findings(reading)
    assert found["turns with the unknown label 'bored'"] == ("Ses01F_impro01_XX0",)
    assert found["ids from which the speaker is unclear"] == ("Ses01F_impro01_XX0",)
    assert found["ids from which the script is unclear"] == ("Ses01F_odd_F000",)
    assert found["lines of evaluations that could not be read"] == (
        "Session1/dialog/EmoEvaluation/Ses01F_impro01.txt:11",
        "Session1/dialog/EmoEvaluation/Ses01F_impro01.txt:12",
    )
    assert found["audio files without a label, ignored"] == (
        "Session1/sentences/wav/Ses01F_impro01/Ses01F_impro01_F777.wav",
    )


def test_reading_twice_gives_the_same(small):
    root, reading = small
    assert iemocap.utterances(root) == reading


def message(root):
    with pytest.raises(NotFound) as caught:
        iemocap.utterances(root)
    return str(caught.value)


EXPECTED = "the folder with Session1 to Session5, each with dialog/EmoEvaluation/*.txt"
GET_IT = "get the release from https://sail.usc.edu/iemocap/; for your own data: cli prepare table TABLE"


def test_a_missing_folder_is_an_error(tmp_path):
    root = tmp_path / "no"
    assert message(root) == (
        f"{root} is not an IEMOCAP release\n  expected: {EXPECTED}\n  got: no such folder\n  do: {GET_IT}"
    )


def test_another_folder_is_an_error(tmp_path):
    assert "\n  got: an empty folder\n" in message(tmp_path)
    for name in "bdacfe":
        release.put(tmp_path / name, "x")
    assert f"\n  got: a folder with a, b, c, d, e …\n  do: {GET_IT}" in message(tmp_path)
    assert "\n  got: a file\n" in message(tmp_path / "a")


def test_the_folder_above_a_release_is_read(small):
    root, reading = small
    above = iemocap.utterances(root.parent)
    assert [row.id for row in above.utterances] == [row.id for row in reading.utterances]
    assert by_id(above)["Ses01F_impro01_F000"].audio == (
        "IEMOCAP_full_release/Session1/sentences/wav/Ses01F_impro01/Ses01F_impro01_F000.wav"
    )


def test_a_second_copy_and_other_audio_files_are_findings(tmp_path):
    root = release.write(tmp_path, [release.Turn("Ses01F_impro01_F000", "neu")])
    release.write(root / "copy", [release.Turn("Ses01F_impro01_F000", "ang")])
    release.put(root / "test.wav", release.wav())
    reading = iemocap.utterances(root)
    assert [row.label for row in reading.utterances] == ["neu"]
    found = findings(reading)
    assert found["audio files of a second copy of the release, ignored; the least nested one is read"] == (
        "copy/Session1/sentences/wav/Ses01F_impro01/Ses01F_impro01_F000.wav",
    )
    assert found["other audio files, ignored"] == ("test.wav",)


def test_an_evaluation_that_cannot_be_read_is_a_finding(tmp_path):
    root = release.write(tmp_path, [release.Turn("Ses01F_impro01_F000", "neu")])
    path = root / "Session1/dialog/EmoEvaluation/Ses01F_impro02.txt"
    path.symlink_to(root / "nowhere")
    assert findings(iemocap.utterances(root))["text files that cannot be read"] == (
        "Session1/dialog/EmoEvaluation/Ses01F_impro02.txt: No such file or directory",
    )


@pytest.mark.parametrize("below", ["Session1", "Session1/dialog", "Session1/sentences/wav/Ses01F_impro01"])
def test_a_folder_inside_a_release_suggests_the_release(small, below):
    root, _ = small
    assert message(root / below).endswith(f"\n  do: the release is {root}: cli prepare iemocap {root}")


def test_a_full_release_has_the_known_counts(full):
    rows = full[0].utterances
    assert len(rows) == 10_039
    assert Counter(row.label for row in rows) == iemocap.CARD.counts
    assert list(Counter(row.session for row in rows).values()) == list(release.SESSIONS)
    assert Counter(row.speaker for row in rows) == release.SPEAKERS
    assert Counter(row.script[:5] for row in rows) == {"scrip": 5255, "impro": 4784}
    dialogues = {row.dialogue: row.session for row in rows}
    assert Counter(dialogues.values()) == {"1": 28, "2": 30, "3": 32, "4": 30, "5": 31}
    assert sum(row.speaker != f"{row.dialogue[:6]}" for row in rows) > 4000


@pytest.mark.parametrize(
    ("scheme", "by_session"),
    [("iemocap-6", release.SIX_BY_SESSION), ("iemocap-4", release.FOUR_BY_SESSION)],
)
def test_a_scheme_on_a_full_release(full, scheme, by_session):
    rows = full[0].utterances
    classes = labels.load_scheme(scheme).apply(rows)
    assert len(classes) == {"iemocap-6": 7380, "iemocap-4": 5531}[scheme]
    assert list(Counter(row.session for row in rows if row.id in classes).values()) == list(by_session)


def test_nine_classes_on_a_full_release(full):
    classes = labels.load_scheme("iemocap-9").apply(full[0].utterances)
    assert Counter(classes.values()) == {
        "angry": 1103,
        "frustrated": 1849,
        "neutral": 1708,
        "sad": 1084,
        "excited": 1041,
        "happy": 595,
        "surprised": 107,
        "fearful": 40,
        "disgusted": 2,
    }


def test_the_tail_of_the_paper_is_session_five_alone(full):
    classes = labels.load_scheme("iemocap-6").apply(full[0].utterances)
    sessions = [row.session for row in full[0].utterances if row.id in classes]
    assert set(sessions[-1476:]) == {"5"}
    assert sessions[:-1476].count("5") == 146


def test_a_full_release_is_read_in_seconds(full):
    reading, seconds = full
    assert {finding.what: len(finding.where) for finding in reading.findings} == {
        "duplicate ids in transcripts; the first one is used": 2,
        "ids in transcripts without a label, ignored": 44,
    }
    assert seconds < 15
