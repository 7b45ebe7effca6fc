import itertools
import json

import pytest

from featurestore.corpora import m3ed
from featurestore.errors import Mismatch, NotFound
from featurestore.manifest import Utterance
from tests.support.full_releases import check_counts, read_full, write_names
from tests.support.listed_releases import by_id, edit, list_findings, write_sample

PARTS = {"train": (17427, 38), "val": (2821, 7), "test": (4201, 11)}  # turns and series


@pytest.fixture
def root(tmp_path):
    return write_sample("m3ed", tmp_path)


def change(root, edit_shows):
    """Change the content of annotation.json."""
    path = root / "annotation.json"
    shows = json.loads(path.read_text("utf-8"))
    edit_shows(shows)
    path.write_text(json.dumps(shows), "utf-8")


def full_release(root):
    labels = itertools.cycle(m3ed.CARD.labels)
    annotation, clips = {}, []
    for part, (turns, shows) in PARTS.items():
        names = [f"{part}{chr(97 + number // 26)}{chr(97 + number % 26)}" for number in range(shows)]
        write_names(root, [f"splitInfo/movie_list_{part}.txt"])
        (root / f"splitInfo/movie_list_{part}.txt").write_text("\n".join(names), "utf-8")
        for number in range(turns):
            show, place = names[number % shows], number // shows
            dialogue = f"{show}_{place // 40}"
            content = annotation.setdefault(show, {}).setdefault(
                dialogue, {"SpeakerInfo": {"A": {"Name": "甲", "Gender": "female"}}, "Dialog": {}}
            )
            content["Dialog"][f"{dialogue}_{place}"] = {
                "StartTime": f"00:00:{place % 40:02}:00",
                "EndTime": f"00:00:{place % 40:02}:24",
                "Text": "好",
                "Speaker": "A",
                "EmoAnnotation": {"final_main_emo": next(labels)},
            }
            clips.append(f"modality_speech/A_{dialogue}_{place}.wav")
    (root / "annotation.json").write_text(json.dumps(annotation, ensure_ascii=False), "utf-8")
    write_names(root, clips)


def test_a_row_holds_what_the_release_says(root):
    row = by_id(m3ed.utterances(root))["er_2_3"]
    assert row == Utterance(
        id="er_2_3",
        audio="modality_speech/B_er_2_3.wav",
        text="第3句",
        label="Neutral",
        speaker="er_乙",
        gender="M",
        session="er",
        dialogue="er_2",
        partition="val",
        start=3.2,
        end=3.4,
        duration=row.duration,
        votes='[{"rater":"EmoAnnotator1","labels":["Neutral"]},{"rater":"EmoAnnotator2","labels":["Neutral"]},'
        '{"rater":"EmoAnnotator3","labels":["Neutral"]}]',
    )


def test_the_full_release(monkeypatch, tmp_path):
    full_release(tmp_path)
    reading = read_full(monkeypatch, "m3ed", tmp_path)
    assert len(reading.utterances) == 24_449
    assert reading.findings == ()
    check_counts("m3ed", reading)


def test_odd_entries_are_findings(root):
    def make_odd(shows):
        shows["yi"]["yi_1"]["Dialog"]["yi_1_1"] |= {"Speaker": "C", "EmoAnnotation": {"final_main_emo": "Bored"}}
        shows["yi"]["yi_2"]["Dialog"]["yi_2_1"]["EmoAnnotation"] = None
        shows["yi"]["yi_2"]["Dialog"]["yi_2_2"] = "nothing"
        shows["er"]["er_1"]["Dialog"]["er_1_1"]["StartTime"] = "00:00:09:00"
        shows["er"]["er_2"] = []
        shows["si"] = {"si_1": {"Dialog": {"si_1_1": {"Text": "好", "EmoAnnotation": {"final_main_emo": "Sad"}}}}}

    change(root, make_odd)
    reading = m3ed.utterances(root)
    found = list_findings(reading)
    assert found["series that are in no part of the official split"] == ("si",)
    assert found["turns of a speaker without a name, kept without a speaker"] == ("yi_1_1", "si_1_1")
    assert found["entries that are no JSON object, ignored"] == ("yi_2_2", "er_2")
    assert found["utterances with the unknown label 'Bored'"] == ("yi_1_1",)
    assert found["utterances without a label"] == ("yi_2_1",)
    assert found["utterances without a clip, kept without audio"] == ("si_1_1",)
    (order,) = (where for what, where in found.items() if what.startswith("dialogues whose times"))
    assert order == ("er_1",)
    assert len(reading.utterances) == 24 - 1 - 4 + 1


def test_an_empty_clip_is_a_finding(root):
    (root / "modality_speech/B_yi_1_1.wav").write_bytes(b"")
    (finding,) = m3ed.utterances(root).findings
    assert finding.what == "utterances whose audio file cannot be used, kept without a duration"


def test_a_missing_list_is_a_finding(root):
    (root / "splitInfo/movie_list_val.txt").unlink()
    reading = m3ed.utterances(root)
    assert list_findings(reading) == {
        "files that this copy lacks, so that partitions are empty": ("movie_list_val.txt",),
        "series that are in no part of the official split": ("er",),
    }
    assert by_id(reading)["er_1_1"].partition == ""


@pytest.mark.parametrize(
    ("content", "message"),
    [("{", "is not JSON"), ("[" * 100_000, "is not JSON"), ("[1]", "holds no labels")],
)
def test_a_damaged_annotation_is_an_error(root, content, message):
    (root / "annotation.json").write_text(content, "utf-8")
    with pytest.raises(Mismatch, match=message):
        m3ed.utterances(root)


def test_an_annotation_of_something_else_is_refused(root):
    edit(root / "splitInfo/movie_list_val.txt", "er", "er")
    (root / "annotation.json").write_text('{"images": []}', "utf-8")
    with pytest.raises(NotFound, match="is not a release of M3ED"):
        m3ed.utterances(root)


def test_another_folder_is_refused(tmp_path):
    with pytest.raises(NotFound, match="is not a release of M3ED"):
        m3ed.utterances(tmp_path)
