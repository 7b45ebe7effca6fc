"""Draw raters with a known confusion matrix, and the manifest's votes of them."""

import json

import numpy as np

CLASSES = ("angry", "happy", "neutral", "sad")
# of a rater: the probability of each class (column) for each true class (row)
CONFUSION = np.array([[0.7, 0.1, 0.2, 0.0], [0.1, 0.6, 0.3, 0.0], [0.05, 0.05, 0.8, 0.1], [0.0, 0.1, 0.4, 0.5]])


def draw_choices(truth, raters, seed=0):
    """Draw what each rater of each utterance chooses: one class, by the row of the true class (N,)."""
    draws = np.random.default_rng(seed).random((len(truth), raters, 1))
    places = (draws > CONFUSION.cumsum(axis=1)[truth][:, None, :]).sum(axis=2)  # (N, raters)
    return [tuple((CLASSES[min(place, 3)],) for place in row) for row in places.tolist()]


def write_votes(choices):
    """Write the choices on one utterance as the manifest has them."""
    return json.dumps([{"rater": f"r{number}", "labels": list(one)} for number, one in enumerate(choices)])
