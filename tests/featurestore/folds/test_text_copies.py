"""Near copies of texts against a comparison of every text with every other."""

from collections import Counter

import numpy as np

from featurestore.folds import text_copies
from featurestore.folds.text_copies import find_copies, match_copies


def draw_texts(count):
    """Draw texts of a few words, many of them with one word changed, added or repeated."""
    rng = np.random.default_rng(0)
    texts = [[f"w{word}" for word in rng.geometric(0.05, size=rng.integers(1, 12))] for _ in range(count)]
    for text in [texts[row] for row in rng.integers(0, count, count)]:
        copy = [*text, text[0]] if rng.random() < 0.5 else list(text)
        copy[rng.integers(len(copy))] = f"w{rng.integers(100)}"
        texts.append(copy)
    return sorted({" ".join(text) for text in texts})


def is_copy(one, other):
    first, second = Counter(one.split()), Counter(other.split())
    both, either = (first & second).total(), (first | second).total()
    return one == other or (min(first.total(), second.total()) >= 4 and both >= 0.6 * either)


def test_matches_are_those_of_a_comparison_of_all_pairs(monkeypatch):
    monkeypatch.setattr(text_copies, "_ROWS", 50)
    monkeypatch.setattr(text_copies, "_PAIRS", 30)
    texts = draw_texts(80)
    expected = np.array([[is_copy(one, other) for other in texts] for one in texts])
    assert expected.sum() > len(texts) + 20
    np.testing.assert_array_equal(match_copies(tuple(texts)).toarray(), expected)


def test_copies_are_found_between_two_parts():
    texts = dict(enumerate(draw_texts(80)))
    train, test = list(texts)[::2], list(texts)[1::2]
    texts[test[0]] = texts[train[0]].upper() + "!"
    expected = {one for one in train if any(is_copy(texts[one], texts[other].lower().strip("!")) for other in test)}
    assert train[0] in expected
    assert find_copies(train, test, texts) == expected
    assert find_copies([], test, texts) == find_copies(train, [], texts) == set()
