import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from benchmarks.statistics.rated_part import select_rated
from benchmarks.statistics.rater_votes import RaterVotes
from benchmarks.statistics.vote_metrics import (
    VOTE_METRICS,
    VoteScores,
    compare_vote_metrics,
    estimate_vote_metrics,
    mark_classes,
)
from featurestore.manifest import Utterance
from tests.support.raters import CLASSES, CONFUSION, draw_choices

C = len(CLASSES)


def score_plainly(shares, probabilities):
    """Compute every metric utterance by utterance, and the F1 by scikit-learn."""
    loss = divergence = error = agreement = 0.0
    for p, q in zip(shares, probabilities, strict=True):
        for one, other in zip(p, q, strict=True):
            if one:
                loss += -one * np.log(max(other, 2.2e-16))
                divergence += one * np.log(one / max(other, 2.2e-16))
            error += (other - one) ** 2
        agreement += p[np.argmax(q)]
    f1 = f1_score(shares > 1 / len(shares[0]), probabilities > 1 / len(shares[0]), average="macro", zero_division=0)
    n = len(shares)
    return dict(zip(VOTE_METRICS, (f1, agreement / n, loss / n, divergence / n, error / n), strict=True))


def draw(seed, rows=30, classes=C):
    rng = np.random.default_rng(seed)
    votes = rng.integers(1, 6, rows)
    shares = np.array([rng.multinomial(n, rng.dirichlet(np.ones(classes))) / n for n in votes])
    return shares, rng.dirichlet(np.ones(classes), rows)


def score(shares, probabilities):
    return VoteScores(shares, probabilities, np.ones(len(shares)))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 6))
def test_they_are_the_plain_computation(seed, classes):
    shares, probabilities = draw(seed, classes=classes)
    found = score(shares, probabilities).values()
    assert found == pytest.approx(score_plainly(shares, probabilities), abs=1e-9)


def test_the_votes_themselves_are_the_best_answer():
    shares, probabilities = draw(1)
    best, found = score(shares, shares).values(), score(shares, probabilities).values()
    entropy = -np.sum(shares * np.log(np.where(shares, shares, 1))) / len(shares)
    assert best["soft_log_loss"] == pytest.approx(entropy)
    assert best["kl_divergence"] == pytest.approx(0, abs=1e-12)
    assert best["soft_brier_score"] == 0
    assert found["soft_log_loss"] - found["kl_divergence"] == pytest.approx(entropy)
    assert best["rater_agreement"] == pytest.approx(shares.max(axis=1).mean())


def test_a_share_of_one_in_so_many_classes_is_no_class():
    """As 1 / 3 is not above 1 / 3; neither is what nine digits make of it."""
    assert not mark_classes(np.array([[1 / 3, 1 / 3, 1 / 3], [0.333333334, 0.333333333, 0.333333333]])).any()


@pytest.mark.parametrize(("raters", "utterances"), [(3, 8000), (200, 400)])
def test_generated_raters_agree_as_their_confusion_says(raters, utterances):
    """Two raters of true class t agree with probability sum over c of Q[t, c]^2, and their Brier score has a form."""
    truth = np.arange(utterances) % C
    votes = RaterVotes.from_choices(draw_choices(truth, raters), CLASSES)
    scores, _ = votes.score_raters()
    found = scores.values()
    pairs = (CONFUSION**2).sum(axis=1)
    assert found["rater_agreement"] == pytest.approx(pairs.mean(), abs=0.02)
    # E (v - o)^2 = 1 - 2 sum Q^2 + E o^2, where o is the mean of R - 1 votes
    of_others = pairs + (1 - pairs) / (raters - 1)
    assert found["soft_brier_score"] == pytest.approx((1 - 2 * pairs + of_others).mean(), abs=0.04)
    head = votes.score(CONFUSION[truth]).values()
    assert head["rater_agreement"] == pytest.approx(CONFUSION.max(axis=1).mean(), abs=0.02)
    noise = ((1 - pairs) / raters).mean()  # E (share - Q)^2 of R votes
    assert head["soft_brier_score"] == pytest.approx(noise, abs=0.02)
    assert head["soft_log_loss"] == pytest.approx(
        -(CONFUSION * np.log(np.where(CONFUSION, CONFUSION, 1))).sum(axis=1).mean(), abs=0.03
    )


def test_each_rater_is_scored_against_the_others_one_by_one():
    choices = [
        (("angry",), ("angry",), ("sad",)),
        (("happy", "sad"), (), ("sad",)),
        (("neutral",),),  # alone: there are no others
    ]
    scores, utterance = RaterVotes.from_choices(choices, CLASSES).score_raters()
    agreed = [np.mean([0.5, 0.5, 0.0]), np.mean([0.5, 0.5])]  # "happy, sad" gives half of its vote to each
    assert utterance.tolist() == [0, 0, 0, 1, 1]
    assert scores.values()["rater_agreement"] == pytest.approx(np.mean(agreed))


def test_an_utterance_counts_once_whatever_its_raters():
    few, many = ([(("angry",), ("sad",)), (("happy",),) * count] for count in (2, 9))
    first, second = (RaterVotes.from_choices(one, CLASSES).score_raters()[0].values() for one in (few, many))
    assert first == pytest.approx(second)


def test_intervals_resample_clusters():
    shares, probabilities = draw(3, rows=200)
    clusters = [f"s{row % 10}" for row in range(200)]
    found = estimate_vote_metrics([score(shares, probabilities)] * 2, clusters, resamples=300)
    for name, value in score_plainly(shares, probabilities).items():
        assert found[name].value == pytest.approx(value)
        assert found[name].low < value < found[name].high
        assert found[name].n == 200


def test_a_difference_is_paired():
    """The same head twice differs by nothing, and a better head has its interval on one side of 0."""
    shares, probabilities = draw(4, rows=200)
    clusters = [f"s{row % 10}" for row in range(200)]
    plain, better = score(shares, probabilities), score(shares, 0.5 * probabilities + 0.5 * shares)
    same = compare_vote_metrics([plain], [plain], clusters, resamples=300)["soft_log_loss"]
    assert (same.value, same.low, same.high, same.p) == (0, 0, 0, 1)
    found = compare_vote_metrics([plain], [better], clusters, resamples=300)["soft_log_loss"]
    assert 0 < found.low < found.value < found.high
    assert found.p < 0.05


def test_votes_for_a_class_that_there_is_not_are_left_out():
    """As after a filter that leaves no utterance of a class."""
    utterances = [Utterance(one, speaker=one) for one in "abc"]
    choices = {"a": (("sad",), ("fearful",)), "b": (("fearful",),), "c": (("happy", "fearful"),)}
    part = select_rated(["a", "b", "c"], choices, {"happy", "sad"}, utterances)
    assert part.ids == ("a", "c")
    assert part.rows.tolist() == [0, 2]
    assert part.without == 1
    assert part.votes.shares.tolist() == [[0, 1], [1, 0]]


def test_raters_are_measured_where_one_speaker_has_several():
    """The clusters of the others are of no use then: single utterances are resampled."""
    utterances = [Utterance(str(number), speaker="one" if number < 4 else "two") for number in range(8)]
    choices = {row.id: (("sad",), ("happy",))[: 2 if row.speaker == "one" else 1] for row in utterances}
    part = select_rated([row.id for row in utterances], choices, {"happy", "sad"}, utterances)
    assert part.clusters.over == "speakers"
    assert part.measure_raters()["rater_agreement"].value == 0
    alone = select_rated(["4", "5"], choices, {"happy", "sad"}, utterances)
    assert alone.measure_raters() == {}
