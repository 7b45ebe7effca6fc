import pytest

from featurestore.corpora import emov_db, write_clip
from featurestore.errors import NotFound
from featurestore.manifest import Utterance
from tests.support.full_releases import check_counts, list_findings, read_full, write_names

# Clips of each speaker and style, counted in the sorted version.
CLIPS = {
    "bea": {"Amused": 296, "Angry": 304, "Disgusted": 333, "Neutral": 357, "Sleepy": 497},
    "jenie": {"Amused": 222, "Angry": 496, "Disgusted": 189, "Neutral": 417, "Sleepy": 466},
    "josh": {"Amused": 298, "Neutral": 302, "Sleepy": 263},
    "sam": {"Amused": 501, "Angry": 468, "Disgusted": 497, "Neutral": 492, "Sleepy": 495},
}
NAMES = {"Amused": "amused", "Angry": "anger", "Disgusted": "Disgust", "Neutral": "neutral", "Sleepy": "sleepiness"}
SENTENCES = 'arctic heading\n( arctic_a0001 "Author of the "trail"." )\n( arctic_b0002 "Another list." )\n'


def full_release(form):
    for speaker, styles in CLIPS.items():
        for style, count in styles.items():
            for number in range(1, count + 1):
                first = (number - 1) // 28 * 28 + 1
                dash = "_" if speaker == "josh" and number > 250 else "-"
                clip = f"{NAMES[style]}_{first}{dash}{first + 27}_{number:04}"
                yield form.format(speaker=speaker, style=style, clip=clip)


@pytest.mark.parametrize(
    "audio", ["josh_Sleepy/sleepiness_1-28_0001.wav", "EmoV-DB_sorted/josh/Sleepy/Sleepiness_1_28_0001.wav"]
)
def test_both_layouts_give_the_same_row(tmp_path, audio):
    write_clip(tmp_path / audio)
    (tmp_path / "cmuarctic.data").write_text(SENTENCES)
    reading = emov_db.utterances(tmp_path)
    assert reading.utterances == (
        Utterance(
            id="josh_sleepiness_1-28_0001",
            audio=audio,
            text='Author of the "trail".',
            label="sleepiness",
            speaker="josh",
            gender="M",
            script="0001",
            duration=0.1,
        ),
    )
    assert reading.findings == ()


@pytest.mark.parametrize("form", ["{speaker}_{style}/{clip}.wav", "EmoV-DB_sorted/{speaker}/{style}/{clip}.wav"])
def test_the_full_release(monkeypatch, tmp_path, form):
    write_names(tmp_path, full_release(form))
    reading = read_full(monkeypatch, "emov-db", tmp_path)
    assert len(reading.utterances) == 6893
    assert {row.label for row in reading.utterances if row.speaker == "josh"} == {"amused", "neutral", "sleepiness"}
    assert list_findings(reading) == {"files that this copy lacks, so that texts are empty": ("cmuarctic.data",)}
    check_counts("emov-db", reading)


def test_quirks_are_findings(tmp_path):
    names = ("bea/Angry/anger_1-28_0024", "bea/Angry/anger_197-224_0024", "amused_1-28_0001", "spk/amused_1-28_0001")
    for number, name in enumerate(names):
        write_clip(tmp_path / f"{name}.wav", number)
    (tmp_path / "cmuarctic.data").write_text(SENTENCES)
    reading = emov_db.utterances(tmp_path)
    assert [row.id for row in reading.utterances] == ["bea_anger_1-28_0024", "bea_anger_197-224_0024"]
    assert list_findings(reading) == {
        "clips in no folder of a speaker (bea, jenie, josh, sam), ignored: who speaks is unknown": (
            "amused_1-28_0001.wav",
            "spk/amused_1-28_0001.wav",
        ),
        "clips of a sentence that cmuarctic.data does not have": ("bea_anger_1-28_0024", "bea_anger_197-224_0024"),
        "clips whose sentence number is outside the range in their name, so that either may be wrong": (
            "bea_anger_197-224_0024",
        ),
    }


def test_another_folder_is_refused(tmp_path):
    with pytest.raises(NotFound, match="is not a release of EmoV-DB"):
        emov_db.utterances(tmp_path)
