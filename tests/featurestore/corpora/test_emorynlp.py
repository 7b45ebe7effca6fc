import itertools

import pytest

from featurestore.corpora import emorynlp
from featurestore.errors import Mismatch, NotFound
from featurestore.manifest import Utterance
from tests.support.full_releases import check_counts, read_full, write_names
from tests.support.listed_releases import by_id, edit, list_findings, repeat, write_sample, write_table

COLUMNS = ("Utterance", "Speaker", "Emotion", "Scene_ID", "Utterance_ID", "Season", "Episode", "Start_Time", "End_Time")
LABELS = ("Neutral", "Joyful", "Scared", "Mad", "Peaceful", "Powerful", "Sad")
PARTS = {  # counts of declare-lab/MELD
    "train": (2485, 1677, 941, 785, 638, 551, 474),
    "dev": (322, 205, 127, 97, 82, 70, 51),
    "test": (288, 217, 116, 86, 111, 96, 70),
}


@pytest.fixture
def root(tmp_path):
    return write_sample("emorynlp", tmp_path)


def full_release(root):
    speakers = itertools.cycle(range(259))
    episodes = {"train": range(77), "dev": range(77, 88), "test": range(88, 97)}
    for part, counts in PARTS.items():
        rows = []
        for number, label in enumerate(repeat(dict(zip(LABELS, counts, strict=True)))):
            turn, place = divmod(number, len(episodes[part]))
            season, episode = divmod(episodes[part][place], 25)
            times = f"00:{turn // 60:02}:{turn % 60:02}.000", f"00:{turn // 60:02}:{turn % 60:02}.900"
            speaker = f"['Speaker {next(speakers)}']"
            rows.append(("Hi.", speaker, label, 1, turn, season + 1, episode + 1, *times))
        write_table(root / f"emorynlp_{part}_final.csv", COLUMNS, rows)
        clips = (f"sea{row[5]}_ep{row[6]}_sc{row[3]}_utt{row[4]}.mp4" for row in rows)
        write_names(root / f"emorynlp_{part}_splits", clips)


def test_a_row_holds_what_the_release_says(root):
    row = by_id(emorynlp.utterances(root))["sea1_ep2_sc1_utt2"]
    assert row == Utterance(
        id="sea1_ep2_sc1_utt2",
        audio="emorynlp_dev_splits/sea1_ep2_sc1_utt2.wav",
        text="Line 2, again.",
        label="Mad",
        speaker="Monica Geller",
        gender="F",
        session="s01e02",
        dialogue="sea1_ep2_sc1",
        partition="dev",
        start=62.25,
        end=62.75,
        duration=row.duration,
    )


def test_the_full_release(monkeypatch, tmp_path):
    full_release(tmp_path)
    reading = read_full(monkeypatch, "emorynlp", tmp_path)
    assert len(reading.utterances) == 9489
    assert reading.findings == ()
    check_counts("emorynlp", reading)


@pytest.mark.parametrize(
    ("cell", "speaker"),
    [
        ("\"['Ross Geller', 'Susan Bunch']\"", "Ross Geller and Susan Bunch"),
        ('"[""Phoebe\'s Assistant""]"', "Phoebe's Assistant"),
        ("[]", ""),
    ],
)
def test_speakers_are_a_list(root, cell, speaker):
    path = root / "emorynlp_test_final.csv"
    text = path.read_text("utf-8").replace("['Ryan'],Mad,1", f"{cell},Mad,1")
    path.write_text(text, "utf-8")
    reading = emorynlp.utterances(root)
    assert by_id(reading)["sea1_ep3_sc1_utt4"].speaker == speaker
    several = list_findings(reading).get("turns of several speakers at once", ())
    assert several == (("sea1_ep3_sc1_utt4",) if " and " in speaker else ())


def test_times_in_the_other_spelling_are_read(root):
    path = root / "emorynlp_dev_final.csv"
    text = path.read_text("utf-8").replace("_Time", "Time").replace("01:02.250", '"01:02,250"'.strip('"'))
    path.write_text(text.replace("00:01:02,250", '"00:01:02,250"'), "utf-8")
    assert by_id(emorynlp.utterances(root))["sea1_ep2_sc1_utt2"].start == 62.25


def test_unusable_clips_and_rows_are_findings(root):
    (root / "emorynlp_train_splits/sea1_ep1_sc1_utt1.wav").write_bytes(b"")
    edit(root / "emorynlp_dev_final.csv", "Mad,1,2,1,2", "Mad,1,two,1,2")
    found = list_findings(emorynlp.utterances(root))
    assert [place.partition(":")[0] for place in found.popitem()[1]] == ["sea1_ep1_sc1_utt1"]
    assert found == {
        "rows without a number as Season, Episode, Scene_ID, Utterance_ID, ignored": (
            "emorynlp_dev_final.csv, utterance 2",
        ),
        "clips that no label file lists, ignored": ("emorynlp_dev_splits/sea1_ep2_sc1_utt2.wav",),
    }


def test_a_damaged_table_is_an_error(root):
    edit(root / "emorynlp_dev_final.csv", "Emotion", "Feeling")
    with pytest.raises(Mismatch, match="get the file again: it has no Emotion"):
        emorynlp.utterances(root)


def test_another_folder_is_refused(tmp_path):
    with pytest.raises(NotFound, match="is not a release of EmoryNLP"):
        emorynlp.utterances(tmp_path)
