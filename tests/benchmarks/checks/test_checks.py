"""Each check passes, fails and does not apply where it should."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from benchmarks import checks
from benchmarks.grid.predictions import Card, Predicted
from benchmarks.grid.results import Results, System
from benchmarks.statistics.answers import Answers
from featurestore import registry
from featurestore.folds.fold import Fold
from featurestore.manifest import Utterance

CLASSES = {f"{name}{number:03}": ("ang", "sad")[number % 2] for name in "ab" for number in range(400)}
TRAIN = tuple(name for name in CLASSES if name.startswith("a"))
TEST = tuple(name for name in CLASSES if name.startswith("b"))
CARD = dict.fromkeys(Card.__dataclass_fields__, "") | {
    "features": ("text.logits",),
    "classes": ("ang", "sad"),
    "share": 1.0,
}
ENCODER = {"modality": "text", "made": {}, "tuned_on": {}}


def benchmark(
    *, text=str, speaker=lambda name: name[0], audio=lambda name: "", about=None, right=0.9, fold=None, **card
):
    """A benchmark of one system on two speakers, to be spoiled."""
    fold = fold or Fold("1", TRAIN, TEST)
    rows = tuple(Utterance(name, audio(name), text(name), speaker=speaker(name)) for name in CLASSES)
    truth = [CLASSES[name] for name in fold.test]
    other = {"ang": "sad", "sad": "ang"}
    prediction = [name if row < right * len(truth) else other[name] for row, name in enumerate(truth)]
    answers = Answers(truth, prediction, ["ang", "sad"])
    described = Card(**CARD | {"system": "svm on text.logits", "head": "svm", "fold": "1", "seed": 0} | card)
    system = SimpleNamespace(name=described.system, card=described, pooled=[answers])
    base = {"classes": CLASSES, "encoders": {"text": ENCODER}, "tune": 0, "dropped": {}}
    return Results(base | (about or {}), (fold,), rows, (system,))


def tuned(train, test):
    return {"encoders": {"text": ENCODER | {"tuned_on": {"1": {"train": train, "test": test}}}}}


CASES = [
    ("speaker-overlap", {}, "passed", "no speaker of 2 is on both sides"),
    ("speaker-overlap", {"speaker": lambda name: "S"}, "failed", "400 of 400 test utterances are of speakers that are"),
    ("speaker-overlap", {"speaker": lambda name: ""}, "not applicable", "the manifest names no speakers"),
    ("encoder-tuned-on-test", {"about": tuned(400, 0)}, "passed", "1 encoders were tuned, none on a test utterance"),
    ("encoder-tuned-on-test", {"about": tuned(400, 7)}, "failed", "tuned on test utterances: text on 7 of fold 1"),
    ("encoder-tuned-on-test", {}, "not applicable", "no encoder records that it was tuned on this corpus"),
    ("maybe-tuned-on-test", {"about": tuned(400, 0)}, "passed", "by ids, clips and words, every other test"),
    (
        "maybe-tuned-on-test",
        {"about": {"encoders": {"text": tuned(9, 0)["encoders"]["text"] | {"suspects": ["b001", "b002"]}}}},
        "failed",
        "test utterances that share a made-up id, or their words, with others that an encoder was tuned on, and have",
    ),
    ("maybe-tuned-on-test", {}, "not applicable", "no encoder records that it was tuned on this corpus"),
    ("in-sample-logits", {"logits": "cross-fitted"}, "passed", "all 1 systems with logits take them from encoders"),
    ("in-sample-logits", {"logits": "in-sample"}, "failed", "1 of 1 systems with logits learn from in-sample ones"),
    (
        "in-sample-logits",
        {"logits": "partly cross-fitted"},
        "failed",
        "1 of 1 systems with logits learn from in-sample",
    ),
    ("in-sample-logits", {"features": ("text.mean",)}, "not applicable", "no head learns from logits"),
    ("in-sample-logits", {"head": "prior", "logits": "in-sample"}, "not applicable", "no head learns from logits"),
    ("speaker-clips", {"normalize": "speaker"}, "passed", "every speaker has 5 clips or more in every fold"),
    (
        "speaker-clips",
        {"normalize": "speaker", "speaker": lambda name: "S" if name == TEST[0] else name[0]},
        "failed",
        "1 speakers have fewer than 5 clips in a fold, S 1: normalised per speaker",
    ),
    ("speaker-clips", {"speaker": str}, "not applicable", "nothing is normalised per speaker"),
    ("speaker-classes", {"normalize": "speaker"}, "passed", "each of 1 test speakers has several classes"),
    (
        "speaker-classes",
        {"normalize": "speaker", "speaker": lambda name: CLASSES[name] if name in TEST[:3] else name[0]},
        "failed",
        "2 of 3 test speakers have one class alone (or all but a tenth of it), and so 3 of 400 test utterances: "
        "normalised per speaker, these lose the class itself; --normalize none or global keeps it",
    ),
    ("speaker-classes", {"speaker": lambda name: CLASSES[name]}, "not applicable", "nothing is normalised per"),
    ("text-shared", {}, "passed", "no text of 400 test utterances is in training"),
    ("text-shared", {"text": lambda name: "Oh."}, "failed", "400 of 400 test utterances have their text, or a near"),
    ("text-shared", {"text": lambda name: ""}, "not applicable", "the manifest has no texts"),
    (
        "text-shared",
        {"text": lambda name: "Oh.", "about": {"encoders": {"audio": ENCODER | {"modality": "audio"}}}},
        "not applicable",
        "no feature is of text",
    ),
    ("clip-shared", {"about": {"same_clips": [["a001", "a003"]]}}, "passed", "no clip of 400 test utterances is in"),
    (
        "clip-shared",
        {"about": {"same_clips": [["a001", "b001", "b003"], ["b000", "b002"]]}},
        "failed",
        "the clips of 2 of 400 test utterances are in training under other ids, sample for sample: b001 and others",
    ),
    ("clip-shared", {"about": {"same_clips": None}}, "not applicable", "no feature is of audio, or its file"),
    ("clip-shared", {}, "not applicable", "not recorded by this benchmark: run it again"),
    (
        "recording-shared",
        {"audio": lambda name: f"{name[:3]}.wav"},
        "passed",
        "no recording of 400 test utterances was",
    ),
    (
        "recording-shared",
        {"audio": lambda name: f"{name[1:3]}.wav" if name in (*TRAIN[:9], *TEST[:5]) else f"{name}.wav"},
        "failed",
        "5 of 400 test utterances are cut out of recordings that were learned from, b000 among them: give speakers or",
    ),
    ("recording-shared", {}, "not applicable", "no recording is cut into several utterances"),
    ("class-missing", {}, "passed", "all 2 classes are in every part of 1 folds"),
    ("class-missing", {"fold": Fold("1", TRAIN, TEST[::2])}, "failed", "missing: sad in test of fold 1; unweighte"),
    ("class-missing", {"about": {"classes": {}}, "fold": Fold("1", (), ())}, "not applicable", "there are no classes"),
    ("worse-than-prior", {}, "passed", "all 1 systems are above 50.0 %, their intervals too"),
    ("worse-than-prior", {"right": 0.5}, "failed", "1 of 1 systems are not shown to be above 50.0 %, what a"),
    ("worse-than-prior", {"right": 0.52}, "failed", "1 of 1 systems are not shown to be above 50.0 %, what a"),
    ("worse-than-prior", {"head": "prior"}, "not applicable", "only the prior was run"),
    (
        "selection-on-test",
        {"about": {"tune": 3}, "fold": Fold("1", TRAIN[9:], TEST, TRAIN[:9], turns=(TRAIN[9:18],))},
        "passed",
        "settings were",
    ),
    ("selection-on-test", {"about": {"tune": 3}}, "failed", "settings were not chosen on a dev part of their own in f"),
    ("selection-on-test", {}, "not applicable", "settings were given, not searched for"),
    ("too-few-test", {}, "passed", "400 test utterances, at least 200 of each class"),
    (
        "too-few-test",
        {"fold": Fold("1", TRAIN, TEST[:100])},
        "failed",
        "100 test utterances, fewer than 385: differences",
    ),
    ("too-few-test", {"fold": Fold("1", TRAIN, ())}, "not applicable", "nothing is tested"),
    ("too-few-speakers", {"speaker": lambda name: f"S{int(name[1:]) % 6}"}, "passed", "6 speakers were tested"),
    (
        "too-few-speakers",
        {"speaker": lambda name: f"S{int(name[1:]) % 2}"},
        "failed",
        "only 2 speakers in test, too few to show a difference",
    ),
    ("too-few-speakers", {}, "failed", "all tested utterances are of one speaker, so nothing can be shown about"),
    ("too-few-speakers", {"speaker": lambda name: ""}, "not applicable", "the manifest names no speakers"),
    ("features-missing", {}, "passed", "every utterance that the label scheme keeps has every feature"),
    (
        "features-missing",
        {"about": {"dropped": {"x": "gone"}}},
        "failed",
        "1 utterances lack a feature and are in no fig",
    ),
    ("features-missing", {"about": {"classes": {}}, "fold": Fold("1", (), ())}, "not applicable", "there are no utter"),
]


@pytest.mark.parametrize(("check", "spoiled", "outcome", "message"), CASES, ids=[f"{c[0]}-{c[2]}" for c in CASES])
def test_a_check_says_what_it_found(check, spoiled, outcome, message):
    found = registry.module("checks", check).check(benchmark(**spoiled))
    assert (found.outcome, found.message[: len(message)]) == (outcome, message)


def test_every_check_has_its_three_cases():
    assert {(check, outcome) for check, _, outcome, _ in CASES} == {
        (name, outcome) for name in registry.names("checks") for outcome in ("passed", "failed", "not applicable")
    }
    assert [finding.check for finding in checks.run(benchmark())] == registry.names("checks")
    assert all(registry.summary("checks", name) for name in registry.names("checks"))


def test_a_prior_is_not_counted_among_systems_that_learn_from_logits():
    read = benchmark(logits="in-sample")
    prior = benchmark(logits="in-sample", head="prior", system="prior on text.logits").systems
    found = registry.module("checks", "in-sample-logits").check(replace(read, systems=(*prior, *read.systems)))
    assert found.message.startswith("1 of 1 systems with logits learn from in-sample ones: svm on text.logits; cli")


def test_speakers_that_are_not_named_are_counted():
    check = registry.module("checks", "speaker-overlap").check
    found = check(benchmark(speaker=lambda name: "S" if name == TEST[0] else ""))
    assert (found.outcome, found.message) == (
        "not applicable",
        "799 of 800 utterances name no speaker: that no speaker is on both sides is known of the others alone",
    )
    found = check(benchmark(speaker=lambda name: "" if name == TEST[0] else "S"))
    assert (found.outcome, found.message) == (
        "failed",
        "399 of 400 test utterances are of speakers that are in training: figures of known voices, higher than of new "
        "ones; 1 of 800 utterances name no speaker",
    )


@pytest.mark.parametrize(
    ("speakers", "said"),
    [
        (1, "with a single speaker no protocol shows new ones"),
        (2, "--protocol leave-one-speaker-out tests new ones"),
        (21, "--protocol speaker-kfold tests new ones"),
    ],
)
def test_the_protocol_that_tests_new_voices_is_named(speakers, said):
    found = registry.module("checks", "speaker-overlap").check(
        benchmark(speaker=lambda name: f"S{int(name[1:]) % speakers}")
    )
    assert found.message.endswith(f"known voices, higher than of new ones; {said}")


@pytest.mark.parametrize(
    ("folds", "said"), [(1, "unweighted figures are over the classes that"), (2, "read the pooled")]
)
def test_what_a_missing_class_means_is_said_for_one_fold_and_for_several(folds, said):
    read = benchmark(fold=Fold("1", TRAIN, TEST[::2]))
    found = registry.module("checks", "class-missing").check(replace(read, folds=read.folds * folds))
    assert said in found.message


def test_a_constant_answer_is_found_where_test_lacks_a_class():
    classes = {name: "hap" if name in TRAIN[:100] else label for name, label in CLASSES.items()}  # three in training
    angry = [name for name in TEST if CLASSES[name] == "ang"]
    found = benchmark(about={"classes": classes}, fold=Fold("1", TRAIN, (*angry, *TEST[1::2])), right=0.5)
    assert set(found.systems[0].pooled[0].prediction) == {"ang"}
    finding = registry.module("checks", "worse-than-prior").check(found)
    assert finding.message == (
        "1 of 1 systems are not shown to be above 50.0 %, what a constant answer reaches: svm on text.logits"
    )


def test_few_of_a_class_are_said():
    angry = [name for name, label in CLASSES.items() if label == "ang"]
    found = registry.module("checks", "too-few-test").check(benchmark(fold=Fold("1", TRAIN, (*angry, TEST[1]))))
    assert found.message == "fewer than 30 test utterances of sad 1: their figures are coarse"


def test_systems_keep_their_runs_apart_by_seed():
    card = Card(**CARD | {"system": "svm", "fold": "1", "seed": 0})
    answers = Answers(["ang"], ["ang"], ["ang"], None)
    assert System("svm", (Predicted(card, ("a",), answers),)).seeds == [0]
