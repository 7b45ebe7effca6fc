"""How the check of shared texts draws test utterances of a large corpus."""

from benchmarks.checks import text_shared
from benchmarks.checks._examples import TEST, build_evaluation


def share_one_in_four(utterance_id):
    return "the same words for all" if int(utterance_id[-3:]) % 4 == 0 else utterance_id


def test_every_test_utterance_is_compared_in_a_small_corpus():
    found = text_shared.check(build_evaluation(text=share_one_in_four))
    assert found.message.startswith(f"100 of {len(TEST)} test utterances have their text, or a near copy, in training")


def test_test_utterances_are_drawn_from_a_large_corpus(monkeypatch):
    monkeypatch.setattr(text_shared, "COMPARISONS", 200 * 400)
    monkeypatch.setattr(text_shared, "LEAST", 50)
    found = text_shared.check(build_evaluation(text=share_one_in_four))
    count = int(found.message.partition(" ")[0])
    assert 35 <= count <= 65
    assert found.message.startswith(f"{count} of 200 test utterances, drawn from 400, have their text")
    monkeypatch.setattr(text_shared, "COMPARISONS", 1)
    passed = text_shared.check(build_evaluation())
    assert passed.message == ("no text of 50 test utterances, drawn from 400, is in training, near copies included")
