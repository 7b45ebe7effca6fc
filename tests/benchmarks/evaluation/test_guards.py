import pytest

from benchmarks.evaluation.guards import check_leakage
from featurestore.errors import Leakage
from featurestore.folds.fold import Fold

FOLDS = [Fold("1", ("c", "d"), ("a", "b")), Fold("2", ("a", "b"), ("c", "d"))]


def everywhere(**encoders):
    return {fold.name: {name: dict.fromkeys(ids, "id") for name, ids in encoders.items()} for fold in FOLDS}


def test_nothing_leaks_where_encoders_saw_only_training():
    assert check_leakage(FOLDS[:1], everywhere(audio="cd", text="")) == {}


def test_an_overlap_is_refused_with_count_and_remedy():
    with pytest.raises(Leakage) as caught:
        check_leakage(FOLDS, everywhere(audio="cda", text=""))
    assert str(caught.value) == (
        "encoder audio was fine-tuned on 1 of the 2 test utterances of fold 1\n"
        "  expected: test utterances that no encoder has seen\n"
        "  got: 1 more such cases\n"
        "  do: take the protocol and the fold that the encoder was fine-tuned on (--protocol, --fold), or fine-tune "
        "one per fold (cli finetune --all-folds, cli extract --all-folds); if different utterances have the same "
        "ids, rename them; or evaluate anyway and mark every figure: --allow-leakage"
    )


def test_allowed_leaks_are_described_by_fold():
    found = check_leakage(FOLDS, everywhere(audio="a", text="ab"), allow=True)
    assert found == {
        "1": "encoder audio was fine-tuned on 1 of the 2 test utterances of fold 1; "
        "encoder text was fine-tuned on 2 of the 2 test utterances of fold 1"
    }


def test_each_fold_is_compared_with_its_own_encoder():
    own = {"1": {"audio@1": dict.fromkeys("cd", "id")}, "2": {"audio@2": dict.fromkeys("ab", "id")}}
    assert check_leakage(FOLDS, own) == {}


def test_a_leak_says_how_an_utterance_is_known():
    found = check_leakage(FOLDS[:1], {"1": {"audio": {"a": "clip", "b": "id", "c": "clip"}}}, allow=True)
    assert found == {
        "1": "encoder audio was fine-tuned on 2 of the 2 test utterances of fold 1 (1 known by the same clip, 1 known "
        "by id)"
    }


@pytest.mark.parametrize(
    ("way", "do"),
    [
        (
            "clip",
            "remove one copy of each such clip from the corpus, or fine-tune the encoder again with both in ",
        ),
        (
            "text",
            "these texts match training utterances whose recorded ids are not in this store: if they are different ",
        ),
    ],
)
def test_the_remedy_depends_on_how_an_utterance_is_known(way, do):
    with pytest.raises(Leakage) as caught:
        check_leakage(FOLDS[:1], {"1": {"audio": {"a": way}}})
    assert f"\n  do: {do}" in str(caught.value)
