import json
import shutil

import h5py
import numpy as np
import pytest
from click.testing import CliRunner

from cli import main
from featurestore import encoders
from featurestore.errors import NotFound, Unavailable
from featurestore.extraction.extract import extract_encoder
from featurestore.inspection.verify import verify
from featurestore.spec import EncoderSpec
from featurestore.storage import seal
from featurestore.storage.feature_file import FeatureFile
from featurestore.storage.feature_writer import write
from featurestore.store import Store
from tests.support import tiny


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Make a finished store of both modalities, with layers and frames. Each test has a copy."""
    folder = tmp_path_factory.mktemp("made")
    store = tiny.store(folder / "store", tiny.utterances(6, folder / "corpus"), folder / "corpus")
    (store.root / "clip005.wav").unlink()
    for family in ("wav2vec2-group", "deberta-v2"):
        checkpoint = tiny.checkpoint(family, folder / family)
        optional = ["layers", "frames"]
        extract_encoder(store, EncoderSpec("", str(checkpoint)), optional=optional, jobs=1, device="cpu")
    return folder


@pytest.fixture
def path(made, tmp_path):
    shutil.copytree(made, tmp_path / "made")
    info = {"corpus": "table", "root": str(tmp_path / "made" / "corpus"), "utterances": 6}
    (tmp_path / "made" / "store" / "corpus.json").write_text(json.dumps(info))
    return tmp_path / "made" / "store"


def rewrite(path, change):
    """Rewrite a feature file with some columns changed, and valid checksums and seal."""
    file = FeatureFile(path)
    columns = {name: np.array(file[name]) for name in file.names}
    change(columns)
    write(path, columns, file.header)


def test_an_encoder_that_does_not_load_is_noted_and_the_others_are_sampled(path, monkeypatch):
    load = encoders.load

    def broken(identity, device):
        if identity.modality == "audio":
            raise Unavailable("transformers cannot load checkpoint audio")
        return load(identity, device)

    monkeypatch.setattr(encoders, "load", broken)
    found = verify(path, sample=2)
    assert found.notes == ["audio.h5: no utterance could be encoded again: transformers cannot load checkpoint audio"]
    assert [line.partition(":")[0] for line in found.checked if "encoded again, equal" in line] == ["text.h5"]


def test_an_intact_store_has_no_problems_and_is_not_changed(path):
    before = {file: file.stat().st_mtime_ns for file in path.rglob("*")}
    found = verify(path)
    assert found.problems == found.notes == []
    assert found.checked == [
        "utterances.csv: 6 utterances of table",
        "audio.h5: 5 utterances, 1 failed, intact",
        "text.h5: 6 utterances, 0 failed, intact",
    ]
    assert {file: file.stat().st_mtime_ns for file in path.rglob("*")} == before


def test_flipped_bytes_anywhere_and_truncations_are_found(path):
    file = path / "audio.h5"
    whole, random = file.read_bytes(), np.random.default_rng(1)
    for offset in random.choice(len(whole), 40, replace=False):
        damaged = bytearray(whole)
        damaged[offset] ^= 1 << int(random.integers(8))
        file.write_bytes(damaged)
        assert any("audio.h5" in problem and "damaged" in problem for problem in verify(path).problems), offset
    for length in random.integers(0, len(whole), 10):
        file.write_bytes(whole[:length])
        assert any("audio.h5 is damaged" in problem for problem in verify(path).problems), length


def test_all_problems_are_reported_at_once(path):
    rewrite(path / "audio.h5", lambda columns: columns["mean"].__setitem__((2, 3), np.nan))
    rewrite(path / "text.h5", lambda columns: columns["id"].__setitem__(0, b"u001"))
    problems = "\n".join(verify(path).problems)
    assert "audio.h5: mean has NaN or infinite values in 1 row, row 2 first" in problems
    assert "text.h5: 1 utterance of the manifest, neither in /id nor in /failed: u000; do: cli extract" in problems
    assert "text.h5: 1 utterance more than once in /id and /failed: u001" in problems


def test_changed_clips_are_stale(path):
    root = Store(path).root
    tiny.clip(root / "clip001.wav", 0.4, 77)
    (root / "clip002.wav").unlink()
    again = f"{FeatureFile(path / 'audio.h5').update_command} --paranoid"
    assert verify(path).problems == [
        f"audio.h5: 2 utterances with a stale vector (the audio has changed or is missing): u001, u002; do: {again}"
    ]
    shutil.rmtree(root)
    found = verify(path)
    assert found.problems == []
    assert found.notes == [
        f"audio.h5: the corpus folder {root} does not exist, so clips were not compared with vectors"
    ]


def test_another_manifest_and_wrong_counts_are_reported(path):
    rows = list(Store(path).utterances)
    info = (path / "corpus.json").read_text()
    tiny.store(path, rows[:4], Store(path).root)
    (path / "corpus.json").write_text(info)
    problems = verify(path).problems
    assert problems[0] == "corpus.json says utterances 6, utterances.csv has 4"
    assert "audio.h5: was made from another manifest than utterances.csv" in problems[1]
    assert "audio.h5: 2 utterances not in the manifest: u004, u005" in problems[2]


@pytest.mark.parametrize("name", ["corpus.json", "utterances.csv"])
def test_a_damaged_text_file_is_reported_and_the_others_are_checked(path, name):
    (path / name).write_text("{")
    found = verify(path)
    assert name in found.problems[0]
    assert "audio.h5: 5 utterances, 1 failed, intact" in found.checked


def test_a_sample_is_encoded_again(path):
    found = verify(path, sample=2)
    assert found.problems == []
    assert sum("2 utterances encoded again, equal" in line for line in found.checked) == 2
    rewrite(path / "text.h5", lambda columns: columns["mean"].__imul__(1.01))
    (problem,) = verify(path, sample=1).problems
    assert problem.startswith("text.h5: mean of u")
    assert "differs by 1.0e-02 of its norm when encoded again" in problem


def test_a_moved_or_changed_checkpoint_is_noted(path, made, monkeypatch):
    weights = made / "deberta-v2" / "config.json"
    original = weights.read_text()
    weights.write_text(original.replace("}", " }"))
    shutil.move(made / "wav2vec2-group", made / "elsewhere")
    try:
        notes = verify(path, sample=1).notes
    finally:
        weights.write_text(original)
        shutil.move(made / "elsewhere", made / "wav2vec2-group")
    assert "audio.h5: no utterance could be encoded again: there is no checkpoint folder" in notes[0]
    assert "text.h5: no utterance could be encoded again: its encoder has changed: config.json:" in notes[1]


def test_leftovers_are_noted(path):
    (path / "audio.parts").mkdir()
    (path / ".text.h5.1.tmp").write_text("")
    assert verify(path).notes == [
        "audio.parts holds 0 parts of an extraction that is running or was stopped",
        ".text.h5.1.tmp was left by a write that was stopped; it can be deleted",
    ]


def test_a_file_without_a_seal_is_reported(path):
    with h5py.File(path / "text.h5") as sealed, h5py.File(path / "plain.h5", "w") as plain:
        for name in sealed:
            sealed.copy(name, plain)
        plain.attrs.update(sealed.attrs)
    (path / "plain.h5").replace(path / "text.h5")
    assert not seal.check(path / "text.h5")
    (problem,) = verify(path).problems
    assert problem.startswith("text.h5: has no seal, so its attributes may have been changed; ")
    assert problem.endswith(f"cli verify {path} --repair")


def test_the_command_verifies_a_store(path):
    run = CliRunner().invoke
    done = run(main, ["verify", str(path), "--json"])
    assert done.exit_code == 0
    assert json.loads(done.stdout)["intact"]
    (path / "text.h5").write_bytes(b"broken")
    done = run(main, ["verify", str(path)])
    assert done.exit_code == 1
    assert "WRONG: " in done.output
    assert done.output.endswith("1 problem\n")
    with pytest.raises(NotFound):
        verify(path / "nowhere")
