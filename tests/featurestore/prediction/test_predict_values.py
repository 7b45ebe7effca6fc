"""`--target` from the command line: fit, predict, compare and report values, on clips."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

from cli import main
from featurestore.extraction.extract import extract_encoder
from featurestore.prediction.predict import predict, render
from featurestore.spec import EncoderSpec
from featurestore.store import Store
from tests.support import tiny


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Return a store of clips with ratings, one of them without, and the features of one encoder."""
    folder = tmp_path_factory.mktemp("rated")
    rng = np.random.default_rng(0)
    rows = [
        replace(row, valence=float(rng.integers(1, 6)), activation=float(rng.integers(1, 6)))
        for row in tiny.utterances(24, folder / "corpus")
    ]
    rows[3] = replace(rows[3], valence=None)
    made = tiny.store(folder / "store", rows, folder / "corpus")
    extract_encoder(made, EncoderSpec("audio", str(tiny.checkpoint("wav2vec2-group", folder / "net"))), jobs=1)
    return Store(made.path)


def run(*words):
    return CliRunner().invoke(main, list(map(str, words)))


@pytest.fixture(scope="module")
def bundle(store):
    """Fit a bundle by the command, and return its folder and the command's answer."""
    answer = run("fit-head", "--store", store.path, "--head", "ridge", "--target", "valence,activation", "--json")
    assert answer.exit_code == 0, answer.output
    content = json.loads(answer.stdout)
    return store.path / "bundles" / "ridge-valence-activation", content


def test_the_answer_has_targets_and_says_who_is_left_out(bundle):
    folder, content = bundle
    assert content["bundle"] == str(folder)
    assert content["targets"] == ["valence", "activation"]
    assert content["left_out"] == {"no valence": 1}
    assert set(content["metrics"]["mean_concordance_correlation"]) >= {"value", "low", "high", "n"}


def test_new_speech_gets_the_values_that_the_head_gives_its_stored_features(store, bundle):
    from featurestore.prediction.bundle import load

    loaded = load(bundle[0])
    X, _, ids = store.matrix(loaded.features)
    expected = loaded.head.predict(X)
    for row in (0, 3, 23):
        utterance = store.utterances[row]
        (found,) = predict(loaded, audio=str(store.root / utterance.audio))
        assert list(found.values) == ["valence", "activation"]
        np.testing.assert_allclose(list(found.values.values()), expected[ids.index(utterance.id)], atol=1e-3)
        assert (found.emotion, found.probabilities) == ("", {})


def test_the_command_predicts_values_as_json_and_as_lines(store, bundle, tmp_path):
    clip = store.root / "clip000.wav"
    (row,) = json.loads(run("predict", bundle[0], "--audio", clip, "--json").stdout)
    assert row.keys() == {"id", "values"}
    assert row["values"].keys() == {"valence", "activation"}
    (tmp_path / "rows.csv").write_text(f"id,audio\na,{clip}\nb,nowhere.wav\n")
    answer = run("predict", bundle[0], "--table", tmp_path / "rows.csv")
    assert answer.exit_code == 3
    first, second = answer.stdout.splitlines()
    assert first == f"a  valence {row['values']['valence']:.2f}, activation {row['values']['activation']:.2f}"
    assert second.startswith("b  failed: ")
    assert render(predict(bundle[0], audio=clip)).startswith("clip000  valence ")


def test_a_bundle_that_names_other_targets_than_its_weights_is_refused(bundle, tmp_path):
    import shutil

    shutil.copytree(bundle[0], tmp_path / "b")
    head = tmp_path / "b" / "head.json"
    head.write_text(json.dumps(json.loads(head.read_text()) | {"targets": ["valence"]}))
    answer = run("predict", tmp_path / "b", "--audio", "x.wav")
    assert answer.exit_code == 1
    assert "targets.safetensors is not of 1 targets" in answer.output


def test_a_benchmark_and_its_report_by_the_command(store, tmp_path):
    out = tmp_path / "results"
    words = ["--store", store.path, "--heads", "prior,ridge", "--target", "activation", "--jobs", "1", "--out", out]
    answer = run("benchmark", *words)
    assert answer.exit_code == 0, answer.output
    assert "| of activation" not in answer.stdout
    assert "2 runs, 0 of them done already" in answer.stderr
    assert "2 runs, 2 of them done already" in run("benchmark", *words).stderr
    again = run("report", out, "--out", tmp_path / "page.html", "--metric", "activation_pearson_correlation")
    assert again.exit_code == 0, again.output
    assert "activation Pearson correlation" in again.stdout
    with (tmp_path / "leaderboard.csv").open() as file:
        assert {row["head"] for row in csv.DictReader(file)} == {"prior", "ridge"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--target", "arousal"), "the manifest calls it activation: --target activation"),
        (("--target", "dominance"), "no utterance has a value of dominance"),
        (("--target", "valence", "--flaws"), "--flaws is for classes, and --target predicts values"),
        (("--target", "valence", "--labels", "all"), "--labels all is for classes, and --target predicts values"),
        (("--target", "valence", "--metric", "accuracy"), "unknown metric 'accuracy' to rank predicted values by"),
        (("--target", "valence", "--test-store", "x", "--protocol", "cross-corpus"), "rate valence, activation and do"),
    ],
)
def test_what_is_not_for_values_is_refused_with_one_message(store, tmp_path, words, message):
    answer = run("benchmark", "--store", store.path, "--heads", "ridge", *words, "--out", tmp_path / "results")
    assert answer.exit_code == 1
    assert message in answer.output
    assert not (tmp_path / "results").exists()
