import json

import pytest

from featurestore.corpora import crema_d, write_clip
from featurestore.errors import Mismatch, NotFound
from featurestore.manifest import Utterance
from tests.support.full_releases import check_counts, list_findings, read_full, write_names

SENTENCES = ("DFA", "IEO", "IOM", "ITH", "ITS", "IWL", "IWW", "MTI", "TAI", "TIE", "TSI", "WSI")
EMOTIONS = ("ANG", "DIS", "FEA", "HAP", "NEU", "SAD")
LACKS_GENDERS = "files that this copy lacks, so that genders are empty"
LACKS_VOTES = "files that this copy lacks, so that votes are empty"
NEVER_RECORDED = {
    "1002_TIE_NEU_XX",
    "1076_ITS_NEU_XX",
    *(f"{take}_{emotion}_XX" for take in ("1008_WSI", "1009_MTI", "1019_ITH") for emotion in EMOTIONS),
}
WITHOUT_SPEECH = "clips without speech, according to the release, kept: leave them out of an evaluation"
DEMOGRAPHICS = '"ActorID","Age","Sex","Race","Ethnicity"\n1001,51,"Male","Caucasian","Not Hispanic"\n'
RESPONSES = (
    '"","localid","pos","ans","ttr","queryType","numTries","clipNum","questNum","subType","clipName","sessionNums",'
    '"respEmo","respLevel","dispEmo","dispVal","dispLevel"\n'
)


def full_release():
    for actor in range(1001, 1092):
        for sentence in SENTENCES:
            for emotion in EMOTIONS:
                has_levels = sentence == "IEO" and emotion != "NEU"
                for level in ("LO", "MD", "HI") if has_levels else ("XX",):
                    name = f"{actor}_{sentence}_{emotion}_{level}"
                    if name not in NEVER_RECORDED:
                        yield name


def respond(clip, emotion, level="50", rater="r1", presented="1"):
    return f'"1","{rater}",1,"",900,{presented},0,1,1,4,"{clip}",1,"{emotion}","{level}","A","X",50\n'


def write(root, *names):
    for number, name in enumerate(names):
        write_clip(root / "AudioWAV" / f"{name}.wav", number)


def test_name_and_tables_give_everything(tmp_path):
    write(tmp_path, "1001_dfa_ang_xx")
    (tmp_path / "VideoDemographics.csv").write_text(DEMOGRAPHICS)
    (tmp_path / "finishedResponses.csv").write_text(
        RESPONSES
        + respond("1001_DFA_ANG_XX", "D", "62", rater="r7")
        + respond("1001_DFA_ANG_XX", "A", "NA", rater="r9", presented="3")
    )
    votes = [
        {"rater": "r7", "labels": ["DIS"], "level": 62, "presented": "voice"},
        {"rater": "r9", "labels": ["ANG"], "presented": "voice and face"},
    ]
    reading = crema_d.utterances(tmp_path)
    assert reading.utterances == (
        Utterance(
            id="1001_DFA_ANG_XX",
            audio="AudioWAV/1001_dfa_ang_xx.wav",
            text="Don't forget a jacket",
            label="ANG",
            speaker="1001",
            gender="M",
            script="DFA",
            duration=0.1,
            votes=json.dumps(votes, separators=(",", ":")),
        ),
    )
    assert reading.findings == ()


def test_the_full_release(monkeypatch, tmp_path):
    write_names(tmp_path / "AudioWAV", (f"{name}.wav" for name in full_release()))
    reading = read_full(monkeypatch, "crema-d", tmp_path)
    assert len(reading.utterances) == 7442
    check_counts("crema-d", reading)
    assert list_findings(reading) == {
        LACKS_GENDERS: ("VideoDemographics.csv",),
        LACKS_VOTES: ("finishedResponses.csv",),
        WITHOUT_SPEECH: ("1076_MTI_SAD_XX",),
    }


def test_the_files_of_the_raters_are_not_clips(tmp_path):
    write(tmp_path, "1001_DFA_ANG_XX")
    write_names(tmp_path, ("AudioMP3/1001_DFA_ANG_XX.mp3", "VideoFlash/1001_DFA_ANG_XX.flv"))
    reading = crema_d.utterances(tmp_path)
    assert [row.audio for row in reading.utterances] == ["AudioWAV/1001_DFA_ANG_XX.wav"]
    assert list_findings(reading)[
        "mp3 and video files, ignored: they were presented to raters; the recordings are WAV files"
    ] == ("AudioMP3/1001_DFA_ANG_XX.mp3", "VideoFlash/1001_DFA_ANG_XX.flv")


def test_irregular_clips_are_findings(tmp_path):
    write(tmp_path, "1099_DFA_ANG_XX", "1001_DFA_ANG_HI", "1001_IEO_ANG_HI")
    findings = list_findings(crema_d.utterances(tmp_path))
    assert findings["clips of an unknown actor"] == ("1099_DFA_ANG_XX",)
    assert findings["clips with a level of intensity, although only sentence IEO has levels"] == ("1001_DFA_ANG_HI",)


def test_tables_that_do_not_fit_the_clips_are_findings(tmp_path):
    write(tmp_path, "1001_DFA_ANG_XX", "1002_DFA_ANG_XX", "1003_DFA_ANG_XX")
    (tmp_path / "VideoDemographics.csv").write_text(DEMOGRAPHICS + '1002,30,"",,\n')
    (tmp_path / "finishedResponses.csv").write_text(
        RESPONSES
        + respond("1001_DFA_ANG_XX", "A")
        + respond("1002_DFA_ANG_XX", "B")
        + respond("1003_DFA_ANG_XX", "A", presented="4")
        + respond("1050_DFA_ANG_XX", "A")
    )
    reading = crema_d.utterances(tmp_path)
    assert [row.gender for row in reading.utterances] == ["M", "", ""]
    assert list_findings(reading) == {
        "responses of an unknown emotion or presentation, ignored": (
            "finishedResponses.csv, response 2",
            "finishedResponses.csv, response 3",
        ),
        "clips that were rated, without an audio file": ("1050_DFA_ANG_XX",),
        "actors without a sex in VideoDemographics.csv": ("1002", "1003"),
        "clips without a response in finishedResponses.csv": ("1002_DFA_ANG_XX", "1003_DFA_ANG_XX"),
    }


@pytest.mark.parametrize("name", ["VideoDemographics.csv", "finishedResponses.csv"])
def test_a_damaged_table_is_an_error(tmp_path, name):
    crema_d.sample(tmp_path)
    (tmp_path / name).write_text("actor\n1001\n")
    with pytest.raises(Mismatch, match=f"{name} has missing columns"):
        crema_d.utterances(tmp_path)
    (tmp_path / name).unlink()
    (tmp_path / name).symlink_to(tmp_path / "nowhere")
    with pytest.raises(NotFound, match=f"{name} cannot be read\\n.*\\n  got: No such file or directory"):
        crema_d.utterances(tmp_path)


def test_another_folder_is_refused(tmp_path):
    with pytest.raises(NotFound, match="is not a release of CREMA-D"):
        crema_d.utterances(tmp_path)
