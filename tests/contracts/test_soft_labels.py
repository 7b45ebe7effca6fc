"""Heads that learn from distributions over the classes, heads that refuse them, and settings for rare classes."""

import numpy as np
import pytest

from featurestore import registry
from tests.contracts.test_heads import data
from tests.support import streams
from tests.support.quick_heads import as_inputs, construct_seeded

HEADS = registry.names("heads")
SOFT = [head for head in HEADS if registry.load("heads", head).SOFT_LABELS]
WEIGHTED = [head for head in HEADS if "class_weight" in registry.load("heads", head)().get_params()]
ADJUSTED = [head for head in HEADS if "logit_adjustment" in registry.load("heads", head)().get_params()]
UNADJUSTED = "dcnn-blstm-svm"  # a support vector machine answers in its place
X, Y = data(rows=80)
ONE_HOT = (np.unique(Y) == Y[:, None]).astype(float)
FAST = {"epochs": 2}


def construct(head, **params):
    known = registry.load("heads", head)().get_params()
    return construct_seeded(head, **params | {name: value for name, value in FAST.items() if name in known})


def test_these_heads_learn_from_distributions():
    assert {"prior", "logistic", "mlp", "bc-lstm", "attention", "layers"} <= set(SOFT)
    assert {"svm", "xgb", "stacking", "dcnn-blstm-svm"}.isdisjoint(SOFT)


@pytest.mark.parametrize("head", SOFT)
def test_certain_distributions_are_the_classes(head):
    expected = construct(head).fit(X, Y).predict_proba(X)
    found = construct(head).fit(X, Y, distributions=ONE_HOT).predict_proba(X)
    np.testing.assert_allclose(found, expected, atol=2e-3)


@pytest.mark.parametrize("head", sorted(set(SOFT) - {"prior"}))
def test_doubtful_distributions_make_a_head_less_certain(head):
    """With other classes at 0.2 each, the mean probability of the true ones falls."""
    doubtful = 0.2 + 0.2 * ONE_HOT
    hard = construct_seeded(head).fit(X, Y).predict_proba(X)
    soft = construct_seeded(head).fit(X, Y, distributions=doubtful).predict_proba(X)
    assert soft[ONE_HOT == 1].mean() < hard[ONE_HOT == 1].mean() - 0.02


def test_the_baseline_is_the_mean_distribution():
    distributions = np.random.default_rng(0).dirichlet(np.ones(ONE_HOT.shape[1]), len(X))
    found = construct("prior").fit(X, Y, distributions=distributions).predict_proba(X)
    np.testing.assert_allclose(found, np.tile(distributions.mean(axis=0), (len(X), 1)))


@pytest.mark.parametrize("head", sorted(set(HEADS) - set(SOFT)))
def test_a_head_of_classes_refuses_distributions(head):
    with pytest.raises(ValueError, match="learns from classes, not from distributions over them"):
        construct(head).fit(X, Y, distributions=ONE_HOT)


@pytest.mark.parametrize("wrap", [lambda X: X, as_inputs, streams.stream])
@pytest.mark.parametrize(
    ("distributions", "message"),
    [
        (ONE_HOT[:, :-1], r"distributions must be of shape \(80, \d\), got \(80, \d\)"),
        (ONE_HOT[:-1], r"distributions must be of shape \(80, \d\), got \(79, \d\)"),
        (2 * ONE_HOT, "distributions must be at least 0 and sum to 1 in each row"),
        (np.full_like(ONE_HOT, np.nan), "distributions must be at least 0 and sum to 1 in each row"),
    ],
)
def test_what_is_no_distribution_is_refused(wrap, distributions, message):
    with pytest.raises(ValueError, match=message):
        construct("mlp").fit(wrap(X), Y, distributions=distributions)


def keep_few_of_the_first_class():
    """Return rows of which the first class has a quarter."""
    is_first = np.unique(Y)[0] == Y
    kept = ~is_first | (np.cumsum(is_first) <= is_first.sum() // 4)
    return X[kept], Y[kept]


def measure_first_class(head, **params):
    """Return the mean probability of the first class, which is rare in training."""
    return construct(head, **params).fit(*keep_few_of_the_first_class()).predict_proba(X)[:, 0].mean()


@pytest.mark.parametrize("head", sorted(set(ADJUSTED) - {UNADJUSTED}))
def test_logit_adjustment_makes_rare_classes_more_probable(head):
    assert measure_first_class(head, logit_adjustment=2.0) > measure_first_class(head)


@pytest.mark.parametrize("head", sorted(set(WEIGHTED) - {"svm", UNADJUSTED}))  # their probabilities are calibrated
def test_class_weights_make_rare_classes_more_probable(head):
    assert measure_first_class(head, class_weight="balanced") > measure_first_class(head)


def test_a_head_that_cannot_be_adjusted_says_so():
    with pytest.raises(ValueError, match="logit_adjustment must be 0 for this head, got 1: choose class_weight"):
        construct(UNADJUSTED, logit_adjustment=1).fit(X, Y)


@pytest.mark.parametrize("head", sorted(set(ADJUSTED) - {"logistic"}))
def test_the_focal_loss_is_less_certain(head):
    plain, focal = (construct(head, focal_gamma=gamma).fit(X, Y) for gamma in (0.0, 5.0))
    assert focal.predict_proba(X).max(axis=1).mean() < plain.predict_proba(X).max(axis=1).mean()


@pytest.mark.parametrize("head", ADJUSTED)
@pytest.mark.parametrize("name", ["focal_gamma", "logit_adjustment"])
def test_settings_out_of_range_are_refused(head, name):
    if name in registry.load("heads", head)().get_params():
        with pytest.raises(ValueError, match=f"{name} must be a number of at least 0, got -1"):
            construct(head, **{name: -1}).fit(X, Y)
