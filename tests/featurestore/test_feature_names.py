"""A feature that a store does not hold: the message lists what it holds, and suggests the closest."""

from pathlib import Path

import pytest

from benchmarks.evaluation.feature_sets import fill_feature_sets, parse_feature_sets
from featurestore.errors import Mismatch, UnknownName
from featurestore.feature_names import check_encoders, list_features
from tests.support.fake_store import FakeStore

KINDS = {"egemaps": ["functionals"], "text@1": ["mean", "logits"], "text@2": ["mean", "logits"]}


class Names:
    """Names of features without a store; files that cannot be read have no kinds."""

    path = Path("my store")

    def __init__(self, kinds, damaged=()):
        self.of, self.damaged = kinds, damaged

    def encoders(self):
        return [*self.of, *self.damaged]

    def kinds(self, encoder):
        if encoder in self.damaged:
            raise Mismatch(f"{encoder}.h5 is damaged")
        return self.of[encoder]


@pytest.mark.parametrize(
    ("feature", "listed", "do"),
    [
        ("egemaps", "egemaps.functionals", "did you mean egemaps.functionals?"),
        (" egemaps ", "egemaps.functionals", "did you mean egemaps.functionals?"),
        ("text@1", "text@1.mean, text@1.logits", "did you mean text@1.mean or text@1.logits?"),
        ("egemap.functionals", None, "did you mean egemaps.functionals?"),
        ("text.mean", None, "did you mean text@2.mean or text@1.mean?"),
        ("nothing", None, "see: cli inspect 'my store'"),
    ],
)
def test_the_message_lists_what_the_store_holds(feature, listed, do):
    listed = listed or ", ".join(f"{name}.{kind}" for name, kinds in KINDS.items() for kind in kinds)
    with pytest.raises(UnknownName) as problem:
        check_encoders(Names(KINDS), ["egemaps.functionals", feature])
    assert str(problem.value) == (
        f"unknown feature {feature.strip()!r}\n  expected: ENCODER.KIND, one of {listed}\n  do: {do}"
    )


def test_known_encoders_and_malformed_texts_are_left_to_the_reader():
    given = ["egemaps.functionals", "text@1.layers[3]", "text@1.nothing", "a b", "text@1.mean[3"]
    assert check_encoders(Names(KINDS), iter(given)) == given
    assert check_encoders(Names({}), ["egemaps"]) == ["egemaps"]  # an empty store says so itself


def test_a_file_that_cannot_be_read_is_not_listed():
    assert list_features(Names({"egemaps": ["functionals", "layers[0]"]}, damaged=["audio"])) == ["egemaps.functionals"]


@pytest.mark.parametrize("features", ["video", "text.mean+video", "sound=audio.mean+video,text", "video.mean"])
def test_a_benchmark_lists_the_features_of_its_store(features):
    feature = "video.mean" if "." in features and "+" not in features else "video"
    with pytest.raises(UnknownName) as problem:
        fill_feature_sets(FakeStore(), parse_feature_sets(features))
    assert f"unknown feature {feature!r}\n  expected: ENCODER.KIND, one of audio.mean, " in str(problem.value)
