from hypothesis import given
from hypothesis import strategies as st

from featurestore.manifest import Utterance
from featurestore.releases.partition_findings import find_shared


def make(rows):
    """Return utterances of (partition, speaker, dialogue), each with a clip of its own."""
    return [
        Utterance(f"u{number}", f"{number}.wav", partition=partition, speaker=speaker, dialogue=dialogue)
        for number, (partition, speaker, dialogue) in enumerate(rows)
    ]


def find(rows):
    return {finding.what: finding.where for finding in find_shared(make(rows))}


def test_dialogues_are_compared_where_speakers_are_unknown():
    assert find([("train", "", "d1"), ("test", "", "d1"), ("test", "", "d2")]) == {
        "partitions whose speakers are unknown; whether training and test share speakers cannot be told": ("test",),
        "partitions that share dialogues between training and test": (
            "test: 1 of 2 test dialogues are also in training",
        ),
    }


def test_nothing_is_found_without_partitions_or_without_shared_speakers():
    assert find([("", "a", ""), ("", "a", "")]) == {}
    assert find([("train", "a", ""), ("dev", "b", ""), ("test", "c", "")]) == {}
    assert find([("dev", "a", ""), ("test", "a", "")]) == {}  # nothing is trained on


@given(st.lists(st.tuples(st.integers(1, 3), st.sampled_from("abcd")), min_size=1, max_size=12))
def test_each_fold_is_compared_with_all_others(pairs):
    found = find([(f"fold_{fold}", speaker, "") for fold, speaker in pairs])
    folds = sorted({fold for fold, _ in pairs})
    expected = []
    for fold in folds:
        test = {speaker for other, speaker in pairs if other == fold}
        shared = [speaker for speaker in test if any(other != fold and one == speaker for other, one in pairs)]
        if shared:
            expected.append(f"fold_{fold}: {len(shared)} of {len(test)} test speakers are also in training")
    assert found.get("partitions that share speakers between training and test", ()) == tuple(expected)
