"""Check that today's commands read what earlier versions wrote, and encode nothing of it again.

Each folder beside this file holds the files of one version, as `write.py` of that version made them.
"""

import hashlib
import json
import math
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
from click.testing import CliRunner

from cli import main
from featurestore.prediction.bundle import load
from featurestore.store import Store
from tests.compatibility.write import NEW_SPEECH, build_speech_options, compute_digests

VERSIONS = sorted(path.parent for path in Path(__file__).parent.glob("*/expected.json"))
FAILED = ["u23"]
FILES = ["audio", "tuned", "fold@1", "fold@2", "egemaps"]
FEATURES = ["audio.frames", "audio.layers[1]", "tuned.logits", "fold@1.mean", "fold@2.cls", "egemaps.functionals"]
INSPECTED = ["store", "calls", "stopped", "store/*.h5", "stopped/audio.parts/*.h5", "bundles/*", "hub/*/snapshots/*"]


@pytest.fixture(scope="module", params=VERSIONS, ids=lambda path: path.name)
def version(request):
    """Give the folder of one version, which no test changes."""
    return request.param


@pytest.fixture(scope="module")
def expected(version):
    return json.loads((version / "expected.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def shared(version, tmp_path_factory):
    """Copy the folder once; tests only add to the copy."""
    folder = tmp_path_factory.mktemp("before") / version.name
    shutil.copytree(version, folder)
    return folder


@pytest.fixture
def home(shared, version, monkeypatch):
    """Make the copy the current folder, and its models the hub's cache."""
    monkeypatch.chdir(shared)
    monkeypatch.setenv("HF_HUB_CACHE", str(version / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(version / "hub"))
    return shared


@pytest.fixture
def prepared(home, expected):
    """Prepare the copied corpora, so that their clips are found where they lie now."""
    run(*expected["commands"]["prepare"])
    run(*expected["commands"]["prepare calls"])
    return home


def run(*arguments, code=0):
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.output
    return result


def ask(*arguments, code=0):
    return json.loads(run(*arguments, "--json", code=code).stdout)


def find(version, pattern):
    found = sorted(version.glob(pattern))
    assert found
    return found


@pytest.mark.parametrize("pattern", INSPECTED)
def test_everything_is_inspected(version, home, pattern):
    for path in find(version, pattern):
        assert ask("inspect", path)
        assert run("inspect", path).output


def test_a_feature_file_says_what_it_holds(home):
    content = ask("inspect", "store/tuned.h5")
    assert content["utterances"] == 23
    assert list(content["failed"]) == FAILED
    assert content["trained on"].startswith("19 ")


@pytest.mark.parametrize("store", ["store", "calls"])
def test_a_store_whose_corpus_lies_elsewhere_is_intact(version, home, store):
    assert ask("verify", version / store)["intact"]


@pytest.mark.parametrize(("store", "command"), [("store", "prepare"), ("calls", "prepare calls")])
def test_preparing_again_gives_the_same_manifest(version, home, expected, store, command):
    run(*expected["commands"][command])
    manifest = f"{store}/utterances.csv"
    assert (home / manifest).read_bytes() == (version / manifest).read_bytes()


@pytest.mark.parametrize("store", ["store", "calls"])
def test_a_store_is_intact_and_its_vectors_are_made_again_the_same(prepared, store):
    found = ask("verify", store, "--sample", "2")
    assert found["intact"]
    assert len(found["checked"]) == 1 + 2 * len(find(prepared, f"{store}/*.h5"))
    assert found["notes"] == []


@pytest.mark.parametrize("feature", FEATURES)
def test_a_vector_is_fresh(prepared, feature):
    found = ask("explain", "store", "u05", feature)
    assert (found["state"], found["why"]) == ("fresh", [])
    assert ask("explain", "store", FAILED[0], feature)["state"] == "failed"


def test_a_segment_is_fresh(prepared):
    found = ask("explain", "calls", Store("calls").utterances[1].id, "egemaps.functionals")
    assert (found["state"], found["why"]) == ("fresh", [])


@pytest.mark.parametrize("name", ["audio", "tuned", "fold", "egemaps", "calls"])
def test_nothing_is_encoded_again_and_nothing_changes(prepared, expected, name):
    calls = name == "calls"
    for done in ask(*expected["commands"][f"extract {name}"], "--jobs", "1", code=0 if calls else 3):
        assert (done["encoded"], done["reused"]) == (0, 3 if calls else 23)
        assert list(done["failed"]) == ([] if calls else FAILED)
        before = expected["digests"][done["file"]]
        assert {key: value for key, value in compute_digests(Path(done["file"])).items() if key in before} == before


def test_matrices_are_the_same(home, expected):
    store = Store("store")
    assert store.encoders() == sorted(FILES)
    for feature, content in expected["matrices"].items():
        assert store.available([feature]) == content["ids"]
        X, _, _ = store.matrix([feature], content["ids"])
        assert list(X.shape) == content["shape"]
        assert hashlib.sha256(X.tobytes()).hexdigest() == content["sha256"], feature


def test_failures_are_the_same(home, expected):
    for encoder, failures in expected["failed"].items():
        assert list(Store("store").failures([f"{encoder}.mean"])) == list(failures) == FAILED


def test_finished_parts_are_not_encoded_again(prepared, expected):
    parts = find(prepared, "stopped/audio.parts/*.h5")
    done = 0
    for part in parts:
        with h5py.File(part) as file:
            done += len(file["id"])
    shutil.copy("store/corpus.json", "stopped")  # as it is prepared now
    (found,) = ask(*expected["commands"]["extract stopped"], "--jobs", "1", code=3)
    assert (found["encoded"], found["reused"], list(found["failed"])) == (23 - done, done, FAILED)
    assert not (prepared / "stopped" / "audio.parts").exists()
    with h5py.File("stopped/audio.h5") as file, h5py.File("store/audio.h5") as whole:
        np.testing.assert_allclose(file["mean"], whole["mean"], atol=1e-5)


@pytest.mark.parametrize("head", ["prior", "logistic", "svm", "mlp"])
def test_a_bundle_answers_as_before(version, home, expected, head):
    for utterance_id, before in zip(NEW_SPEECH, expected["predictions"][head], strict=True):
        (found,) = ask("predict", version / "bundles" / head, *build_speech_options(version, utterance_id))
        assert (found["id"], found["emotion"]) == (before["id"], before["emotion"])
        assert found["probabilities"] == pytest.approx(before["probabilities"], abs=1e-5)


def test_trees_answer_as_before_to_stored_features(version, home, expected):
    # another processor encodes with another rounding, which decides at the threshold of a tree
    bundle = load(version / "bundles/xgb")
    X, _, _ = Store("store").matrix(bundle.features, NEW_SPEECH)
    probabilities = bundle.head.predict_proba(bundle.normalize_rows(X))
    for row, before in zip(probabilities, expected["predictions"]["xgb"], strict=True):
        assert dict(zip(bundle.classes, row, strict=True)) == pytest.approx(before["probabilities"], abs=1e-5)


def test_a_bundle_is_replaced_by_a_new_one(home):
    run("fit-head", "--store", "store", "--head", "prior", "--features", "audio.mean", "--out", "bundles/prior")


def collect_numbers(content, place=""):
    """Collect the numbers in a report's content, by place."""
    if isinstance(content, list):
        content = dict(enumerate(content))
    if not isinstance(content, dict):
        return {place: content} if isinstance(content, (int, float)) else {}
    found = {}
    for name, value in content.items():
        found |= collect_numbers(value, f"{place}/{name}")
    return found


def test_a_report_made_again_has_the_same_figures(version, home):
    run("report", version / "benchmark", "--out", "again/report.html")
    before = json.loads((version / "benchmark" / "results.json").read_text("utf-8"))
    now = json.loads(Path("again/results.json").read_text("utf-8"))
    assert [row["system"] for row in now["leaderboard"]] == [row["system"] for row in before["leaderboard"]]
    found = collect_numbers(now)
    for place, value in collect_numbers(before).items():
        assert math.isclose(found[place], value, rel_tol=1e-4, abs_tol=1e-6), place


def test_a_benchmark_is_continued(home, expected):
    before = json.loads(Path("benchmark/results.json").read_text("utf-8"))
    run(*expected["commands"]["benchmark"], "--jobs", "1")
    now = json.loads(Path("benchmark/results.json").read_text("utf-8"))
    assert {row["system"] for row in now["leaderboard"]} == {row["system"] for row in before["leaderboard"]}
    assert now["provenance"]["folds_sha256"] == before["provenance"]["folds_sha256"]


def fit(store, feature, *options, code=0):
    return run("fit-head", "--store", store, "--head", "prior", "--features", feature, *options, code=code)


BY_SESSION = ("--protocol", "leave-one-session-out")


@pytest.mark.parametrize("feature", ["tuned.mean", "tuned.logits", "fold@1.mean"])
def test_an_evaluation_on_what_a_feature_file_was_trained_on_is_refused(home, tmp_path, feature):
    told = fit("store", feature, *BY_SESSION, "--out", tmp_path / "b", code=1).output
    assert "test utterances" in told
    assert "--allow-leakage" in told


@pytest.mark.parametrize(("feature", "options"), [("tuned.mean", ()), ("fold.mean", (*BY_SESSION, "--fold", "1"))])
def test_an_evaluation_on_the_rest_is_allowed(home, tmp_path, feature, options):
    fit("store", feature, *options, "--out", tmp_path / "b")


def test_the_record_of_a_checkpoint_is_honoured(home, expected, tmp_path):
    _, table, root, *_ = expected["commands"]["prepare"]
    _, _, _, *encoder = expected["commands"]["extract tuned"]
    run("extract", "--store", tmp_path / "new", "--corpus", table, "--root", root, *encoder, "--jobs", "1", code=3)
    assert "--allow-leakage" in fit(tmp_path / "new", "tuned.mean", *BY_SESSION, code=1).output


def test_a_checkpoint_is_not_fine_tuned_again(version, prepared, expected):
    (before,) = find(version, "hub/*--tuned/snapshots/*")
    shutil.copytree(before, "tuned/holdout")
    without_dev = ("--dev", "0", "--select", "last", "--precision", "float32", "--micro-batch", "8")
    record = ask(*expected["commands"]["finetune"], *without_dev)
    assert record == json.loads((before / "finetune.json").read_text("utf-8"))
    weights = "model.safetensors"
    assert Path("tuned/holdout", weights).stat().st_mtime_ns == (before / weights).stat().st_mtime_ns
