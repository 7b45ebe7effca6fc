import pytest

from featurestore import registry
from featurestore.errors import BadValue, NotFound
from featurestore.preparation.prepare import prepare
from featurestore.preparation.recognize import recognize_corpus, suggest_corpus


def put(corpus, folder):
    """Write the sample release of a corpus into a new folder."""
    folder.mkdir(parents=True)
    registry.module("corpora", corpus).sample(folder)
    return folder


def put_clips(folder, names):
    folder.mkdir(parents=True)
    for name in names:
        (folder / name).touch()
    return folder


def test_a_folder_above_several_corpora_is_not_taken_for_the_largest(tmp_path):
    put_clips(tmp_path / "speech/emodb/wav", [f"03a{text:02}Fa.wav" for text in range(1, 60)])
    put_clips(tmp_path / "speech/tess", [f"OAF_{letter}ack_angry.wav" for letter in "abcdefghijklmnopqrst"])
    with pytest.raises(BadValue) as caught:
        recognize_corpus(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path} looks like several corpora\n  expected: the folder of one corpus\n"
        "  got: emodb (59 files), tess (20 files)\n"
        f"  do: name one: cli prepare emodb {tmp_path}/speech/emodb, or cli prepare tess {tmp_path}/speech/tess"
    )


def test_a_few_files_of_another_corpus_do_not_matter(tmp_path):
    put_clips(tmp_path / "wav", [f"03a{text:02}Fa.wav" for text in range(1, 60)])
    put_clips(tmp_path / "more", [f"OAF_{letter}ack_angry.wav" for letter in "abcdefghijklmnopqrs"])
    assert recognize_corpus(tmp_path) == "emodb"


def test_a_folder_of_another_corpus_is_named_with_its_reader(tmp_path):
    root = put("ravdess", tmp_path / "ravdess")
    assert suggest_corpus("emodb", root) == f"it looks like ravdess: cli prepare ravdess {root}"


def test_a_folder_above_those_of_another_tool_leads_to_the_first(tmp_path):
    put("lhotse", tmp_path / "b/manifests")
    put("kaldi", tmp_path / "a/train")
    with pytest.raises(NotFound, match=f"do: its files are in folders below: cli prepare lhotse {tmp_path}/b/manif"):
        prepare("lhotse", tmp_path, tmp_path / "store")


@pytest.mark.parametrize("corpus", ["auto", "shemo"])
def test_archives_are_to_be_unpacked(corpus, tmp_path):
    root = put_clips(tmp_path / "ShEMO", ["README.md", "female.zip", "male.ZIP", "more.tar.gz", "transcript.zip"])
    with pytest.raises(NotFound, match="do: unpack female.zip, male.ZIP, more.tar.gz …, and give the folder"):
        prepare(corpus, root, tmp_path / "store")
    with pytest.raises(NotFound, match="do: unpack male.ZIP, and give the folder with the files"):
        prepare(corpus, root / "male.ZIP", tmp_path / "store")
