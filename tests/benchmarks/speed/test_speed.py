"""`make bench` runs; its figures at this size mean nothing."""

import json

import numpy as np
import pytest

from benchmarks.speed import __main__ as bench
from benchmarks.speed import _corpus, _machine, _row, audio_encoder, text_encoder
from featurestore import encoders
from featurestore.item import Item
from featurestore.spec import EncoderSpec

FIELDS = {"name", "against", "value", "unit", "reference", "ratio", "bar", "at_most", "repeats", "settings", "passed"}


def test_measurements_are_found_by_listing_the_folder():
    assert {"audio_encoder", "text_encoder", "write", "read", "overhead", "finished_store", "memory"} <= set(
        bench.names()
    )


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
