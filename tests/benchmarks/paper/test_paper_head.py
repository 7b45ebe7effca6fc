import numpy as np
import pytest
import torch
from torch import nn

from benchmarks.paper.paper_head import PaperMLP
from heads import draw_seed
from heads.mlp import MLPHead

RNG = np.random.default_rng(0)
X = RNG.normal(size=(100, 7)).astype(np.float32)
Y = np.array(["angry", "happy", "sad"])[RNG.integers(0, 3, 100)]


def test_without_its_own_parameters_it_is_the_mlp_head():
    plain, paper = (kind(epochs=2, random_state=0, device="cpu").fit(X, Y) for kind in (MLPHead, PaperMLP))
    assert np.array_equal(plain.steps_, paper.steps_)
    assert np.array_equal(plain.predict_proba(X), paper.predict_proba(X))


class Lazy:
    """Rows on demand, as of a store, with the greatest number that was read at once."""

    def __init__(self, rows):
        self._rows, self.shape, self.most = rows, rows.shape, 0

    def __getitem__(self, rows):
        taken = self._rows[rows]
        self.most = max(self.most, len(taken))
        return taken


def test_rows_on_demand_give_the_same_network_and_are_never_taken_at_once(monkeypatch):
    monkeypatch.setattr("heads.mlp._CHUNK", 70)  # ten rows
    lazy = Lazy(X)
    first = PaperMLP(epochs=2, random_state=0).fit(X, Y)
    second = PaperMLP(epochs=2, random_state=0).fit(lazy, Y)
    assert np.array_equal(first.predict_proba(X), second.predict_proba(lazy))
    assert lazy.most == 32  # a batch


def test_rows_on_demand_are_checked():
    with pytest.raises(ValueError, match="X has 100 rows, y 99"):
        PaperMLP().fit(Lazy(X), Y[:99])
    with pytest.raises(ValueError, match=r"X must be of shape \(N, D\) with at least one row, got \(0, 7\)"):
        PaperMLP().fit(Lazy(X[:0]), Y[:0])
    with pytest.raises(ValueError, match="Input X contains NaN or infinity."):
        PaperMLP(epochs=1, standardize=False).fit(Lazy(np.where(X > 2, np.nan, X)), Y)
    with pytest.raises(ValueError, match=r"X must be of shape \(N, 7\) with at least one row, got \(100, 6\)"):
        PaperMLP(epochs=1).fit(X, Y).predict_proba(Lazy(X[:, :6]))


def test_after_each_epoch_the_head_can_predict_and_nothing_changes_by_it():
    seen = []

    def measure(head):
        seen.append((head.history_[-1]["epoch"], head.score(X, Y)))

    watched = PaperMLP(epochs=3, random_state=0).fit(X, Y, after_epoch=measure)
    alone = PaperMLP(epochs=3, random_state=0).fit(X, Y)
    assert [epoch for epoch, _ in seen] == [1, 2, 3]
    assert seen[-1][1] == watched.score(X, Y)
    assert np.array_equal(watched.predict_proba(X), alone.predict_proba(X))


def test_an_extra_output_is_never_predicted():
    head = PaperMLP(extra_outputs=1, epochs=2, random_state=0).fit(X, Y)
    assert head.network_[-1].weight.shape == (4, 32)
    probabilities = head.predict_proba(X)
    assert probabilities.shape == (100, 3)
    np.testing.assert_allclose(probabilities.sum(1), 1)
    with torch.inference_mode():
        outputs = head.network_(torch.from_numpy(((X - head.mean_) / head.scale_).astype(np.float32)))
    kept = outputs[:, :3].double().softmax(dim=1).numpy()
    np.testing.assert_allclose(probabilities, kept, atol=1e-5)


def test_a_double_softmax_is_the_cross_entropy_of_probabilities():
    once, twice = (
        PaperMLP(double_softmax=d, epochs=1, batch_size=100, random_state=0).fit(X, Y) for d in (False, True)
    )
    fresh = once._build_network(torch.Generator().manual_seed(draw_seed(0)))
    scaled = torch.from_numpy(((X - once.mean_) / once.scale_).astype(np.float32))
    codes = torch.from_numpy(np.searchsorted(once.classes_, Y))
    with torch.inference_mode():
        outputs = fresh(scaled)
        expected = [nn.functional.cross_entropy(scores, codes) for scores in (outputs, outputs.softmax(1))]
    assert [head.steps_[0, 0] for head in (once, twice)] == pytest.approx([float(loss) for loss in expected], rel=1e-5)
    assert not np.array_equal(once.predict_proba(X), twice.predict_proba(X))


def test_parameters_out_of_range_raise():
    with pytest.raises(ValueError, match="extra_outputs must be an integer of at least 0, got -1"):
        PaperMLP(extra_outputs=-1).fit(X, Y)
