"""Labels as numbers behave like the texts that they stand for."""

import numpy as np

from benchmarks.statistics.answers import Answers
from benchmarks.statistics.class_metrics import estimate_class_metrics
from benchmarks.statistics.coded_labels import (
    CodedLabels,
    encode_labels,
    join_labels,
    list_distinct_labels,
    select_labels,
)

NAMES = ("ang", "hap", "sad")


def test_coded_labels_read_like_a_list():
    labels = CodedLabels(np.array([2, 0, 2], np.int8), NAMES)
    assert (list(labels), len(labels), labels[-1], list(labels[1:])) == (
        ["sad", "ang", "sad"],
        3,
        "sad",
        ["ang", "sad"],
    )
    assert list_distinct_labels(labels) == list_distinct_labels(list(labels)) == {"ang", "sad"}


def test_codes_are_places_among_other_classes_too():
    plain = ["sad", "ang", "hap", "sad"]
    labels = CodedLabels(np.array([2, 0, 1, 2]), NAMES)
    for classes in (NAMES, ("sad", "ang"), ("hap", "x", "sad", "ang"), tuple(f"c{n}" for n in range(300)) + NAMES):
        expected = [classes.index(one) if one in classes else -1 for one in plain]
        assert encode_labels(labels, classes).tolist() == encode_labels(plain, classes).tolist() == expected


def test_parts_are_joined_and_rows_selected():
    parts = [CodedLabels(np.array([1, 0]), ("hap", "sad")), ["ang", "sad"]]
    assert list(join_labels(parts)) == ["sad", "hap", "ang", "sad"]
    assert list(select_labels(join_labels(parts), np.array([3, 1, 1]))) == ["sad", "hap", "hap"]


def test_answers_of_coded_labels_have_the_same_figures():
    rng = np.random.default_rng(0)
    truth, prediction = rng.integers(3, size=(2, 50))
    drawn = rng.dirichlet(np.ones(3), 50)
    coded = Answers(CodedLabels(truth, NAMES), CodedLabels(prediction, NAMES), NAMES, drawn)
    plain = Answers([NAMES[one] for one in truth], [NAMES[one] for one in prediction], NAMES, drawn)
    assert coded.values() == plain.values()
    assert estimate_class_metrics([coded], resamples=2) == estimate_class_metrics([plain], resamples=2)
    assert coded.confusion().tolist() == plain.confusion().tolist()
    assert coded.find_right().tolist() == (truth == prediction).tolist()
