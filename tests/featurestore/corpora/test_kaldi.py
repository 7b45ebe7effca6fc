import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from featurestore.corpora import kaldi
from featurestore.errors import BadValue, NotFound
from tests.support.others import list_findings, write_clip


def write(folder, **files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)


@pytest.fixture
def root(tmp_path):
    write_clip(tmp_path / "wav/call one.wav", 3)
    write(
        tmp_path,
        wav__scp="r1 wav/call one.wav\n",
        segments="u1 r1 0.25 1.5\nu2 r1 2 -1\n",
        text="u1 How  are you?\nu2 Fine.\n",
        utt2spk="u1 s1\nu2 s2\n",
        spk2gender="s1 f\ns2 m\n",
        utt2emo="u1 hap\nu2 sad\n",
    )
    return tmp_path


def test_segments_texts_and_speakers(root):
    reading = kaldi.utterances(root)
    first, second = reading.utterances
    assert (first.id, first.audio, first.text, first.label) == ("u1", "wav/call one.wav", "How  are you?", "hap")
    assert (first.speaker, first.gender, first.start, first.end, first.duration) == ("s1", "F", 0.25, 1.5, 1.25)
    assert (second.start, second.end, second.duration, second.gender) == (2, None, 1, "M")
    assert reading.segments
    assert reading.findings == ()


def test_without_segments_a_recording_is_an_utterance(root):
    (root / "segments").unlink()
    for name in ("text", "utt2emo", "utt2spk"):
        (root / name).write_text("r1 x\n")
    (root / "spk2gender").write_text("x f\n")
    (row,) = kaldi.utterances(root).utterances
    assert (row.id, row.start, row.duration, row.gender) == ("r1", None, 3, "F")


def test_a_label_may_be_in_any_file(root):
    (root / "utt2emo").rename(root / "feeling")
    with pytest.raises(BadValue, match="has no column label") as caught:
        kaldi.utterances(root)
    assert "got: id, audio, start, end, feeling, spk2gender, text, utt2spk" in str(caught.value)
    assert [row.label for row in kaldi.utterances(root, {"label": "feeling"}).utterances] == ["hap", "sad"]
    with pytest.raises(BadValue, match="has no column feelings\n.*\n.*did you mean feeling"):
        kaldi.utterances(root, {"label": "feelings"})


def test_a_command_is_never_run(root, tmp_path):
    write(
        root, wav__scp=f"r1 touch {tmp_path}/ran |\nr2 /data/all.ark:17\n", segments="u1 r1 0 1\nu2 r2 0 1\nu3 r3 0 1\n"
    )
    (root / "text").write_text("u1 Fine.\n")
    reading = kaldi.utterances(root)
    assert [(row.id, row.audio, row.text) for row in reading.utterances] == [("u1", "", "Fine.")]
    assert not (tmp_path / "ran").exists()
    found = list_findings(reading)
    assert found["recordings that wav.scp makes by a command, which is not run; write them to files first"] == ("r1",)
    assert found["recordings in an archive of Kaldi, which is not read; write them to files first"] == ("r2",)
    assert found["segments whose recording is not in wav.scp, ignored"] == ("u3",)
    assert found["utterances with neither a recording that can be read nor a text, ignored"] == ("u2",)


def test_what_is_missing_or_broken_is_a_finding(root):
    write(root, utt2spk="u1 s1\n", segments="u1 r1 0 1\nu2 r1 9 10\nu3 r1\n", spk2gender="s1 diverse\n")
    (root / "text").unlink()
    assert list_findings(kaldi.utterances(root)) == {
        "files of a data folder that are missing or empty": ("text",),
        "lines with too few fields, ignored": ("segments: u3",),
        "utterances that a file of the data folder does not have": ("spk2gender: u2", "utt2spk: u2"),
        "genders other than female and male, left empty": ("diverse on 1 row",),
        "segments that end beyond the end of their clip (start and end are seconds), kept without a duration": (
            "u2: 9 to 10 s of 3.000 s",
        ),
    }


def test_folders_are_partitions(root, tmp_path):
    for part, speaker in (("train", "s1"), ("test", "s1")):
        write_clip(root / f"data/{part}/a.wav", 1 + len(part))
        write(root / "data" / part, wav__scp="a a.wav\n", utt2emo="a hap\n", utt2spk=f"a {speaker}\n")
    reading = kaldi.utterances(root / "data")
    assert [(row.id, row.audio, row.partition) for row in reading.utterances] == [
        ("test_a", "test/a.wav", "test"),
        ("train_a", "train/a.wav", "train"),
    ]
    found = list_findings(reading)
    assert found["ids that several parts have; all ids now begin with the name of their part"] == ("a",)
    assert found["partitions that share speakers between training and test"] == (
        "test: 1 of 1 test speakers are also in training",
    )


def test_no_data_folder(tmp_path):
    with pytest.raises(NotFound, match="is not a Kaldi data folder\n  expected: a folder with wav.scp"):
        kaldi.utterances(tmp_path)


@given(st.lists(st.tuples(st.integers(0, 2900), st.integers(1, 100)), min_size=1, max_size=8))
@settings(max_examples=20, deadline=None)
def test_times_are_exact(tmp_path_factory, pairs):
    root = tmp_path_factory.mktemp("data")
    write_clip(root / "r.wav", 3)
    times = [(start / 1000, (start + length) / 1000) for start, length in pairs]
    segments = "".join(f"u{number} r {start} {end}\n" for number, (start, end) in enumerate(times))
    write(root, wav__scp="r r.wav\n", segments=segments, utt2emo="".join(f"u{n} a\n" for n in range(len(times))))
    rows = kaldi.utterances(root).utterances
    assert [(row.id, row.start, row.end) for row in rows] == [(f"u{n}", *one) for n, one in enumerate(times)]
    assert [row.duration for row in rows] == [round(end - start, 9) for start, end in times]
