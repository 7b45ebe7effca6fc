"""`fit-head --target`: figures, bundle, search, guard and refusals of regressors."""

import json
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.evaluation.run_spec import RunSpec, digest
from benchmarks.fitting.fit import fit_and_save, fit_head
from benchmarks.grid.config import BenchmarkConfig
from benchmarks.grid.plan import plan
from benchmarks.statistics.value_answers import score_values
from featurestore import registry
from featurestore.errors import BadValue, Leakage, Mismatch, UnknownName
from featurestore.prediction import bundle as bundles
from tests.benchmarks.statistics.plain_value_metrics import PLAIN
from tests.support.rated_store import TARGETS, RatedStore, rate

SESSIONS = "leave-one-session-out"


def fitted(store=None, **options):
    return fit_head(store or RatedStore(), **{"head": "ridge", "targets": TARGETS, **options})


def test_figures_are_the_metrics_of_the_predictions():
    result = fitted(protocol=SESSIONS)
    by_id = {row.id: row for row in rate()}
    for scored in (*result.folds, result.pooled):
        rows = [row for row in result.predictions if scored.name in (row.fold, "pooled")]
        for place, target in enumerate(TARGETS):
            truth = [getattr(by_id[row.id], target) for row in rows]
            for name, plain in PLAIN.items():
                found = scored.metrics[f"{target}_{name}"]
                assert found.value == pytest.approx(plain(truth, [row.prediction[place] for row in rows]))
                assert found.low <= found.value <= found.high
                assert found.n == scored.test == len(rows)
    assert sorted(row.id for row in result.predictions) == sorted(row.id for row in rate() if row.dominance)


@pytest.mark.parametrize("head", registry.names("regressors"))
def test_a_bundle_gives_the_answers_of_the_fitted_head(head, tmp_path):
    params = ("epochs=2", "device=cpu") if head == "mlp" else ()
    store = RatedStore()
    result = fit_and_save(
        store, head=head, params=params, features=None, out=tmp_path / "b", targets=TARGETS[:2], normalize="global"
    )
    loaded = bundles.load(tmp_path / "b")
    X, _, _ = store.matrix(result.bundle.features, [row.id for row in result.predictions])
    answers = loaded.head.predict(loaded.normalize_rows(X))
    np.testing.assert_array_equal(answers, result.bundle.head.predict(result.bundle.normalize_rows(X)))
    np.testing.assert_allclose(answers, [row.prediction for row in result.predictions], rtol=1e-6)
    assert (loaded.targets, loaded.classes, loaded.labels) == (("valence", "activation"), (), "")
    assert json.loads((tmp_path / "b" / bundles.FILE).read_text("utf-8"))["format"] == 3


def test_a_regressor_by_its_dotted_path_comes_back_from_its_bundle(tmp_path):
    head = "sklearn.ensemble.GradientBoostingRegressor"
    result = fit_and_save(
        RatedStore(), head=head, params=["n_estimators=5"], features=None, out=tmp_path / "b", targets=TARGETS
    )
    X, _, _ = RatedStore().matrix(result.bundle.features, [row.id for row in result.predictions])
    np.testing.assert_array_equal(bundles.load(tmp_path / "b").head.predict(X), result.bundle.head.predict(X))


def test_the_default_bundles_of_classes_and_of_values_are_two(tmp_path):
    store = RatedStore(path=tmp_path)
    for targets in ((), ("valence",)):
        fit_and_save(
            store,
            head="prior",
            params=(),
            features=None,
            out=None,
            labels="iemocap-6" if not targets else None,
            targets=targets,
        )
    assert sorted(path.name for path in (tmp_path / "bundles").iterdir()) == ["prior", "prior-valence"]


def test_a_search_chooses_by_concordance_on_inner_folds():
    """The chosen penalty has the highest mean over the inner folds, by scikit-learn's own ridge."""
    from sklearn.linear_model import Ridge
    from sklearn.preprocessing import StandardScaler

    store = RatedStore(spread=2.0)
    config = BenchmarkConfig(("ridge",), search=20, target=("valence",))
    (spec,) = plan(store, config, lambda line: None).specs
    ids, parts = spec.training, [spec.fold.dev, *spec.fold.turns]
    X, _, _ = store.matrix(spec.features, ids)
    Y = np.array([spec.ratings[one] for one in ids])

    def reach(alpha):
        scores = []
        for part in parts:
            dev = np.isin(ids, part)
            scaler, mean = StandardScaler().fit(X[~dev]), Y[~dev].mean(0)
            scale = Y[~dev].std(0)
            model = Ridge(alpha=alpha).fit(scaler.transform(X[~dev]), (Y[~dev] - mean) / scale)
            predicted = model.predict(scaler.transform(X[dev])).reshape(-1, 1) * scale + mean
            scores.append(score_values(Y[dev], predicted, "mean_concordance_correlation", ("valence",)))
        return np.mean(scores)

    best = max((1.0, 10.0, 100.0, 1e3, 1e4, 1e5), key=reach)
    result = fitted(store, targets=("valence",), search=20)
    assert result.bundle.params["alpha"] == best != 100.0
    assert result.searched.metric == "mean_concordance_correlation"
    assert "drawn ones by mean concordance correlation, on inner folds" in result.table()


def test_the_table_and_the_json_name_targets_and_strata():
    result = fitted(protocol=SESSIONS, targets=("activation", "valence"))
    lines = result.table().splitlines()
    assert lines[0] == "regressor ridge on rated, targets: activation, valence"
    assert "balanced by quarters of activation, where the protocol balances classes" in lines
    assert any(line.startswith("fold") and line.endswith("of activation          of valence") for line in lines)
    content = result.to_json()
    assert (content["targets"], content["strata"]) == (["activation", "valence"], "quarters of activation")
    assert not {"classes", "labels"} & {*content, *content["folds"][0]}
    assert content["left_out"] == {"no activation and no valence": 10}
    outcome = {one["check"]: one["outcome"] for one in content["checks"]}
    assert outcome["worse-than-prior"] == "passed"
    assert outcome["class-missing"] == "not applicable"


def test_the_mean_of_training_is_shown_to_be_no_better_than_a_constant():
    found = fitted(head="sklearn.dummy.DummyRegressor", protocol=SESSIONS)
    (check,) = [one for one in found.checks if one.check == "worse-than-prior"]
    assert check.outcome == "failed"
    assert "not shown to be above a mean concordance correlation of 0" in check.message
    assert fitted(head="prior").pooled.metrics["mean_concordance_correlation"].value == 0.0


def test_an_encoder_that_was_tuned_on_test_is_refused():
    tuned = frozenset(row.id for row in rate())
    with pytest.raises(Leakage, match="encoder audio was fine-tuned on 30 of the 30 test utterances"):
        fitted(RatedStore(tuned={"audio": tuned}), targets=("valence",))
    leaked = fitted(RatedStore(tuned={"audio": tuned}), targets=("valence",), allow_leakage=True)
    assert leaked.to_json()["leaked"]
    assert "! [" in leaked.table()


def test_normalization_per_speaker_that_removes_the_value_is_refused():
    rows = tuple(replace(row, valence=row.valence and 1.0 + int(row.session)) for row in rate())
    with pytest.raises(
        Mismatch, match="removes the value of most utterances\n.*several quarters each\n.*quarter of valence"
    ):
        fitted(RatedStore(rows), targets=("valence",), normalize="speaker")
    assert fitted(targets=("valence",), normalize="speaker").pooled.metrics


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"labels": "big-4"}, BadValue, "--labels big-4 is for classes, and --target predicts values"),
        ({"train_on": "votes"}, BadValue, "--train-on votes is for classes, and --target predicts values"),
        ({"agreement": 0.5}, BadValue, "--agreement 0.5 is for classes, and --target predicts values"),
        ({"head": "svm"}, UnknownName, "unknown regressor 'svm'\n.*\n.*svm predicts classes; did you mean svr\\?"),
        ({"targets": (), "labels": "iemocap-6"}, UnknownName, "ridge predicts values: add --target valence"),
        ({"head": "sklearn.svm.SVC"}, BadValue, "it is not a regressor\n.*\n.*\n.*did you mean sklearn.svm.SVR"),
        ({"params": {"alpha": 0}}, BadValue, "head ridge: alpha == 0, must be > 0"),
        ({"params": {"beta": 0}}, UnknownName, "head 'ridge' has no parameter 'beta'"),
        ({"stream": "always"}, BadValue, "regressors read all rows at once"),
    ],
)
def test_what_cannot_be_fitted_says_what_to_do(options, error, message):
    with pytest.raises(error, match=message):
        fitted(**options)


def test_only_a_target_adds_keys_to_a_digest():
    store = RatedStore()
    (of_values,) = plan(store, BenchmarkConfig(("prior",), target=("valence",)), lambda line: None).specs
    (of_classes,) = plan(store, BenchmarkConfig(("prior",), labels="iemocap-6"), lambda line: None).specs
    assert isinstance(of_classes, RunSpec)
    moved = {one: (value + 1.0,) for one, (value,) in of_values.ratings.items()}
    digests = [
        digest(store, spec, {})
        for spec in (
            of_classes,
            replace(of_classes, ratings=of_values.ratings),
            of_values,
            replace(of_values, ratings=moved),
            replace(of_values, targets=("activation",)),
        )
    ]
    assert digests[0] == digests[1]
    assert len(set(digests)) == 4
