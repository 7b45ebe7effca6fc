import json

import numpy as np
import pytest
from click.testing import CliRunner

from cli import main
from featurestore.errors import BadValue, Mismatch, UnknownName
from featurestore.exporting.export_features import export_features
from featurestore.importing.import_features import import_features
from featurestore.inspection.describe import describe
from featurestore.inspection.explain import explain
from featurestore.inspection.verify import verify
from featurestore.shards.cut_store import cut_store
from featurestore.storage.feature_file import FeatureFile
from featurestore.store import Store
from tests.featurestore.shards import stores


def test_every_dataset_of_a_shard_is_a_part_of_the_whole(tmp_path):
    single, sharded = stores.cut(tmp_path)
    for encoder in ("text", "audio"):
        whole = single.file(encoder)
        parts = [shard.file(encoder) for shard in sharded.shards()]
        for name in ("id", "key", "content", "mean", "layers", "failed/id", "failed/reason", "failed/key"):
            joined = np.concatenate([np.asarray(part[name]) for part in parts])
            np.testing.assert_array_equal(joined, whole[name])
        frames = np.concatenate([np.asarray(part["frames/value"]) for part in parts])
        np.testing.assert_array_equal(frames, whole["frames/value"])
        assert all(part.find_damaged() == [] for part in parts)


def test_cutting_again_copies_nothing_and_a_lost_file_is_copied_again(tmp_path):
    single, sharded = stores.cut(tmp_path)
    again = cut_store(single.path, sharded.path, 4, say=lambda line: None)
    assert (again.copied, again.kept) == (0, 6)
    (sharded.path / "0001" / "audio.h5").unlink()
    assert cut_store(single.path, sharded.path, 4, say=lambda line: None).copied == 1


def test_a_stale_file_stays_stale(tmp_path):
    single = stores.write_store(tmp_path / "single")
    stores.add(single, "old", manifest="0" * 64)
    done = cut_store(single.path, tmp_path / "shards", 4, say=lambda line: None)
    assert done.stale == ("old",)
    assert "old is stale, as it was: cli extract" in done.summary()
    with pytest.raises(Mismatch, match="was made from another manifest"):
        Store(tmp_path / "shards").matrix(["old.mean"], ["u01"])


def test_a_damaged_file_is_not_cut(tmp_path):
    single = stores.write_store(tmp_path / "single")
    path = single.path / "text.h5"
    content = bytearray(path.read_bytes())
    offset = content.find(single.file("text")["mean"].tobytes())
    single.file("text").release()
    content[offset] ^= 1
    path.write_bytes(content)
    with pytest.raises(Mismatch, match="text.h5"):
        cut_store(single.path, tmp_path / "shards", 4, say=lambda line: None)


def test_a_cut_store_is_not_cut_again(tmp_path):
    _, sharded = stores.cut(tmp_path)
    with pytest.raises(BadValue, match="is cut into shards already"):
        cut_store(sharded.path, tmp_path / "other", 2)


def test_the_command_says_what_was_cut(tmp_path):
    single = stores.write_store(tmp_path / "single", stores.list_rows(turns=6))
    words = ["shard", str(single.path), str(tmp_path / "shards"), "--rows", "4"]
    done = CliRunner().invoke(main, [*words, "--json"])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert (found["shards"], found["copied"], found["cut_dialogues"]) == (4, 8, 2)
    again = CliRunner().invoke(main, words)
    assert "11 utterances in 4 shards of at most 4; 0 feature files copied, 8 there already" in again.stdout
    assert "2 dialogues in more than one shard" in again.stdout


def test_verify_checks_the_index_and_every_shard(tmp_path):
    _, sharded = stores.cut(tmp_path)
    found = verify(sharded.path)
    assert any(line.startswith("0002: utterances.csv: 3 utterances") for line in found.checked)
    assert not [line for line in found.problems if "shards.json" in line or "shards.ids" in line]
    path = sharded.path / "shards.ids.npy"
    path.write_bytes(path.read_bytes()[:-1] + b"\1")
    path = sharded.path / "0001" / "utterances.csv"
    path.write_text(path.read_text() + "\n")
    (sharded.path / "0002" / "text.h5").unlink()
    (sharded.path / "0000" / "corpus.json").unlink()
    found = verify(sharded.path)
    assert "0000: there is no corpus.json; run cli prepare or cli shard again" in found.problems
    assert "shards.ids.npy is damaged; run cli prepare or cli shard again" in found.problems
    assert any(line.startswith("0001: utterances.csv is not as shards.json says") for line in found.problems)
    assert "text is finished in 2 of 3 shards, so it is no feature of the whole yet" in found.notes


def test_inspect_describes_the_whole(tmp_path):
    _, sharded = stores.cut(tmp_path)
    (sharded.path / "0002" / "text.h5").unlink()
    found = describe(sharded.path)
    assert (found["shards"], found["utterances"]) == (3, stores.COUNT)
    assert found["feature files"]["text"] == {"shards": "2 of 3"}
    assert CliRunner().invoke(main, ["inspect", str(sharded.path)]).exit_code == 0


def test_shards_that_the_corpus_no_longer_has_are_named(tmp_path):
    single, sharded = stores.cut(tmp_path)
    from featurestore.shards.write_shards import write_shards

    write_shards(sharded.path, single.info, single.utterances[:8], 4)
    assert "0002 is no shard of the present corpus; it can be deleted" in verify(sharded.path).notes
    assert FeatureFile(sharded.path / "0002" / "text.h5").ids  # nothing is removed


def test_a_vector_is_explained_from_its_shard(tmp_path):
    single, sharded = stores.cut(tmp_path)
    found = explain(sharded.path, "u06", "text.mean")
    assert found["file"] == str(sharded.path / "0001" / "text.h5")
    expected = explain(single.path, "u06", "text.mean")
    assert (found["shape"], found["norm"]) == (expected["shape"], expected["norm"])
    with pytest.raises(UnknownName, match="unknown utterance 'nobody'"):
        explain(sharded.path, "nobody", "text.mean")


def test_an_import_and_an_export_of_the_whole_name_a_shard(tmp_path):
    _, sharded = stores.cut(tmp_path)
    np.savez(tmp_path / "new.npz", ids=["u01"], x=np.zeros((1, 2)))
    with pytest.raises(BadValue, match="cut into 3 shards, and each has a file new.h5 of its own"):
        import_features(tmp_path / "new.npz", store=sharded.path, name="new", modality="text")
    with pytest.raises(BadValue, match="cut into 3 shards"):
        export_features(tmp_path / "out.npz", store=sharded.path, features=["text.mean"])
    assert not list(sharded.path.glob("*.h5"))
