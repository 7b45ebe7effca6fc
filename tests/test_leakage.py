import pytest

from benchmarks import leakage
from benchmarks.folds import Fold
from featurestore.errors import Leakage

FOLDS = [Fold("1", ("c", "d"), ("a", "b")), Fold("2", ("a", "b"), ("c", "d"))]


def test_nothing_leaks_where_encoders_saw_only_training():
    assert leakage.check(FOLDS[:1], {"audio": frozenset("cd"), "text": frozenset()}) == {}


def test_an_overlap_is_refused_with_count_and_remedy():
    with pytest.raises(Leakage) as caught:
        leakage.check(FOLDS, {"audio": frozenset("cda"), "text": frozenset()})
    assert str(caught.value) == (
        "encoder audio was tuned on 1 of the 2 test utterances of fold 1\n"
        "  expected: test utterances that no encoder has seen\n"
        "  got: 1 more such cases\n"
        "  do: take the protocol and the fold that the encoder was tuned on (--protocol, --fold), or tune it on this "
        "one (cli finetune); --allow-leakage runs it and marks every figure"
    )


def test_allowed_leaks_are_told_by_fold():
    found = leakage.check(FOLDS, {"audio": frozenset("a"), "text": frozenset("ab")}, allow=True)
    assert found == {
        "1": "encoder audio was tuned on 1 of the 2 test utterances of fold 1; "
        "encoder text was tuned on 2 of the 2 test utterances of fold 1"
    }
