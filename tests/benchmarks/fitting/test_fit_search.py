"""`fit-head --search`: settings chosen on parts of training, per fold and for the bundle, and all settings said."""

import json
from dataclasses import dataclass

import numpy as np
import pytest
from click.testing import CliRunner

import cli
from benchmarks.evaluation.head_settings import describe_params, search_space
from benchmarks.evaluation.hyperparameter_search import search
from benchmarks.fitting.fit import fit_and_save, fit_head
from featurestore import registry
from featurestore.errors import Mismatch
from featurestore.folds import fold as folding
from featurestore.prediction import bundle as bundles
from tests.support.fake_store import FakeStore, corpus
from tests.support.quick_heads import as_inputs

SESSIONS = "leave-one-session-out"


@dataclass
class Garbled(FakeStore):
    """A store in which the vectors of one session tell nothing and are far off."""

    session: str = ""

    def _vector(self, utterance, feature):
        vector = super()._vector(utterance, feature)
        return 1e3 - 50 * vector if utterance.session == self.session else vector


def by_hand(made, fold, draws, parts=5, head="logistic", params=()):
    """Return the settings that the search itself chooses on a fold's own parts of training."""
    turns = (fold.dev, *fold.turns)[:parts]
    number = {name: turn for turn, ids in enumerate(turns) for name in ids}
    ids = sorted([*fold.train, *fold.dev])
    labels = {row.id: row.label for row in made.utterances}
    X, _, _ = made.matrix(made.default_features(), ids)
    given = dict(params)
    found = search(
        registry.load("heads", head),
        given,
        as_inputs(X),
        [labels[name] for name in ids],
        [number.get(name, -1) for name in ids],
        draws,
        0,
    )
    return {name: found[name] for name in search_space(head, given)}


def labelled(made):
    return {row.id: row.label for row in made.utterances if row.label}


@pytest.mark.parametrize("parts", [1, 5])
@pytest.mark.parametrize("protocol", ["holdout", SESSIONS])
def test_each_fold_and_the_bundle_have_settings_of_their_own_training_part(protocol, parts):
    made = FakeStore(spread=2.0)
    result = fit_head(made, head="logistic", protocol=protocol, search=6, inner_folds=parts)
    folds = folding.split(protocol, made.utterances, labelled(made), 0, dev=True)
    assert result.searched.folds == {fold.name: by_hand(made, fold, 6, parts) for fold in folds}
    assert [fold.train for fold in result.folds] == [len(fold.train) + len(fold.dev) for fold in folds]
    whole = folding.Fold("everything", tuple(labelled(made)), ())
    whole = folding.add_dev(whole, protocol, made.utterances, labelled(made), 0) if len(folds) > 1 else folds[0]
    assert result.searched.bundle == by_hand(made, whole, 6, parts)
    assert result.bundle.params.items() >= result.searched.bundle.items()


@pytest.mark.parametrize("session", ["1", "2", "3"])
@pytest.mark.parametrize("head", ["logistic", "svm"])
def test_the_test_part_does_not_influence_the_search(head, session):
    plain, garbled = (
        fit_head(made, head=head, protocol=SESSIONS, fold=session, search=6)
        for made in (FakeStore(spread=2.0), Garbled(spread=2.0, session=session))
    )
    assert plain.searched == garbled.searched
    assert plain.pooled.metrics != garbled.pooled.metrics  # so the garbled part was tested on


def test_a_dev_part_holds_whole_groups_of_the_protocol():
    made = FakeStore()
    whole = folding.add_dev(
        folding.Fold("all", tuple(labelled(made)), ()), SESSIONS, made.utterances, labelled(made), 0
    )
    sessions = [{name[:5] for name in part} for part in (whole.dev, *whole.turns)]
    assert sorted(map(len, sessions)) == [1, 1, 1]
    assert not set(whole.dev) & set(whole.train)


def test_given_settings_are_not_searched_and_nothing_is_without_a_search():
    made = FakeStore(spread=2.0)
    result = fit_head(made, head="svm", params={"C": 5.0}, search=3)
    assert result.searched.bundle.keys() == {"gamma_factor", "class_weight"}
    assert result.bundle.params["C"] == 5.0
    assert fit_head(made, head="svm").searched is None


@pytest.mark.parametrize(
    ("head", "params"), [("prior", {}), ("logistic", {"C": 1.0, "class_weight": None})], ids=["none", "all given"]
)
def test_a_head_with_nothing_left_to_search_is_fitted_without_a_search(head, params):
    lines = []
    result = fit_head(FakeStore(), head=head, params=params, search=3, say=lines.append)
    assert lines[0] == f"head {head} has no setting left to search: it is fitted without a search"
    assert result.searched is None
    assert result.folds[0].train == 57  # no dev part was cut for nothing


@pytest.mark.parametrize("fold", [None, "1"])
def test_a_corpus_from_which_no_part_can_be_cut_is_refused_before_anything_is_fitted(fold):
    lines = []
    with pytest.raises(
        Mismatch, match="no dev part can be split from the training part of fold 1\n  expected: at least two groups"
    ):
        fit_head(
            FakeStore(corpus(sessions=2)),
            head="logistic",
            protocol=SESSIONS,
            fold=fold,
            search=1,
            say=lines.append,
        )
    assert not [line for line in lines if "fitted" in line]


@pytest.mark.parametrize("seen", [False, True])
def test_a_search_on_utterances_that_an_encoder_saw_has_a_note(seen):
    made = FakeStore(tuned={"audio": frozenset(labelled(FakeStore()))} if seen else {})
    result = fit_head(made, head="logistic", search=1, allow_leakage=True)
    note = "an encoder was fine-tuned on the utterances that settings were chosen on"
    assert (note in result.table()) == (note in result.to_json()["search"]["note"]) == seen


def test_the_bundle_is_the_chosen_head(tmp_path):
    made = FakeStore(spread=2.0)
    result = fit_and_save(
        made, head="logistic", params=(), features=None, out=tmp_path / "b", protocol=SESSIONS, search=6
    )
    loaded, ids = bundles.load(tmp_path / "b"), sorted(labelled(made))
    X, _, _ = made.matrix(made.default_features(), ids)
    y = [labelled(made)[name] for name in ids]
    plain = registry.load("heads", "logistic")(**result.searched.bundle).fit(X, y)
    assert loaded.params.items() >= result.searched.bundle.items()
    np.testing.assert_allclose(loaded.head.predict_proba(X), plain.predict_proba(X), atol=1e-6)
    lines = result.table().splitlines()
    chosen = ", ".join(f"{name}={value}" for name, value in result.searched.bundle.items())
    assert f"  bundle  {chosen}" in lines
    assert "settings: searched: C, class_weight; defaults: logit_adjustment=0.0, max_iter=200" in lines
    assert lines[lines.index(f"  bundle  {chosen}") - 4] == (
        "searched: the best of the given settings and 6 drawn ones by unweighted average recall, on inner folds of "
        "training"
    )


@pytest.mark.parametrize("head", registry.names("heads"))
def test_the_settings_line_names_every_setting_but_the_seed(head):
    params = registry.load("heads", head)().get_params()
    line = describe_params(head, params)
    for name, value in params.items():
        assert (f"{name}={value}" in line) == (name != "random_state")


def test_the_settings_line_tells_given_from_default():
    line = describe_params("logistic", {"C": 2, "class_weight": None, "max_iter": 200, "random_state": 7})
    assert line == "settings: C=2; defaults: class_weight=None, max_iter=200"


def invoke(*arguments):
    result = CliRunner().invoke(cli.main, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return result


def test_by_the_command_line(monkeypatch, tmp_path):
    monkeypatch.setattr("featurestore.store.Store", lambda path: FakeStore(path=path, spread=2.0))
    options = ["--head", "logistic", "--store", tmp_path, "--search", 3, "--inner-folds", 2]
    content = json.loads(invoke("fit-head", *options, "--json").stdout)
    assert (content["search"]["draws"], content["search"]["parts"]) == (3, 2)
    assert content["search"]["folds"]["holdout"] == content["search"]["bundle"]
    assert content["params"].items() >= content["search"]["bundle"].items()
    assert content["params"].keys() == {"C", "class_weight", "logit_adjustment", "max_iter"}
    assert json.loads((tmp_path / "bundles/logistic/head.json").read_text("utf-8"))["params"] == content["params"]


RENAMED = [
    ("--tune", "--search", [3]),
    ("--tune-parts", "--inner-folds", [3]),
    ("--search-parts", "--inner-folds", [3]),
    ("--shuffle", "--permute", []),
    ("--shares", "--train-sizes", ["0.5,0.25"]),
]


@pytest.mark.parametrize(("old", "new", "value"), RENAMED)
def test_an_old_spelling_is_accepted_with_one_line(monkeypatch, old, new, value):
    configs = []
    monkeypatch.setattr("benchmarks.compare.compare", lambda **options: configs.append(options["config"]) or ({}, ""))
    results = [invoke("benchmark", "--heads", "svm", "--out", "o", option, *value) for option in (old, new)]
    plain = invoke("benchmark", "--heads", "svm", "--out", "o")
    assert results[0].stderr == (
        f"DeprecationWarning: The option {old[2:].replace('-', '_')!r} is deprecated. Use {new}.\n{plain.stderr}"
    )
    assert (
        results[1].stderr
        == plain.stderr
        == ("comparing svm on the default features of features/demo, protocol holdout, into o\n")
    )
    assert configs[0] == configs[1] != configs[2]


def test_the_old_spelling_is_not_in_the_help():
    text = invoke("benchmark", "--help").stdout
    assert "--inner-folds" in text
    assert not {old for old, _, _ in RENAMED if old in text}
