from dataclasses import replace

import pytest

from featurestore.corpora import nemo, write_clip
from featurestore.errors import Mismatch, NotFound
from tests.support.full_releases import check_counts, collect_findings, read_names

HEADER = "file_id\temotion\traw_text\tnormalized_text\tspeaker_id\tgender\tage\n"
ROW = "WR0_fear_7.wav\tfear\tMówi „nie”.\tmówi nie\t        WR0\tmale\t23\n"
COUNTS = {"anger": 749, "fear": 736, "happiness": 749, "neutral": 809, "sadness": 769, "surprised": 669}
SPEAKERS = {"EB0": "female", "IC0": "female", "KD0": "female", "KS0": "male", "MK0": "female", "MP0": "male"}
SPEAKERS |= {"SM0": "male", "TP0": "male", "WR0": "male"}


@pytest.fixture
def root(tmp_path):
    write_clip(tmp_path / "samples/WR0_fear_7.wav", rate=24_000)
    (tmp_path / "data.tsv").write_text(HEADER + ROW, "utf-8")
    return tmp_path


def list_names():
    """Return as many names of each emotion as the release has; which speaker says which sentence is made up."""
    said = [(speaker, sentence) for sentence in range(1, 91) for speaker in SPEAKERS]
    return [f"{speaker}_{label}_{sentence}" for label, count in COUNTS.items() for speaker, sentence in said[:count]]


def test_a_name_and_its_row_give_everything(root):
    reading = nemo.utterances(root)
    assert reading.findings == ()
    (row,) = reading.utterances
    assert row == replace(
        row,
        id="WR0_fear_7",
        audio="samples/WR0_fear_7.wav",
        text="Mówi „nie”.",
        label="fear",
        speaker="WR0",
        gender="M",
        script="7",
        duration=0.1,
    )
    assert row.session == row.dialogue == row.partition == ""


def test_the_full_release(monkeypatch, tmp_path):
    rows = (
        f"{name}.wav\t{name.split('_')[1]}\tTak.\ttak\t{name[:3]}\t{SPEAKERS[name[:3]]}\t23\n" for name in list_names()
    )
    (tmp_path / "data.tsv").write_text(HEADER + "".join(rows), "utf-8")
    reading = read_names(monkeypatch, "nemo", tmp_path, (f"samples/{name}.wav" for name in list_names()))
    assert len(reading.utterances) == 4481
    assert reading.findings == ()
    check_counts("nemo", reading)


def test_what_the_list_and_the_clips_do_not_share_is_a_finding(root):
    write_clip(root / "samples/WR0_anger_7.wav", 1, rate=24_000)
    with (root / "data.tsv").open("a", encoding="utf-8") as file:
        file.write(ROW.replace("fear_7", "fear_8") + ROW + ROW.replace("fear_7", "joy_7").replace("fear", "joy"))
    reading = nemo.utterances(root)
    assert [(row.id, row.text) for row in reading.utterances] == [("WR0_anger_7", ""), ("WR0_fear_7", "Mówi „nie”.")]
    assert collect_findings(reading) == {
        "rows of data.tsv with an unknown file_id": ("WR0_joy_7.wav",),
        "utterances that are listed twice; the first row is used": ("WR0_fear_7",),
        "clips that data.tsv does not list": ("WR0_anger_7",),
        "utterances that data.tsv lists without a clip": ("WR0_fear_8", "WR0_joy_7.wav"),
    }


def test_another_label_in_the_list_is_a_finding_and_used(root):
    (root / "data.tsv").write_text(HEADER + ROW.replace("\tfear\t", "\tanger\t"), "utf-8")
    reading = nemo.utterances(root)
    assert reading.utterances[0].label == "anger"
    assert [finding.where for finding in reading.findings] == [("WR0_fear_7: anger, not fear",)]


def test_a_list_without_a_column_is_refused(root):
    (root / "data.tsv").write_text(HEADER.replace("gender", "sex") + ROW, "utf-8")
    with pytest.raises(Mismatch, match="it has no gender"):
        nemo.utterances(root)


def test_without_a_list_there_are_no_texts(root):
    (root / "data.tsv").unlink()
    reading = nemo.utterances(root)
    assert (reading.utterances[0].text, reading.utterances[0].gender) == ("", "")
    assert collect_findings(reading) == {"clips that data.tsv does not list": ("WR0_fear_7",)}


def test_a_list_that_cannot_be_read_is_refused(root):
    (root / "data.tsv").unlink()
    (root / "data.tsv").symlink_to(root / "nowhere")
    with pytest.raises(NotFound, match=r"data\.tsv cannot be read"):
        nemo.utterances(root)


def test_clips_at_another_rate_are_a_finding(root):
    write_clip(root / "samples/WR0_fear_7.wav", rate=16_000)
    assert [finding.where for finding in nemo.utterances(root).findings] == [("WR0_fear_7: 16,000 Hz",)]


def test_a_second_list_is_a_finding(root):
    (root / "copy").mkdir()
    (root / "copy/DATA.tsv").write_text(HEADER)
    reading = nemo.utterances(root)
    assert reading.utterances[0].text
    assert collect_findings(reading) == {"label files in other folders": ("copy/DATA.tsv",)}


def test_another_folder_is_refused(tmp_path):
    with pytest.raises(NotFound, match="is not a release of nEMO"):
        nemo.utterances(tmp_path)
