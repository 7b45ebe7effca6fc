"""Each check names what it found, what that means and what to do, in pinned messages.

That every check has an example of each outcome is a contract: tests/contracts/test_checks.py.
"""

from dataclasses import replace

import pytest

from benchmarks import checks
from benchmarks.checks._examples import CLASSES, ENCODER, TEST, TRAIN, build_evaluation, describe_tuned_encoder
from benchmarks.grid.run_records import RecordedRun, RunRecord
from benchmarks.grid.system import System
from benchmarks.statistics.answers import Answers
from featurestore import plugins, registry
from featurestore.folds.fold import Fold


def run(check, **options):
    return registry.module("checks", check).check(build_evaluation(**options))


CASES = [
    ("speaker-overlap", {}, "passed", "none of 2 speakers is in training and in test of the same fold"),
    (
        "speaker-overlap",
        {"speaker": lambda utterance_id: "S"},
        "failed",
        "400 of 400 test utterances are of speakers in training: figures measure known voices and are higher than",
    ),
    ("speaker-overlap", {"speaker": lambda utterance_id: ""}, "not applicable", "the manifest names no speakers"),
    (
        "encoder-tuned-on-test",
        {"about": describe_tuned_encoder(400, 0)},
        "passed",
        "1 encoders were fine-tuned, none on a test utterance",
    ),
    (
        "encoder-tuned-on-test",
        {"about": describe_tuned_encoder(400, 7)},
        "failed",
        "encoders fine-tuned on test utterances, text on 7 of fold 1: the figures do not measure unseen speech; do: ",
    ),
    ("encoder-tuned-on-test", {}, "not applicable", "no encoder records that it was fine-tuned on this corpus"),
    (
        "maybe-tuned-on-test",
        {"about": describe_tuned_encoder(400, 0)},
        "passed",
        "no test utterance shares its id, clip or words with an utterance that an encoder",
    ),
    (
        "maybe-tuned-on-test",
        {"about": describe_tuned_encoder(9, 0, suspects=["test001", "test002"])},
        "failed",
        "test utterances share a made-up id, or their words, with utterances that an encoder was fine-tuned on, but",
    ),
    ("maybe-tuned-on-test", {}, "not applicable", "no encoder records that it was fine-tuned on this corpus"),
    ("in-sample-logits", {"logits": "cross-fitted"}, "passed", "every system with logits takes those of a trainin"),
    (
        "in-sample-logits",
        {"logits": "in-sample"},
        "failed",
        "1 of 1 systems with logits learn from in-sample ones (svm on text.logits): these heads rely on logits too",
    ),
    (
        "in-sample-logits",
        {"logits": "partly cross-fitted"},
        "failed",
        "1 of 1 systems with logits learn from in-sample ones",
    ),
    ("in-sample-logits", {"features": ("text.mean",)}, "not applicable", "no head learns from logits"),
    ("in-sample-logits", {"head": "prior", "logits": "in-sample"}, "not applicable", "no head learns from logits"),
    ("speaker-clips", {"normalize": "speaker"}, "passed", "every speaker has 5 clips or more in every fold"),
    (
        "speaker-clips",
        {"normalize": "speaker", "speaker": lambda utterance_id: "S" if utterance_id == TEST[0] else utterance_id[:4]},
        "failed",
        "1 speakers have fewer than 5 clips in a fold, S has 1: their mean and spread are unreliable",
    ),
    ("speaker-clips", {"speaker": str}, "not applicable", "no features are normalized per speaker"),
    ("speaker-classes", {"normalize": "speaker"}, "passed", "each of 1 test speakers has several classes"),
    (
        "speaker-classes",
        {
            "normalize": "speaker",
            "speaker": lambda utterance_id: CLASSES[utterance_id] if utterance_id in TEST[:3] else utterance_id[:4],
        },
        "failed",
        "2 of 3 test speakers have at least 90 % of their utterances in one class, 3 of 400 test utterances in all: "
        "normalization per speaker removes the class of these utterances; do: --normalize none or --normalize global",
    ),
    (
        "speaker-classes",
        {"speaker": lambda utterance_id: CLASSES[utterance_id]},
        "not applicable",
        "no features are normalized per speaker",
    ),
    ("text-shared", {}, "passed", "no text of 400 test utterances is in training"),
    (
        "text-shared",
        {"text": lambda utterance_id: "Oh."},
        "failed",
        "400 of 400 test utterances have their text, or a near copy, in training: figures of text features are too",
    ),
    ("text-shared", {"text": lambda utterance_id: ""}, "not applicable", "the manifest has no texts"),
    (
        "text-shared",
        {"text": lambda utterance_id: "Oh.", "about": {"encoders": {"audio": ENCODER | {"modality": "audio"}}}},
        "not applicable",
        "no feature is of text",
    ),
    (
        "clip-shared",
        {"about": {"same_clips": [["train001", "train003"]]}},
        "passed",
        "no clip of 400 test utterances is in",
    ),
    (
        "clip-shared",
        {"about": {"same_clips": [["train001", "test001", "test003"], ["test000", "test002"]]}},
        "failed",
        "the clips of 2 of 400 test utterances are in training under other ids, sample for "
        "sample, for example test001: figures are too high, since",
    ),
    ("clip-shared", {"about": {"same_clips": None}}, "not applicable", "no feature is of audio, or its file"),
    ("clip-shared", {}, "not applicable", "this benchmark does not record which clips are the same: run it again"),
    (
        "recording-shared",
        {"audio": lambda utterance_id: f"{utterance_id[:-1]}.wav"},
        "passed",
        "no recording of 400 test utterances is in training",
    ),
    (
        "recording-shared",
        {
            "audio": lambda utterance_id: (
                f"{utterance_id[-3:-1]}.wav" if utterance_id in (*TRAIN[:9], *TEST[:5]) else f"{utterance_id}.wav"
            )
        },
        "failed",
        "5 of 400 test utterances are segments of training recordings, for example test000: figures measure known",
    ),
    ("recording-shared", {}, "not applicable", "no recording has several utterances"),
    ("class-missing", {}, "passed", "all 2 classes are in every part of every fold"),
    (
        "class-missing",
        {"fold": Fold("1", TRAIN, TEST[::2])},
        "failed",
        "missing classes (sad in test of fold 1): unweighted figures there are over fewer classes; do: use a protocol",
    ),
    ("class-missing", {"about": {"classes": {}}, "fold": Fold("1", (), ())}, "not applicable", "there are no classes"),
    ("worse-than-prior", {}, "passed", "the one system is above 50.0 %, with the whole interval"),
    (
        "worse-than-prior",
        {"accuracy": 0.5},
        "failed",
        "the one system is not shown to be above 50.0 % (svm on text.logits): a constant prediction reaches the same",
    ),
    (
        "worse-than-prior",
        {"accuracy": 0.52},
        "failed",
        "the one system is not shown to be above 50.0 % (svm on text.logits): a constant prediction reaches the same",
    ),
    ("worse-than-prior", {"head": "prior"}, "not applicable", "only baseline heads were run"),
    (
        "selection-on-test",
        {"about": {"tune": 3}, "fold": Fold("1", TRAIN[9:], TEST, TRAIN[:9], turns=(TRAIN[9:18],))},
        "passed",
        "settings were",
    ),
    (
        "selection-on-test",
        {"about": {"tune": 3}},
        "failed",
        "settings were not chosen on a separate dev part in folds 1: figures are too high, since settings wer",
    ),
    ("selection-on-test", {}, "not applicable", "settings were given, not searched"),
    ("too-few-test", {}, "passed", "400 test utterances, at least 200 of each class"),
    (
        "too-few-test",
        {"fold": Fold("1", TRAIN, TEST[:100])},
        "failed",
        "100 test utterances, fewer than the 385 that give an interval of ±5 points: differen",
    ),
    ("too-few-test", {"fold": Fold("1", TRAIN, ())}, "not applicable", "test is empty"),
    (
        "too-few-speakers",
        {"speaker": lambda utterance_id: f"S{int(utterance_id[-3:]) % 6}"},
        "passed",
        "6 speakers in test",
    ),
    (
        "too-few-speakers",
        {"speaker": lambda utterance_id: f"S{int(utterance_id[-3:]) % 2}"},
        "failed",
        "only 2 speakers in test, too few to show a difference: no test can show that figures hold for other speakers",
    ),
    (
        "too-few-speakers",
        {},
        "failed",
        "all test utterances are of one speaker: no test can show that figures hold for other speakers; do: test",
    ),
    ("too-few-speakers", {"speaker": lambda utterance_id: ""}, "not applicable", "the manifest names no speakers"),
    ("features-missing", {}, "passed", "every utterance that the label scheme keeps has every feature"),
    (
        "features-missing",
        {"about": {"dropped": {"x": "gone"}}},
        "failed",
        "1 utterances lack a feature, for example x (gone): no figure includes them; do: extract their features (cli",
    ),
    ("features-missing", {"about": {"classes": {}}, "fold": Fold("1", (), ())}, "not applicable", "there are no utter"),
]


@pytest.mark.parametrize(("check", "options", "outcome", "message"), CASES, ids=[f"{c[0]}-{c[2]}" for c in CASES])
def test_a_check_names_what_it_found(check, options, outcome, message):
    found = run(check, **options)
    assert (found.outcome, found.message[: len(message)]) == (outcome, message)


def test_all_checks_run_and_bear_their_names():
    assert [one.check for one in checks.run_checks(build_evaluation())] == registry.names("checks")


def test_a_baseline_is_not_counted_among_systems_that_learn_from_logits():
    read = build_evaluation(logits="in-sample")
    baseline = build_evaluation(logits="in-sample", head="prior").systems
    found = registry.module("checks", "in-sample-logits").check(replace(read, systems=(*baseline, *read.systems)))
    assert found.message.startswith("1 of 1 systems with logits learn from in-sample ones (svm on text.logits): ")


def test_a_baseline_of_any_name_is_known_by_its_tag(monkeypatch):
    for name in ("in-sample-logits", "worse-than-prior"):
        module = registry.module("checks", name)
        monkeypatch.setattr(module, "is_baseline", lambda head: head == "chance")
        found = module.check(build_evaluation(head="chance", logits="in-sample", accuracy=0.5))
        assert found.outcome == checks.NOT_APPLICABLE


def test_utterances_without_a_speaker_are_counted():
    found = run("speaker-overlap", speaker=lambda utterance_id: "S" if utterance_id == TEST[0] else "")
    assert (found.outcome, found.message) == (
        "not applicable",
        "799 of 800 utterances name no speaker; among the others no speaker is in training and in test",
    )
    found = run("speaker-overlap", speaker=lambda utterance_id: "" if utterance_id == TEST[0] else "S")
    assert (found.outcome, found.message) == (
        "failed",
        "399 of 400 test utterances are of speakers in training: figures measure known voices and are higher than of "
        "new ones; do: name a speaker for the 1 of 800 utterances without",
    )


@pytest.mark.parametrize(
    ("speakers", "do"),
    [
        (1, "use a corpus of several speakers, a single one cannot show new voices"),
        (2, "--protocol leave-one-speaker-out tests new voices"),
        (21, "--protocol speaker-kfold tests new voices"),
    ],
)
def test_the_protocol_that_tests_new_voices_is_named(speakers, do):
    found = run("speaker-overlap", speaker=lambda utterance_id: f"S{int(utterance_id[-3:]) % speakers}")
    assert found.message.endswith(f"known voices and are higher than of new ones; do: {do}")


@pytest.mark.parametrize(
    ("folds", "do"), [(1, "use a protocol with more folds"), (2, "read the pooled figures, not those of single folds")]
)
def test_a_missing_class_means_less_with_several_folds(folds, do):
    read = build_evaluation(fold=Fold("1", TRAIN, TEST[::2]))
    found = registry.module("checks", "class-missing").check(replace(read, folds=read.folds * folds))
    assert found.message.endswith(f"are over fewer classes; do: {do}")


def test_a_constant_prediction_is_found_where_test_lacks_a_class():
    classes = {name: "hap" if name in TRAIN[:100] else label for name, label in CLASSES.items()}  # three in training
    found = build_evaluation(about={"classes": classes}, accuracy=0.5)
    truth = found.systems[0].pooled[0].truth
    (system,) = found.systems
    constant = replace(system, pooled=(Answers(truth, ["ang"] * len(truth), ["ang", "hap", "sad"]),))
    result = registry.module("checks", "worse-than-prior").check(replace(found, systems=(constant,)))
    assert result.message == (
        "the one system is not shown to be above 50.0 % (svm on text.logits): a constant prediction reaches the same; "
        "do: check features and labels, or test more utterances and speakers"
    )


def test_a_rare_class_is_named():
    angry = [name for name, label in CLASSES.items() if label == "ang"]
    found = run("too-few-test", fold=Fold("1", TRAIN, (*angry, TEST[1])))
    assert found.message == (
        "fewer than 30 test utterances of sad 1: figures of these classes are imprecise; do: test more utterances, or "
        "read only larger differences"
    )


def test_systems_keep_their_runs_apart_by_seed():
    values = dict.fromkeys(RunRecord.__dataclass_fields__, "") | {"system": "svm", "fold": "1", "seed": 0}
    answers = Answers(["ang"], ["ang"], ["ang"], None)
    assert System("svm", (RecordedRun(RunRecord(**values), ("a",), answers),)).seeds == [0]


def test_a_plug_in_that_raises_an_error_does_not_stop_the_other_checks(tmp_path, monkeypatch):
    file = tmp_path / "crashes.py"
    source = ['KIND = "checks"', '__all__ = ["check"]', "def check(evaluation): return 1 / 0"]
    file.write_text("\n".join(source))
    monkeypatch.setenv(plugins.VARIABLE, str(file))
    found = {one.check: one for one in checks.run_checks(build_evaluation())}
    assert found["crashes"].outcome == checks.NOT_APPLICABLE
    assert found["crashes"].message.startswith("the check itself fails with ZeroDivisionError: division by zero")
    assert len(found) == len(registry.names("checks"))


def test_a_check_of_the_project_that_raises_an_error_stops(monkeypatch):
    monkeypatch.setattr(registry.module("checks", "too-few-test"), "check", lambda evaluation: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        checks.run_checks(build_evaluation())
