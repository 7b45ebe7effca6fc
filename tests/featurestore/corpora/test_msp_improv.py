import itertools
import json

import pytest

from featurestore.corpora import msp_improv
from featurestore.errors import NotFound
from featurestore.manifest import Utterance
from tests.support.full_releases import check_counts, read_full, write_names
from tests.support.listed_releases import by_id, edit, list_findings, repeat, write_sample

LABELS = "ASHNOX"
PARTS = {  # counts of the paper's table 4, by kind of turn and label
    "T": (115, 106, 136, 283, 1, 11),
    "R": (169, 80, 88, 241, 3, 39),
    "S": (470, 633, 1048, 1789, 70, 371),
    "P": (38, 66, 1372, 1164, 11, 134),
}
FIRST = "MSP-IMPROV-S01A-F01-S-FF01"


@pytest.fixture
def root(tmp_path):
    return write_sample("msp-improv", tmp_path)


def full_release(root):
    speakers = itertools.cycle(f"{gender}0{session}" for session in range(1, 7) for gender in "FM")
    lines, clips = [], []
    for kind, counts in PARTS.items():
        for number, label in enumerate(repeat(dict(zip(LABELS, counts, strict=True)))):
            scene, speaker = f"S{number % 20 + 1:02}{'AHNS'[number % 4]}", next(speakers)
            turn = f"IMPROV-{scene}-{speaker}-{kind}-FM{number:02}"
            lines += [
                f"UTD-{turn}.avi; {label}; A:2.8; V:2.1; D:3.1 ; N:4.2;",
                "E_1; Sad; Sad; A:3; V:2; D:3; N:4;",
                "",
            ]
            clips.append(f"Audio/session{speaker[-1]}/{scene}/{kind}/MSP-{turn}.wav")
    write_names(root, clips)
    (root / "Evaluation.txt").write_text("\n".join(lines), "utf-8")


def test_a_row_holds_what_the_release_says(root):
    row = by_id(msp_improv.utterances(root))["MSP-IMPROV-S02H-M02-S-MM01"]
    assert row == Utterance(
        id="MSP-IMPROV-S02H-M02-S-MM01",
        audio="Audio/session2/S02H/S/MSP-IMPROV-S02H-M02-S-MM01.wav",
        text="Line 17.",
        label="H",
        speaker="M02",
        gender="M",
        session="2",
        script="S02",
        duration=row.duration,
        valence=3.5,
        activation=2.5,
        dominance=3.0,
        votes='[{"rater":"Rater_2","labels":["Happy"],"second":["Happy","Other"],"val":4,"act":2,"dom":3,"nat":null},'
        '{"rater":"Rater_3","labels":["Happy"],"second":["Happy","Other"],"val":4,"act":3,"dom":3,"nat":null}]',
    )


def test_the_full_release(monkeypatch, tmp_path):
    full_release(tmp_path)
    reading = read_full(monkeypatch, "msp-improv", tmp_path)
    assert len(reading.utterances) == 8438
    check_counts("msp-improv", reading)
    assert list_findings(reading) == {
        "no utterance has a transcript: this copy holds no text files of them": ("8,438 utterances",)
    }
    kinds = [row.id.split("-")[4] for row in reading.utterances]
    assert {kind: kinds.count(kind) for kind in PARTS} == {"T": 652, "R": 620, "S": 4381, "P": 2785}


@pytest.mark.parametrize(
    ("line", "labels", "second"),
    [
        (
            "W 1; Other-in pain; Sad,Other: [no; yes?]; A:3; V:2.5; D:NaN; N:4;",
            "Other-in pain",
            ["Sad", "Other: [no; yes?]"],
        ),
        ("w-2_b; Happy; ; A:3; V:2.5; D:NaN ; N:4", "Happy", []),
    ],
)
def test_votes_hold_free_text(root, line, labels, second):
    path = root / "Evaluation.txt"
    lines = path.read_text("utf-8").splitlines()
    path.write_text("\n".join([lines[0], line, *lines[3:]]), "utf-8")
    (vote,) = json.loads(by_id(msp_improv.utterances(root))[FIRST].votes)
    rater = line.partition(";")[0]
    assert vote == {
        "rater": rater,
        "labels": [labels],
        "second": second,
        "val": 2.5,
        "act": 3,
        "dom": None,
        "nat": 4,
    }


def test_odd_lines_and_files_are_findings(root):
    path = root / "Evaluation.txt"
    edit(path, "S01A-F01-S-FF01.avi; A; A:2.500000", "S01A-F01-S-FF01.avi; Q; A:5.500000")
    path.write_text("what is this\n" + path.read_text("utf-8") + "Rater_9; Sad; A:x;\n", "utf-8")
    (root / "Audio/session1/S01A/S/MSP-IMPROV-S01A-M01-S-MM01.wav").unlink()
    (root / "All_human_transcriptions/session1/MSP-IMPROV-S01N-F01-S-FF01.txt").unlink()
    (root / "All_human_transcriptions/session1/MSP-IMPROV-S01N-M01-S-MM01.txt").unlink()
    (root / "All_human_transcriptions/session1/MSP-IMPROV-S01N-M01-S-MM01.txt").symlink_to(root / "nowhere")
    reading = msp_improv.utterances(root)
    assert len(reading.utterances) == 24
    assert list_findings(reading) == {
        "lines of evaluations that cannot be read, ignored": ("Evaluation.txt:1", "Evaluation.txt:98"),
        "mean ratings outside 1 to 5, kept": (FIRST,),
        "text files that cannot be read": (
            "All_human_transcriptions/session1/MSP-IMPROV-S01N-M01-S-MM01.txt: No such file or directory",
        ),
        "utterances without a transcript, kept with an empty text": (
            "MSP-IMPROV-S01N-F01-S-FF01",
            "MSP-IMPROV-S01N-M01-S-MM01",
        ),
        "utterances with the unknown label 'Q'": (FIRST,),
        "utterances without a clip, kept without audio": ("MSP-IMPROV-S01A-M01-S-MM01",),
    }


def test_another_folder_is_refused(tmp_path):
    with pytest.raises(NotFound, match="is not a release of MSP-IMPROV"):
        msp_improv.utterances(tmp_path)
    (tmp_path / "Evaluation.txt").write_text("no turn\n")
    with pytest.raises(NotFound, match="is not a release of MSP-IMPROV"):
        msp_improv.utterances(tmp_path)
