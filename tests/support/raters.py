"""Draw raters with a known confusion matrix, and a store with their votes."""

import json
from collections import Counter

import numpy as np

from featurestore.manifest import Utterance
from tests.support.fake_store import FakeStore

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


class VotedStore(FakeStore):
    """A store whose vectors depend on what is true, which three raters hear by `CONFUSION`; labels are majorities.

    An utterance on which all three disagree has the first rater's label. What is true is in `script`.
    """

    def _vector(self, utterance, feature, width=None):
        vector = super()._vector(Utterance(utterance.id), feature, width)
        vector[CLASSES.index(utterance.script) % len(vector)] += 2.5
        return vector


def make_voted_store(per_speaker=60, speakers=8, raters=3, seed=0, **options):
    """Make a store of utterances that were rated."""
    truth = np.random.default_rng(seed).integers(len(CLASSES), size=per_speaker * speakers)
    rows = []
    for number, choices in enumerate(draw_choices(truth, raters, seed)):
        speaker = f"S{number % speakers}"
        (label, _), *_ = Counter(name for (name,) in choices).most_common()
        session, script = str(1 + number % speakers // 2), CLASSES[truth[number]]
        votes = write_votes(choices)
        rows.append(
            Utterance(
                f"{speaker}_{number:04}", label=label, speaker=speaker, session=session, script=script, votes=votes
            )
        )
    return VotedStore(tuple(rows), **options)
