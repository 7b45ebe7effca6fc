from dataclasses import replace

import numpy as np
import pytest
import skops.io
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from heads import Block, svm
from heads._base import draw_seed
from heads.logistic import LogisticHead
from heads.stacking import StackingHead
from heads.svm import SVMHead
from tests.support.dialogues import CLASSES, draw_product
from tests.support.dialogues import draw as draw_noise

COLUMNS = {"audio": [0, 1, 2], "text": [3, 4, 5, 6]}


def draw(rows=120, seed=0, classes=3, **settings):
    """Draw two modalities, each of which tells the class in part."""
    inputs, _ = draw_noise([1] * rows, seed, **settings)
    inputs = replace(inputs, X=inputs.X.astype(np.float64))  # a support vector machine rounds otherwise in each layout
    codes = np.random.default_rng(seed).integers(0, classes, rows)
    inputs.X[np.arange(rows), codes] += 1.5
    inputs.X[np.arange(rows), 3 + codes] += 1.5
    return inputs, CLASSES[codes]


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("base", ["logistic", "svm"])
def test_it_is_a_regression_on_out_of_fold_probabilities(base, classes):
    inputs, names = draw(classes=classes)
    head = StackingHead(base=base, folds=4, C=0.5, random_state=0).fit(inputs, names)
    seed = draw_seed(0)
    folds = StratifiedKFold(4, shuffle=True, random_state=seed)
    shown = slice(1, None) if classes == 2 else slice(None)  # of two classes one probability tells the other
    unseen, _ = draw(seed=1, classes=classes)
    learned, asked = [], []
    for columns in COLUMNS.values():
        own = SVMHead(random_state=seed) if base == "svm" else LogisticHead()
        X = inputs.X[:, columns]
        learned.append(cross_val_predict(own, X, names, cv=folds, method="predict_proba")[:, shown])
        asked.append(own.fit(X, names).predict_proba(unseen.X[:, columns])[:, shown])
    final = LogisticRegression(C=0.5, max_iter=1000).fit(np.hstack(learned), names)
    np.testing.assert_allclose(head.predict_proba(unseen), final.predict_proba(np.hstack(asked)), atol=1e-5)


def test_it_says_what_its_machines_approximate(monkeypatch):
    inputs, names = draw()
    assert StackingHead(base="svm", random_state=0).fit(inputs, names).describe_approximation() == ""
    monkeypatch.setattr(svm, "_KERNEL_ROWS", len(names) - 1)
    monkeypatch.setattr(svm, "_COMPONENTS", 20)
    said = StackingHead(base="svm", random_state=0).fit(inputs, names).describe_approximation()
    assert (
        said == f"Nystroem with 20 components and a least-squares machine, because {len(names)} rows > {len(names) - 1}"
    )


def test_both_modalities_tell_more_than_one():
    (inputs, names), (unseen, expected) = draw(400), draw(400, seed=1)
    both = StackingHead(random_state=0).fit(inputs, names).score(unseen, expected)
    for columns in COLUMNS.values():
        assert LogisticHead().fit(inputs.X[:, columns], names).score(unseen.X[:, columns], expected) < both - 0.05


@pytest.mark.parametrize("base", ["logistic", "svm"])
def test_what_only_two_modalities_together_tell_is_out_of_reach(base):
    (inputs, names), (unseen, expected) = draw_product(400), draw_product(400, seed=1)
    head = StackingHead(base=base, random_state=0).fit(inputs, names)
    assert 0.4 < head.score(unseen, expected) < 0.6


def test_features_of_one_modality_are_joined_wherever_they_stand():
    features = (("text.a", "text", 1), ("audio.mean", "audio", 3), ("text.b", "text", 3))
    inputs, names = draw_noise([1] * 60, features=features)
    head = StackingHead(random_state=0).fit(inputs, names)
    columns = [pipeline[0].transformers_[0][2] for pipeline in head.model_.estimators_]
    assert columns == [[0, 4, 5, 6], [1, 2, 3]]


def test_blocks_of_other_modalities_are_refused_and_a_plain_matrix_is_read_as_its_own():
    inputs, names = draw()
    head = StackingHead(random_state=0).fit(inputs, names)
    other, _ = draw(features=(("text.mean", "text", 3), ("audio.mean", "audio", 4)))
    with pytest.raises(ValueError, match="inputs are of .*'text.mean', 'text', .3.*, and the head was fitted on .*"):
        head.predict_proba(other)
    assert np.array_equal(head.predict_proba(inputs.X), head.predict_proba(inputs))


def test_class_weights_are_given_by_name():
    inputs, names = draw()
    favoured = StackingHead(class_weight={"angry": 1.0, "happy": 50.0, "sad": 1.0}, random_state=0).fit(inputs, names)
    assert (favoured.predict(inputs) == "happy").sum() > 1.5 * (names == "happy").sum()
    with pytest.raises(ValueError, match="class_weight names ..calm.., and the classes are"):
        StackingHead(class_weight={"calm": 2.0}).fit(inputs, names)


@pytest.mark.parametrize("base", ["logistic", "svm"])
def test_a_class_that_is_missing_from_folds_is_learned(base):
    inputs, names = draw()
    kept = np.r_[np.flatnonzero(names != "sad"), np.flatnonzero(names == "sad")[:1]]
    head = StackingHead(base=base, random_state=0).fit(inputs.select(kept), names[kept])
    assert head.predict_proba(inputs).shape == (120, 3)


def test_there_are_no_more_folds_than_utterances_of_the_most_frequent_class():
    head = StackingHead(folds=5).fit([[0.0], [1.0], [2.0], [3.0], [4.0]], ["sad", "sad", "sad", "angry", "angry"])
    assert head.model_.cv.n_splits == 3
    with pytest.raises(ValueError, match="StackingHead needs 2 classes of at least 2 utterances, got .3, 1."):
        StackingHead().fit([[0.0], [1.0], [2.0], [3.0]], ["sad", "sad", "sad", "angry"])


@pytest.mark.parametrize("base", ["logistic", "svm"])
def test_what_is_saved_answers_as_before_and_keeps_the_layout(base, tmp_path):
    inputs, names = draw()
    head = StackingHead(base=base, random_state=0).fit(inputs, names)
    head.save_weights(tmp_path)
    loaded = StackingHead(base=base)
    loaded.classes_, loaded.n_features_in_ = head.classes_, 7
    loaded.load_weights(tmp_path)
    assert loaded.layout_ == head.layout_
    assert np.array_equal(loaded.predict_proba(inputs), head.predict_proba(inputs))
    loaded.n_features_in_ = 6
    with pytest.raises(ValueError, match="stacking.skops is of 7 columns, not 6"):
        loaded.load_weights(tmp_path)


def test_a_file_with_other_content_is_refused(tmp_path):
    for learned, message in (
        ({"model": 1}, "stacking.skops does not hold layout, model"),
        (
            {"model": 1, "layout": Block("text.mean", "text", (2,))},
            "stacking.skops holds types that stacking does not need",
        ),
    ):
        skops.io.dump(learned, tmp_path / "stacking.skops")
        with pytest.raises(ValueError, match=message):
            StackingHead().load_weights(tmp_path)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"base": "tree"}, "base must be one of 'logistic', 'svm', got 'tree'"),
        ({"C": 0}, "C must be a number above 0, got 0"),
        ({"folds": 1}, "folds must be an integer of at least 2, got 1"),
    ],
)
def test_parameters_out_of_range_raise(params, message):
    with pytest.raises(ValueError, match=message):
        StackingHead(**params).fit(*draw())
