import numpy as np
import pytest
import soundfile

from featurestore.corpora import table
from featurestore.errors import BadValue
from featurestore.preparation.prepare import prepare
from featurestore.store import Store
from tests.support import videos

BEYOND = "segments that end beyond the end of their clip (start and end are seconds), kept without a duration"
CUT_ALREADY = (
    "clips as long as end - start, with an end beyond the clip; start and end are read as times in another "
    "recording, not as segments"
)
RATE = 8000


@pytest.fixture
def read(tmp_path):
    """Read a table of `audio,start,end` rows, its clips made of the lengths given."""

    def read(rows, **lengths):
        for name, seconds in lengths.items():
            noise = np.random.default_rng(len(name)).normal(0, 0.1, round(seconds * RATE))
            soundfile.write(tmp_path / f"{name}.wav", noise, RATE)
        lines = [f"{name}.wav,joy,{start},{end}" for name, start, end in rows]
        (tmp_path / "t.csv").write_text("\n".join(["audio,label,start,end", *lines]) + "\n")
        reading = table.utterances(tmp_path / "t.csv")
        return reading, {finding.what: finding.where for finding in reading.findings}

    return read


def durations(reading):
    return [row.duration for row in reading.utterances]


def test_segments_have_the_length_that_start_and_end_give(read):
    rows = [("call", 8, 10), ("call", "", 2.5), ("call", 9.7, ""), ("call", 9.7, 9.8), ("call", "", "")]
    reading, odd = read(rows, call=10)
    assert durations(reading) == [2, 2.5, pytest.approx(0.3), pytest.approx(0.1), 10]
    assert reading.segments is True
    assert odd == {}


@pytest.mark.parametrize(
    ("start", "end", "place"),
    [
        (8, 10.2, "8 to 10.2 s of 10.000 s"),
        (10, "", "10 to 10 s of 10.000 s"),
        (12, 13, "12 to 13 s of 10.000 s"),
        (8000, 9500, "8000 to 9500 s of 10.000 s"),
    ],
)
def test_a_segment_beyond_its_clip_is_a_finding(read, start, end, place):
    reading, odd = read([("call", start, end), ("call", 0, 1)], call=10)
    assert durations(reading) == [None, 1]
    assert odd == {BEYOND: (f"{reading.utterances[0].id}: {place}",)}


def test_an_end_may_be_off_by_rounding(read):
    reading, odd = read([("call", 8, 10.04)], call=10)
    assert (durations(reading), odd) == ([2], {})


@pytest.mark.parametrize(
    ("start", "end", "why"),
    [
        (-1, 2, "starts at -1 s, before its clip"),
        (2, 2, "ends at 2 s, not after its start at 2 s"),
        (3, 2.5, "ends at 2.5 s, not after its start at 3 s"),
        ("", 0, "ends at 0 s, not after its start at 0 s"),
    ],
)
def test_impossible_times_are_an_error_with_the_row(read, start, end, why):
    with pytest.raises(BadValue, match=rf"1 of 2 rows cannot be used\n  got: row 3 {why}\n"):
        read([("call", 0, 1), ("call", start, end)], call=10)


def test_clips_that_are_segments_already_are_not_cut(read):
    lengths = {"u1": 2.0, "u2": 3.5, "u3": 1.0}
    reading, odd = read([("u1", 0, 2), ("u2", 2.2, 5.72), ("u3", 6, 7)], **lengths)
    assert reading.segments is False
    assert durations(reading) == list(lengths.values())
    assert odd == {CUT_ALREADY: ("u2", "u3")}


def test_whole_clips_and_one_segment_are_segments(read):
    reading, odd = read([("a", 0, 2), ("b", 0, 3), ("c", 1, 2)], a=2, b=3, c=4)
    assert (reading.segments, durations(reading), odd) == (True, [2, 3, 1], {})


def test_a_table_without_times_has_no_segments(read):
    reading, _ = read([("a", "", "")], a=2)
    assert reading.segments is False


def test_a_missing_clip_has_no_duration(read):
    reading, odd = read([("no", 1, 2)])
    assert (durations(reading), reading.segments) == ([None], True)
    assert odd == {"utterances whose audio file is missing, kept without a duration": ("no",)}


def test_the_store_records_whether_times_are_segments(read, tmp_path):
    read([("call", 8, 10)], call=10)
    prepare("table", tmp_path / "t.csv", tmp_path / "store")
    assert Store(tmp_path / "store").info["segments"] is True


def test_a_clip_with_many_segments_is_opened_once(read, monkeypatch):
    from featurestore.audio import decode

    looked = []
    probe = decode.probe
    monkeypatch.setattr(decode, "probe", lambda path: looked.append(path.name) or probe(path))
    read([("call", n / 10, (n + 1) / 10) for n in range(90)], call=10)
    assert looked == ["call.wav"]


def test_starts_alone_beyond_most_clips_of_their_own_are_times_in_the_dialogue(read):
    turns = {"a": 0, "b": 2.5, "c": 4, "d": 0.5}
    reading, odd = read([(name, start, "") for name, start in turns.items()], a=2, b=1, c=3, d=0.4)
    assert reading.segments is False
    assert [row.start for row in reading.utterances] == [0, 2.5, 4, 0.5]
    assert durations(reading) == [2, 1, 3, pytest.approx(0.4)]
    ((what, where),) = odd.items()
    assert what.endswith("start is read as a time in another recording, such as the dialogue, not as a segment")
    assert [text.partition(":")[0] for text in where] == [row.id for row in reading.utterances[1:]]


def test_first_turns_of_dialogues_do_not_make_starts_segments(read):
    rows = [("a", 0, ""), ("b", 2.5, ""), ("c", 0, ""), ("d", 1, "")]  # two dialogues of two turns
    assert read(rows, a=2, b=1, c=3, d=0.4)[0].segments is False


@pytest.mark.parametrize(
    "rows",
    [
        [("a", 0, ""), ("b", 2.5, ""), ("c", 1, "")],  # most lie within
        [("a", 5, ""), ("b", 6, ""), ("b", 7, "")],  # two rows of one clip
        [("a", 5, ""), ("b", 6, ""), ("c", 7, 8)],  # an end
    ],
)
def test_other_starts_select_segments(read, rows):
    assert read(rows, a=2, b=1, c=3)[0].segments is True


def test_a_video_of_several_audio_streams_is_a_finding(tmp_path):
    noise = np.random.default_rng(0).normal(0, 0.1, RATE)
    for name, streams in (("one", 1), ("two", 2)):
        videos.write(tmp_path / f"{name}.mkv", noise, "flac", rate=RATE, streams=streams)
    (tmp_path / "t.csv").write_text("id,audio,label\na,one.mkv,joy\nb,two.mkv,joy\n")
    reading = table.utterances(tmp_path / "t.csv")
    odd = {finding.what: finding.where for finding in reading.findings}
    assert odd["utterances whose video holds several audio streams; the first one is read"] == ("b: 2 streams",)
    assert durations(reading) == [1, 1]
