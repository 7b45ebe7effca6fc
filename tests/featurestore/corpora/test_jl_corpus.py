import pytest

from featurestore.corpora import jl_corpus, write_clip
from featurestore.errors import NotFound
from featurestore.manifest import Utterance
from tests.support.full_releases import check_counts, list_findings, read_full, write_names

FOLDER = "Raw JL corpus (unchecked and unannotated)/JL(wav+txt)"
EMOTIONS = ("angry", "excited", "happy", "neutral", "sad")
SECONDARY = ("anxious", "apologetic", "assertive", "concerned", "encouraging")


def full_release():
    for speaker in ("female1", "female2", "male1", "male2"):
        for emotion in (*EMOTIONS, *SECONDARY):
            for sentence in range(1, 16):
                for take in ("a_1", "a_2", "b_1", "b_2"):
                    yield f"{FOLDER}/{speaker}_{emotion}_{sentence}{take}"


def write(folder, name, number=0, text=b"Jack views an art piece.\r\n"):
    write_clip(folder / f"{name}.wav", number, 44_100)
    if text is not None:
        (folder / f"{name}.txt").write_bytes(text)


def test_name_and_text_file_give_everything(tmp_path):
    write(tmp_path / FOLDER, "female2_angry_12b_1")
    assert jl_corpus.utterances(tmp_path).utterances == (
        Utterance(
            id="female2_angry_12b_1",
            audio=f"{FOLDER}/female2_angry_12b_1.wav",
            text="Jack views an art piece.",
            label="angry",
            speaker="female2",
            gender="F",
            script="12",
            duration=0.1,
        ),
    )


def test_the_full_release(monkeypatch, tmp_path):
    write_names(tmp_path, (f"{name}.wav" for name in full_release()))
    for name in full_release():
        (tmp_path / f"{name}.txt").write_text("words")
    reading = read_full(monkeypatch, "jl-corpus", tmp_path)
    assert len(reading.utterances) == 2400
    assert len({row.script for row in reading.utterances}) == 15
    assert reading.findings == ()
    check_counts("jl-corpus", reading)


def test_damaged_texts_are_findings(tmp_path):
    for number, text in enumerate((b"A line.", b" \n", None, b"caf\xe9"), 1):
        write(tmp_path, f"male1_sad_{number}a_1", number, text)
    write(tmp_path, "male1_sad_5a_1", 5, None)
    (tmp_path / "male1_sad_5a_1.txt").symlink_to(tmp_path / "nowhere")
    reading = jl_corpus.utterances(tmp_path)
    assert [row.text for row in reading.utterances] == ["A line.", "", "", "café", ""]
    assert list_findings(reading) == {
        "files that are not UTF-8, read as cp1252": ("male1_sad_4a_1.txt",),
        "text files that cannot be read": ("male1_sad_5a_1.txt: No such file or directory",),
        "clips without words in a text file beside them": ("male1_sad_2a_1", "male1_sad_3a_1", "male1_sad_5a_1"),
    }


def test_the_partial_copy_in_the_archive_is_a_finding(tmp_path):
    write(tmp_path / FOLDER, "male1_sad_1a_1")
    write(tmp_path / FOLDER.lower(), "male1_sad_1a_1")
    reading = jl_corpus.utterances(tmp_path)
    assert [row.audio for row in reading.utterances] == [f"{FOLDER}/male1_sad_1a_1.wav"]
    assert list_findings(reading) == {
        "second copies of a clip, with the same bytes, ignored": (f"{FOLDER.lower()}/male1_sad_1a_1.wav",)
    }


def test_the_scheme_of_five_leaves_the_secondary_emotions_out():
    assert {code for code, name in jl_corpus.CARD.schemes["jl-corpus-5"].items() if name} == set(EMOTIONS)


def test_another_folder_is_refused(tmp_path):
    write(tmp_path, "male3_sad_1a_1")
    with pytest.raises(NotFound, match="is not a release of JL-Corpus"):
        jl_corpus.utterances(tmp_path)
