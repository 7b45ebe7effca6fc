"""`make bench` runs; its figures at this size mean nothing."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks.speed import __main__ as bench
from benchmarks.speed import _command, _corpus, _machine, _row, audio_encoder, import_memory, text_encoder
from cli import main
from featurestore import encoders
from featurestore.item import Item
from featurestore.manifest import Utterance
from featurestore.spec import EncoderSpec
from featurestore.store import Store

FIELDS = {"name", "against", "value", "unit", "reference", "ratio", "bar", "at_most", "repeats", "settings", "passed"}


def test_measurements_are_found_by_listing_the_folder():
    assert {
        "audio_encoder",
        "text_encoder",
        "write",
        "read",
        "overhead",
        "finished_store",
        "memory",
        "import_memory",
    } <= set(bench.names())


def test_the_cheap_ones_give_rows_a_table_and_json(tmp_path, capsys):
    out = tmp_path / "results" / "bench.json"
    assert (
        bench.main(
            [
                "--small",
                "--only",
                "write",
                "--only",
                "read",
                "--only",
                "heads",
                "--only",
                "context_heads",
                "--out",
                str(out),
            ]
        )
        == 0
    )
    kept = json.loads(out.read_text())
    assert kept["small"] is True
    assert {"cpu", "cores", "load_average", "torch", "transformers"} <= set(kept["machine"])
    assert {row["module"] for row in kept["rows"]} == {"write", "read", "heads", "context_heads"}
    assert all(FIELDS | {"module", "load_average"} == set(row) for row in kept["rows"])
    printed = capsys.readouterr().out
    assert all(row["name"] in printed for row in kept["rows"])
    assert "measured" in printed
    assert "np.save" in printed


def test_the_loops_measured_against_do_the_same_work(tmp_path):
    texts = _corpus.transcripts(20)
    text = _corpus.write_text_encoder(tmp_path / "text", tiny=True)
    (clip,) = _corpus.write_clips(tmp_path, [0.6])
    sound = _corpus.write_audio_encoder(tmp_path / "audio", tiny=True)
    items = [Item("u", tmp_path / clip.audio, text) for text in texts]
    for checkpoint, loop, inputs, padding in (
        (text, text_encoder.TextLoop(text), texts, {"padding": True}),
        (sound, audio_encoder.AudioLoop(sound), [str(items[0].audio)], {}),
    ):
        encoder = encoders.load(encoders.identify(EncoderSpec("", str(checkpoint))), "cpu")
        loaded = [encoder.load(item) for item in items[: len(inputs)]]
        ours = [row["mean"] for row in encoder.encode(loaded, frozenset(["mean"]))]
        np.testing.assert_allclose(loop.run(inputs, **padding), ours, rtol=1e-4, atol=1e-5)


def test_lengths_are_those_of_iemocap():
    seconds = _corpus.lengths(20_000)
    assert seconds.min() >= 0.58
    assert seconds.max() <= 34.14
    assert seconds.mean() == pytest.approx(4.55, rel=0.03)
    words = [len(text.split()) for text in _corpus.transcripts(5_000)]
    assert sum(words) / len(words) + 2 == pytest.approx(17, abs=0.7)  # two special tokens


def test_a_ratio_is_the_median_of_the_repeats_own():
    row = _row.compare_repeats("a", "b", [1.0, 2.0, 9.0], [3.0, 5.0, 9.0], "s", "", bar=2.4, faster=True)
    assert (row.value, row.reference, row.ratio, row.passed, row.repeats) == (2.0, 5.0, 2.5, True, 3)
    assert _row.compare_repeats("a", "b", [1.2], [1.0], "ms", "", bar=1.1, at_most=True).passed is False
    assert _row.summarize("a", [2.0], "s", "", bar=3).passed is True
    assert _row.summarize("a", [2.0], "s", "").passed is None


def test_the_arithmetic_of_a_network_is_that_of_its_products():
    import transformers as hf

    config = hf.Wav2Vec2Config(
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        conv_dim=(4,),
        conv_kernel=(10,),
        conv_stride=(5,),
        num_conv_pos_embeddings=2,
        num_conv_pos_embedding_groups=1,
    )
    frames = (1600 - 10) // 5 + 1
    convolutions = 2 * 4 * 10 * frames + 2 * 8 * 8 * 2 * (frames + 1)
    dense = 2 * frames * (4 * 8 + 4 * 8 * 8 + 2 * 8 * 16)
    attention = 4 * 8 * frames**2
    assert audio_encoder.operations(hf.Wav2Vec2Model(config), [0.1]) == convolutions + dense + attention


def test_the_machine_is_described():
    assert _machine.describe()["cores"] == _machine.count_cores() >= 1


def test_the_growth_of_import_memory_is_set_against_the_vectors(tmp_path, monkeypatch):
    def run(store, file, *options):
        done = CliRunner().invoke(main, ["import", str(file), "--store", str(store), *options, "--json"])
        assert done.exit_code == 0, done.output
        X, _, _ = Store(store).matrix(["text.mean"])
        np.testing.assert_array_equal(X, np.load(file.with_name("features.npy")))
        return _command.Finished(json.loads(done.stdout), 1.0, len(X) / 100)

    monkeypatch.setattr(_command, "import_features", run)
    rows = import_memory.measure(tmp_path, small=True)
    assert [row.name.rpartition(", ")[2] for row in rows] == [".npy", ".parquet"]
    assert [row.value for row in rows] == [9.0, 9.0]
    assert all(row.ratio == pytest.approx(9 / (900 * 768 * 4 / 2**20)) for row in rows)


def test_a_command_is_run_and_its_own_memory_sampled(tmp_path):
    store = _corpus.write_store(tmp_path / "store", [Utterance("a", text="x"), Utterance("b", text="y")], tmp_path)
    np.savez(tmp_path / "features.npz", a=np.ones(3, np.float32), b=np.zeros(3, np.float32))
    found = _command.import_features(store.path, tmp_path / "features.npz", "--name", "text", "--modality", "text")
    assert found.answer["imported"] == 2
    assert 1 < found.peak < 1000
