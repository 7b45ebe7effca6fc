"""Heads that stream: the same head from rows that are read in batches as from an array, in bounded memory."""

import numpy as np
import pytest

from featurestore import registry
from tests.contracts.test_heads import NAMES, data, save
from tests.support import streams
from tests.support.quick_heads import as_inputs, construct_seeded

HEADS = [head for head in registry.names("heads") if registry.load("heads", head).STREAMS]
X, Y = data(rows=300)
BATCH = 40  # rows
SMALL = {"epochs": 4, "approximate": 30}


def construct(head):
    """Construct a small head that reads in batches: the exact machine of svm, for few rows, reads them at once."""
    params = registry.load("heads", head)().get_params()
    return construct_seeded(head, **{name: value for name, value in SMALL.items() if name in params})


def stream(values=X, sizes=None):
    return streams.stream(values, sizes)


@pytest.fixture(autouse=True)
def small_batches(monkeypatch):
    for name in ("heads._streamed._BATCH", "heads._streamed._WINDOW", "heads.xgb._BATCH", "heads.mlp._CHUNK"):
        monkeypatch.setattr(name, BATCH * X.shape[1])
    for name in ("heads.svm._BATCH", "heads._approximate_svm._BATCH"):
        monkeypatch.setattr(name, BATCH)


def test_these_heads_stream():
    assert {"logistic", "mlp", "svm", "xgb"} <= set(HEADS)


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("classes", [2, 4])
def test_the_head_is_that_of_the_array(head, classes):
    kept = np.isin(Y, NAMES[:classes])
    expected = construct(head).fit(X[kept], Y[kept])
    found = construct(head).fit(stream(X[kept]), Y[kept])
    assert found.classes_.tolist() == NAMES[:classes].tolist()
    np.testing.assert_allclose(found.predict_proba(X), expected.predict_proba(X), atol=1e-5)
    np.testing.assert_allclose(found.predict_proba(stream()), expected.predict_proba(X), atol=1e-5)
    assert np.array_equal(found.predict(stream()), found.predict(X))


@pytest.mark.parametrize("head", HEADS)
def test_no_more_than_a_batch_is_read_at_once(head):
    sizes = []
    construct(head).fit(stream(sizes=sizes), Y).predict_proba(stream(sizes=sizes))
    assert sizes
    assert max(sizes) <= BATCH


@pytest.mark.parametrize("head", HEADS)
def test_the_same_seed_gives_the_same_bytes_which_come_back(head, tmp_path):
    first, second = (construct(head).fit(stream(), Y) for _ in range(2))
    assert save(first, tmp_path / "first") == save(second, tmp_path / "second")
    loaded = construct(head)
    loaded.classes_, loaded.n_features_in_ = NAMES, X.shape[1]
    loaded.load_weights(tmp_path / "first")
    assert np.array_equal(loaded.predict_proba(X), first.predict_proba(X))


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("wrap", [stream, lambda values: as_inputs(stream(values))])
def test_bad_rows_are_refused_as_of_an_array(head, wrap):
    fitted = construct(head)
    fitted.classes_, fitted.n_features_in_ = NAMES, X.shape[1]
    broken = X.copy()
    broken[299, 3] = np.nan
    with pytest.raises(ValueError, match="Input X contains NaN or infinity"):
        construct(head).fit(wrap(broken), Y)
    with pytest.raises(ValueError, match="X has 7 features, but .* is expecting 8 features"):
        fitted.predict_proba(wrap(X[:, :7]))
    with pytest.raises(ValueError, match="X has 300 targets, y 299"):
        construct(head).fit(wrap(X), Y[1:])


@pytest.mark.parametrize("head", HEADS)
def test_no_rows_are_refused(head):
    with pytest.raises(ValueError, match=r"at least one row and one column, got shape \(0, 8\)"):
        construct(head).fit(stream(X[:0]), Y[:0])
