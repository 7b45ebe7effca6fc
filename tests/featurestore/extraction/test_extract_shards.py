import json
import warnings
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

from cli import main
from featurestore.commands.extract import extract
from featurestore.errors import Mismatch, Unavailable
from featurestore.extraction import worker
from featurestore.shards.write_shards import write_shards
from featurestore.store import Store
from tests.support import tiny


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return str(tiny.checkpoint("bert", tmp_path_factory.mktemp("checkpoint") / "text", ("a", "b")))


@pytest.fixture
def rows(tmp_path):
    return [
        replace(row, dialogue=str(number // 2)) for number, row in enumerate(tiny.utterances(6, tmp_path / "clips"))
    ]


@pytest.fixture
def store(tmp_path, rows):
    write_shards(tmp_path / "shards", {"corpus": "table", "root": str(tmp_path / "clips")}, rows, 2)
    return Store(tmp_path / "shards")


def run(store, checkpoint, **options):
    said = options.pop("said", [])
    (done,) = extract(store.path, encoders=[f"text={checkpoint}"], jobs=1, device="cpu", say=said.append, **options)
    return done


def test_all_shards_are_extracted_as_one(store, rows, checkpoint, tmp_path):
    said = []
    done = run(store, checkpoint, said=said)
    assert (done.encoded, done.reused, done.failed) == (6, 0, {})
    assert done.path == store.path / "*" / "text.h5"
    assert next(line for line in said if "shard" in line) == f"text: shard 1 of 3, {store.path / '0000'}"
    single = tiny.store(tmp_path / "single", rows, tmp_path / "clips")
    run(single, checkpoint)
    ids = [row.id for row in reversed(rows)]
    found, expected = (Store(one.path).matrix(["text.mean", "text.logits"], ids)[0] for one in (store, single))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    again = run(store, checkpoint)
    assert (again.encoded, again.reused) == (0, 6)
    assert not list(store.path.glob("*/*.parts"))


def test_an_extraction_that_was_stopped_continues_in_its_shard(store, checkpoint, monkeypatch):
    encode_parts, calls = worker.encode_parts, []

    def stop_in_the_second_shard(*arguments):
        calls.append(1)
        if len(calls) == 2:
            raise Unavailable("stopped")
        return encode_parts(*arguments)

    monkeypatch.setattr(worker, "encode_parts", stop_in_the_second_shard)
    with pytest.raises(Unavailable, match="stopped"):
        run(store, checkpoint)
    assert Store(store.path).count_shards() == {"text": 1}
    done = run(store, checkpoint)
    assert (done.encoded, done.reused) == (4, 2)


def test_a_trial_estimates_all_shards(store, checkpoint):
    done = run(store, checkpoint, limit=1)
    assert done.encoded == 1
    assert (done.trial.total, done.trial.missing) == (6, 5)
    assert done.trial.seconds > 0
    done = run(store, checkpoint, limit=2)
    assert (done.encoded, done.trial.missing) == (2, 3)  # the rest of the first shard, and one of the second


def test_optional_kinds_of_one_shard_are_kept_in_all(store, checkpoint):
    run(store, checkpoint)
    extract(store.path / "0001", encoders=[f"text={checkpoint}"], layers=True, jobs=1, device="cpu", say=lambda _: None)
    with pytest.raises(Mismatch, match="were not made alike"):
        Store(store.path).digests("text")
    run(store, checkpoint)
    assert Store(store.path).shape("text.layers") == (3, 16)


def test_context_across_shards_is_refused(tmp_path, rows, checkpoint):
    mixed = [rows[0], rows[2], rows[1], *rows[3:]]
    write_shards(tmp_path / "mixed", {"corpus": "table", "root": str(tmp_path / "clips")}, mixed, 2)
    with pytest.raises(Mismatch, match=r"reads 1 turns before each utterance(.*\n)*.*got: 2 dialogues in several"):
        run(Store(tmp_path / "mixed"), checkpoint, context=1)


def test_context_within_shards_gives_the_vectors_of_the_whole(store, rows, checkpoint, tmp_path):
    run(store, checkpoint, context=1)
    single = tiny.store(tmp_path / "single", rows, tmp_path / "clips")
    run(single, checkpoint, context=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found, expected = (Store(one.path).matrix(["text.mean"])[0] for one in (store, single))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_the_command_extracts_all_shards(store, checkpoint):
    words = ["extract", "--store", str(store.path), "--encoder", f"text={checkpoint}", "--jobs", "1", "--json"]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)[0]["encoded"] == 6
