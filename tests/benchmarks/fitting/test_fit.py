import json
import re

import numpy as np
import pytest

from benchmarks.evaluation.head_settings import parse_params
from benchmarks.fitting.fit import fit_and_save, fit_head
from featurestore.errors import BadValue, Leakage, Mismatch, UnknownName
from featurestore.prediction import bundle as bundles
from tests.benchmarks.statistics.plain_metrics import METRICS
from tests.support.fake_store import FakeStore


def fitted(store=None, **options):
    return fit_head(store or FakeStore(), **{"head": "prior", **options})


def test_one_fold_bundles_the_head_of_its_training_part():
    result = fitted(head="svm", params={"C": 2.0})
    (fold,) = result.folds
    assert (fold.name, fold.train, fold.test) == ("holdout", 57, 15)
    assert result.bundle.fold == "holdout"
    assert result.bundle.classes == ("ang", "hap", "sad")
    assert result.bundle.blocks == {"audio.mean": 6, "text.mean": 4, "text.logits": 3}
    assert result.bundle.params["C"] == 2.0
    assert result.bundle.params["random_state"] == 0
    assert result.pooled.metrics == fold.metrics
    assert result.pooled.metrics["accuracy"].value > 0.8


def test_figures_are_the_metrics_of_the_predictions():
    store = FakeStore(spread=2.0)
    result = fitted(store, head="svm", protocol="leave-one-session-out")
    for scored in (*result.folds, result.pooled):
        rows = [row for row in result.predictions if scored.name in (row.fold, "pooled")]
        for name, metric in METRICS.items():
            found = scored.metrics[name]
            assert found.value == metric([row.truth for row in rows], [row.prediction for row in rows])
            assert found.low <= found.value <= found.high
            assert found.n == scored.test == len(rows)
    truth = {row.id: row.label for row in store.utterances if row.label}
    assert {row.id: row.truth for row in result.predictions} == truth


def test_an_approximation_is_named_in_the_result_and_in_the_bundle(tmp_path):
    result = fit_and_save(FakeStore(), head="svm", params=["approximate=20"], features=None, out=tmp_path / "bundle")
    said = "Nystroem with 20 components and a least-squares machine, because approximate was set"
    assert result.to_json()["approximation"] == said
    assert f"approximated: {said}" in result.table().splitlines()
    assert json.loads((tmp_path / "bundle" / bundles.FILE).read_text("utf-8"))["approximation"] == said
    loaded = bundles.load(tmp_path / "bundle").head
    X, _, _ = FakeStore().matrix(result.bundle.features, [row.id for row in result.predictions])
    np.testing.assert_array_equal(loaded.predict_proba(X), result.bundle.head.predict_proba(X))
    assert loaded.describe_approximation() == said
    assert "approximation" not in fitted().to_json()


def test_several_folds_bundle_the_head_of_everything():
    result = fitted(protocol="leave-one-session-out")
    assert [fold.name for fold in result.folds] == ["1", "2", "3"]
    assert result.bundle.fold is None
    assert result.pooled.test == 72


def test_one_of_several_folds_is_fitted_alone():
    result = fitted(head="svm", protocol="leave-one-session-out", fold="2")
    assert [fold.name for fold in result.folds] == ["2"]
    assert result.bundle.fold == "2"
    assert {row.id[:5] for row in result.predictions} == {"Ses02"}
    X, _, _ = FakeStore().matrix(result.bundle.features, [row.id for row in result.predictions])
    assert list(result.bundle.head.predict(X)) == [row.prediction for row in result.predictions]


def test_utterances_without_features_are_counted_and_printed():
    lines = []
    failed = {f"Ses01F_{number:03}": "audio: too short" for number in range(7)}
    result = fitted(FakeStore(failed=failed), say=lines.append)
    assert result.dropped == failed
    assert result.left_out == {"": 6}
    assert result.folds[0].train + result.folds[0].test == 65
    shown = ", ".join(f"Ses01F_{number:03} (audio: too short)" for number in range(5))
    assert lines[:2] == [
        "label scheme all keeps 72 utterances and leaves out no label 6",
        f"7 of 72 utterances have no features and are left out: {shown} and 2 more",
    ]
    assert re.fullmatch(r"fold holdout: fitted prior on \d+ utterances, tested on \d+", lines[2])


def test_a_fold_left_without_test_utterances_is_refused():
    store = FakeStore()
    store.failed = {row.id: "audio: gone" for row in store.utterances if row.session == "2"}
    with pytest.raises(
        Mismatch, match="fold 2, restricted to utterances with features, is empty\n  got: 48 to train on"
    ):
        fitted(store, protocol="leave-one-session-out")


def test_the_seed_decides_what_a_stochastic_head_learns():
    def probabilities(seed):
        bundle = fitted(head="mlp", params={"epochs": 1, "device": "cpu"}, protocol="paper-tail", seed=seed).bundle
        return bundle.head.predict_proba(np.ones((1, 13), np.float32))

    assert np.array_equal(probabilities(1), probabilities(1))
    assert not np.array_equal(probabilities(1), probabilities(2))


def test_a_leak_is_refused():
    store = FakeStore(tuned={"audio": frozenset(row.id for row in FakeStore().utterances)})
    with pytest.raises(Leakage, match="encoder audio was fine-tuned on 15 of the 15 test utterances of fold holdout"):
        fitted(store)
    assert not fitted(store, features=["text.mean"]).to_json()["leaked"]


def test_an_allowed_leak_marks_every_figure():
    store = FakeStore(tuned={"audio": frozenset(row.id for row in FakeStore().utterances)})
    result = fitted(store, allow_leakage=True)
    answer = result.to_json()
    text = "encoder audio was fine-tuned on 15 of the 15 test utterances of fold holdout"
    assert answer["leaked"]
    for figures in (answer["metrics"], answer["folds"][0]["metrics"], result.bundle.metrics):
        for name in METRICS:
            assert figures[name]["leaked"] is True
            assert figures[name]["leakage"] == text
    assert all(one["leaked"] for one in answer["per_class"].values())
    assert result.table().count("! [") > len(METRICS)
    assert not re.search(r"\d \[", result.table())
    assert f"! leaked: {text}" in result.table()


def test_a_leak_marks_only_the_folds_that_it_touches_and_the_pool():
    store = FakeStore(tuned={"audio": frozenset(row.id for row in FakeStore().utterances if row.session == "1")})
    answer = fitted(store, protocol="leave-one-session-out", allow_leakage=True).to_json()
    marked = ["leaked" in fold["metrics"]["accuracy"] for fold in answer["folds"]]
    assert marked == [True, False, False]
    assert answer["metrics"]["accuracy"]["leaked"]


def test_the_provenance_of_encoders_is_in_the_bundle():
    store = FakeStore(tuned={"text": frozenset(["Ses01F_none"])})
    bundle = fitted(store).bundle
    assert bundle.encoders["audio"] == {"class": "fake", "checkpoint": "audio"}
    # printf Ses01F_none | sha256sum
    assert bundle.trained_on["text"] == {
        "count": 1,
        "sha256": "96a9576fc56743f799494150250568485832e09204906dd775b7ede17c4e0896",
    }
    assert bundle.trained_on["audio"]["count"] == 0


def test_json_names_metrics_in_full():
    answer = fitted(params={}, protocol="leave-one-speaker-out").to_json()
    assert json.loads(json.dumps(answer)) == answer
    assert list(answer["metrics"]) == ["accuracy", "unweighted_average_recall", "macro_f1", "weighted_f1"]
    assert answer["metrics"]["accuracy"].keys() == {"value", "low", "high", "n", "over", "clusters"}
    assert answer["metrics"]["accuracy"]["n"] == 72
    assert [fold["fold"] for fold in answer["folds"]][:2] == ["Ses01F", "Ses01M"]
    assert answer["protocol"] == "leave-one-speaker-out"
    assert answer["interval"] == "95 % expanded percentile bootstrap (below 5 units Student's interval), 2000 resamples"
    assert answer["metrics"]["accuracy"]["over"] == "speakers"
    assert answer["metrics"]["accuracy"]["clusters"] == 6
    assert answer["interval_over"] == {"over": "speakers", "clusters": 6, "few": "", "note": ""}
    assert answer["folds"][0]["metrics"]["accuracy"]["over"] == "utterances"


def test_the_table_shows_setup_folds_and_pooled_figures():
    table = fitted(protocol="leave-one-session-out").table()
    assert table.splitlines()[:6] == [
        "head prior on fake, labels all: ang, hap, sad",
        "features audio.mean (6), text.mean (4), text.logits (3)",
        "protocol leave-one-session-out, seed 0, n = 72",
        "",
        "fold    train  test  accuracy %         unweighted average recall %  macro f1 %         weighted f1 %",
        "1       48     24    33.3 [33.3, 33.3]  33.3 [33.3, 33.3]            16.7 [16.7, 16.7]  16.7 [16.7, 16.7]",
    ]
    assert [line.split()[:5] for line in table.splitlines()[10:12]] == [
        ["class", "test", "recall", "%", "precision"],
        ["ang", "24", "100.0", "[100.0,", "100.0]"],
    ]
    assert table.splitlines()[15] == (
        "in brackets: 95 % expanded percentile bootstrap (below 5 units Student's interval), 2000 resamples, over "
        "speakers; pooled figures over 6 speakers"
    )
    assert table.splitlines()[8].startswith("pooled         72    33.3")


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"head": "svn"}, UnknownName, "unknown head 'svn'"),
        ({"labels": "iemocap-five"}, UnknownName, "unknown label scheme 'iemocap-five'"),
        ({"protocol": "holdot"}, UnknownName, "unknown protocol 'holdot'"),
        ({"fold": "7"}, UnknownName, "unknown fold '7'\n  expected: one of holdout"),
        (
            {"params": {"C": 1}},
            UnknownName,
            "head 'prior' has no parameter 'C'\n  expected: none: it has no parameters",
        ),
        ({"head": "svm", "params": {"C": -1}}, BadValue, "head svm: C must be a number above 0, got -1"),
        (
            {"head": "mlp", "params": {"activation": "tanh"}},
            BadValue,
            "head mlp: activation must be one of 'relu', 'id",
        ),
        (
            {"head": "xgb", "params": {"max_bin": 1}},
            BadValue,
            "head xgb: max_bin must be an integer of at least 2, got",
        ),
    ],
)
def test_bad_usage_is_refused(options, error, message):
    with pytest.raises(error, match=re.escape(message)):
        fitted(**options)


def test_parameters_are_literals_or_words():
    texts = ["C=10", "gamma=1e-3", "class_weight=balanced", "random_state=None"]
    expected = {"C": 10, "gamma": 1e-3, "class_weight": "balanced", "random_state": None}
    assert parse_params("svm", texts) == expected
    assert parse_params("mlp", ["hidden=[64, 32]", "standardize=false"]) == {"hidden": [64, 32], "standardize": False}


def test_all_unknown_parameters_are_named_at_once():
    with pytest.raises(UnknownName) as caught:
        parse_params("svm", ["c=10", "gama=auto", "epochs=3"])
    assert str(caught.value) == (
        "head 'svm' has no parameter 'c', 'gama', 'epochs'\n"
        "  expected: C=3.0, approximate='auto', cache_size=500.0, calibration_folds=3, class_weight=None, "
        "gamma='wide', gamma_factor=1.0, random_state=None\n"
        "  do: c: did you mean C?; gama: did you mean gamma?"
    )


def test_a_parameter_is_name_and_value():
    with pytest.raises(BadValue) as caught:
        parse_params("svm", ["C", "=3", "gamma=auto"])
    assert str(caught.value) == (
        "parameter 'C' has no value; parameter '=3' has no name\n  expected: NAME=VALUE, for example C=10"
    )
    with pytest.raises(BadValue, match="parameter 'C' is given twice\n  do: keep one of them"):
        parse_params("svm", ["C=1", "C=2"])


def test_fitting_and_saving_writes_the_bundle_into_the_store(tmp_path):
    store = FakeStore(path=tmp_path)
    options = {"head": "svm", "params": ["C=3"], "features": "audio.mean, text.mean"}
    result = fit_and_save(store, **options, out=None, protocol="leave-one-session-out")
    assert result.path == tmp_path / "bundles" / "svm"
    assert bundles.load(result.path).features == ("audio.mean", "text.mean")
    assert bundles.load(result.path).params["C"] == 3
    assert result.to_json()["bundle"] == str(result.path)
    assert result.to_json()["bundle_fitted_on"] == "everything"
    last = result.table().splitlines()[-1]
    assert last == f"bundle {result.path}: fitted on everything; the figures are of the folds' own heads"
    elsewhere = fit_and_save(store, **options, out=tmp_path / "mine")
    assert elsewhere.table().endswith(f"bundle {tmp_path / 'mine'}: fitted on fold holdout's training part")


def test_a_folder_that_is_not_a_bundle_is_refused_before_fitting(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    lines = []
    with pytest.raises(Mismatch, match="exists and is not a bundle"):
        fit_and_save(FakeStore(), head="svm", params=[], features=None, out=tmp_path, say=lines.append)
    assert lines == []


@pytest.mark.parametrize("place", ["locked/store", "file/b"])
def test_a_folder_that_cannot_be_written_is_refused_before_fitting(tmp_path, monkeypatch, place):
    (tmp_path / "locked").mkdir()
    (tmp_path / "file").touch()
    monkeypatch.setattr("os.access", lambda path, mode: path != tmp_path / "locked")  # root may write anywhere
    lines = []
    with pytest.raises(BadValue) as caught:
        fit_and_save(FakeStore(), head="prior", params=[], features=None, out=tmp_path / place, say=lines.append)
    got = f"{tmp_path / 'locked'} is read-only" if "locked" in place else f"{tmp_path / 'file'} is a file"
    assert str(caught.value) == (
        f"no bundle can be written to {tmp_path / place}\n  expected: a folder that can be written to\n"
        f"  got: {got}\n  do: choose another place: --out FOLDER"
    )
    assert lines == []


@pytest.mark.parametrize("features", ["", " , "])
def test_features_that_name_nothing_are_refused(tmp_path, features):
    with pytest.raises(BadValue, match="--features is empty\n  do: "):
        fit_and_save(FakeStore(), head="prior", params=[], features=features, out=tmp_path / "b")


@pytest.mark.parametrize(
    ("feature", "what", "do"),
    [
        (
            "audio",
            "'audio' is a feature set of cli benchmark, and cli fit-head takes features",
            "--features audio.mean",
        ),
        ("text", "unknown feature|is a feature set", "--features text.mean,text.logits"),
        ("text.men", "unknown feature 'text.men'", "did you mean text.mean?"),
    ],
)
def test_a_feature_that_is_not_there_leads_to_those_of_this_store(feature, what, do):
    with pytest.raises((BadValue, UnknownName), match=what) as caught:
        fit_and_save(FakeStore(), head="prior", params=(), features=feature, out=None)
    assert f"\n  do: {do}" in str(caught.value)


def test_a_bundle_that_is_replaced_is_named(tmp_path):
    lines = []
    for features in ("text.mean", "audio.mean"):
        fit_and_save(FakeStore(), head="prior", params=(), features=features, out=tmp_path / "bundle", say=lines.append)
    replaced = [line for line in lines if "replaced" in line]
    assert replaced == [f"replaced the bundle in {tmp_path / 'bundle'}: head prior on text.mean, by protocol holdout"]
