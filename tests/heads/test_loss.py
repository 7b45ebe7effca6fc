import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import log_softmax

from heads._loss import OutputLoss, make_loss

PRIOR = np.array([0.7, 0.2, 0.1])


def draw(seed, rows=6, classes=3):
    rng = np.random.default_rng(seed)
    return 3 * rng.normal(size=(rows, classes)), rng.dirichlet(np.ones(classes), rows), rng.integers(0, classes, rows)


def compute_plainly(outputs, shares, weights, gamma):
    """Sum the loss of every row and class one by one."""
    logs = log_softmax(outputs, axis=1)
    total = weight = 0.0
    for row in range(len(outputs)):
        for one, share in enumerate(shares[row]):
            cost = -((1 - np.exp(logs[row, one])) ** gamma) * logs[row, one]
            total += share * weights[one] * cost
            weight += share * weights[one]
    return total / weight


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([0.0, 0.5, 2.0]), st.booleans(), st.booleans())
def test_it_is_the_formula(seed, gamma, weighted, soft):
    outputs, shares, codes = draw(seed)
    weights = np.array([0.5, 1.0, 4.0]) if weighted else np.ones(3)
    loss = OutputLoss(torch.tensor(weights) if weighted else None, gamma)
    targets = torch.tensor(shares) if soft else torch.tensor(codes)
    expected = compute_plainly(outputs, shares if soft else np.eye(3)[codes], weights, gamma)
    np.testing.assert_allclose(float(loss(torch.tensor(outputs), targets)), expected, rtol=1e-9)


@pytest.mark.parametrize("weights", [None, torch.tensor([0.5, 1.0, 4.0], dtype=torch.float64)])
def test_without_settings_it_is_the_cross_entropy_of_torch(weights):
    outputs, _, codes = map(torch.tensor, draw(1))
    expected = torch.nn.functional.cross_entropy(outputs, codes, weights)
    assert torch.equal(OutputLoss(weights)(outputs, codes), expected)
    one_hot = torch.nn.functional.one_hot(codes, 3).double()
    torch.testing.assert_close(OutputLoss(weights)(outputs, one_hot), expected)


@pytest.mark.parametrize("tau", [0.5, 1.0])
def test_logit_adjustment_adds_the_logarithm_of_the_prior(tau):
    outputs, _, codes = map(torch.tensor, draw(2))
    loss = make_loss(None, 0.0, np.log(PRIOR), tau, torch.device("cpu"))
    expected = torch.nn.functional.cross_entropy(outputs + tau * torch.log(torch.tensor(PRIOR)), codes)
    torch.testing.assert_close(loss(outputs, codes), expected, rtol=1e-6, atol=1e-7)
    assert make_loss(None, 0.0, np.log(PRIOR), 0.0, torch.device("cpu")).offsets is None
