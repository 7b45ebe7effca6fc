from featurestore.corpora import CorpusCard, FindingList, ReleaseFiles, write_clip
from featurestore.manifest import Utterance
from featurestore.releases.listed_utterances import build_reading
from tests.support.full_releases import list_findings

CARD = CorpusCard(title="Listed", licence="free", citation="none", labels={"a": "angry"})


def read(root, ids, label="a"):
    found = FindingList()
    return build_reading(ReleaseFiles(root, found), [Utterance(one, label=label) for one in ids], CARD, found)


def test_a_clip_is_found_in_any_folder_with_any_suffix_and_case(tmp_path):
    write_clip(tmp_path / "a/B/CLIP 1.WAV")
    (row,) = read(tmp_path, ["clip 1"]).utterances
    assert (row.audio, row.duration) == ("a/B/CLIP 1.WAV", 0.1)


def test_what_is_missing_second_or_not_listed_is_a_finding(tmp_path):
    for number, name in enumerate(("one.wav", "b/one.flac", "b/three.wav")):
        write_clip(tmp_path / name, number)
    reading = read(tmp_path, ["one", "two", "one", ""])
    assert [(row.id, row.audio) for row in reading.utterances] == [("one", "one.wav"), ("two", "")]
    assert list_findings(reading) == {
        "rows of a label file that name no utterance, ignored": ("a",),
        "utterances that are listed twice; the first row is used": ("one",),
        "files with the name of another clip and other bytes, ignored: one clip of each name is used": ("b/one.flac",),
        "clips that no label file lists, ignored": ("b/three.wav",),
        "utterances without a clip, kept without audio": ("two",),
    }


def test_unknown_and_missing_labels_are_findings(tmp_path):
    write_clip(tmp_path / "one.wav")
    assert list_findings(read(tmp_path, ["one"], "b")) == {"utterances with the unknown label 'b'": ("one",)}
    assert list_findings(read(tmp_path, ["one"], "")) == {"utterances without a label": ("one",)}
