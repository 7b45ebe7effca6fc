"""Published figures of a benchmark become fractions, in the order of its table."""

import pytest

from featurestore.releases.published_results import list_conv_emotion_results, list_emobox_results


def test_a_row_of_emobox_is_three_metrics():
    found = list_emobox_results("casia-6", {"WavLM large": (52.12, 50.0, 46.55)}, "four folds", "official")
    assert [(one.metric, one.value) for one in found] == [
        ("unweighted_average_recall", 0.5212),
        ("accuracy", 0.5),
        ("macro_f1", 0.4655),
    ]
    assert {(one.name, one.labels, one.protocol) for one in found} == {("EmoBox, WavLM large", "casia-6", "official")}
    assert all(one.note.startswith("four folds; ") for one in found)


def test_a_row_of_emobox_with_a_figure_missing_is_refused():
    with pytest.raises(ValueError, match="argument 2 is shorter"):
        list_emobox_results("casia-6", {"WavLM large": (52.12, 46.55)}, "four folds")  # type: ignore[dict-item]


def test_conv_emotion_reports_weighted_f1_alone():
    found = list_conv_emotion_results("meld-7", {"one": 62.02, "two": 65.21}, "test part")
    assert [(one.name, one.metric, one.value) for one in found] == [
        ("one", "weighted_f1", 0.6202),
        ("two", "weighted_f1", 0.6521),
    ]
