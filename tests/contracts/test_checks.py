"""Every check keeps the same contract: it is found by its file and tested by its own examples."""

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import checks
from benchmarks.checks import FAILED, NOT_APPLICABLE, PASSED, CheckResult
from benchmarks.checks._examples import Examples, ExampleSetup, ExampleSystem
from benchmarks.evaluation.evaluation import Evaluation
from benchmarks.statistics.answers import Answers
from featurestore import registry
from featurestore.folds.fold import Fold
from featurestore.manifest import Utterance

NAMES = registry.names("checks")
OUTCOMES = (PASSED, FAILED, NOT_APPLICABLE)
EXAMPLES = [field.name for field in fields(Examples)]


def run(name, evaluation):
    return registry.module("checks", name).check(evaluation)


@pytest.fixture(params=[(name, example) for name in NAMES for example in EXAMPLES], ids=lambda case: "-".join(case))
def case(request):
    """Return the name of a check, the outcome that it must have, and the evaluation."""
    name, example = request.param
    return name, example.replace("_", " "), getattr(registry.module("checks", name).examples(), example)


def test_each_example_has_its_outcome(case):
    name, outcome, evaluation = case
    found = run(name, evaluation)
    assert isinstance(found, CheckResult)
    assert found.outcome == outcome, found.message


def test_a_message_is_a_line_that_says_what_it_means_and_what_to_do(case):
    name, outcome, evaluation = case
    message = run(name, evaluation).message
    assert message == message.strip()
    assert "\n" not in message
    assert len(message.split()) >= 3
    assert not message.endswith(".")  # the report puts it into sentences
    if outcome == FAILED:
        found, _, rest = message.partition(": ")
        meaning, _, do = rest.partition("; do: ")
        assert all(len(part.split()) >= 2 for part in (found, meaning, do)), message


def test_the_same_evaluation_gives_the_same_result_in_any_order(case):
    name, _, evaluation = case
    first = run(name, evaluation)
    turned = replace(evaluation, utterances=evaluation.utterances[::-1], systems=evaluation.systems[::-1])
    assert run(name, evaluation) == first
    assert run(name, turned) == first
    twice = replace(evaluation, systems=evaluation.systems * 2)
    assert run(name, twice).outcome == first.outcome


@pytest.mark.parametrize("name", NAMES)
def test_a_check_says_what_it_asks_and_when_it_fails(name):
    assert not registry.summary("checks", name).startswith("Check")  # all of a list are checks
    assert registry.module("checks", name).check.__doc__.startswith("Fail ")
    assert checks.describe_check(name).count(". ") >= 1


IDS = [f"u{number}" for number in range(12)]


@st.composite
def evaluations(draw):
    """Draw any evaluation: folds may be empty, columns unknown, systems none or several."""
    classes = {name: draw(st.sampled_from(["ang", "sad", "hap"])) for name in IDS}
    places = {name: draw(st.integers(0, 4)) for name in IDS}  # train, dev and three folds' test
    parts = [tuple(name for name in IDS if places[name] == place) for place in range(5)]
    folds = [
        Fold(
            str(number),
            (*parts[0], *(name for other in (2, 3, 4) if other != number for name in parts[other])),
            test,
            parts[1],
        )
        for number, test in enumerate(parts[2:], 2)
        if test or draw(st.booleans())
    ]
    columns = {name: draw(st.sampled_from(["", "a", "b"])) for name in ("audio", "text", "speaker")}
    rows = [
        Utterance(
            name,
            *(draw(st.sampled_from(["", columns[key]])) for key in ("audio", "text")),
            speaker=columns["speaker"],
            dialogue=draw(st.sampled_from(["", "x", "y"])),
        )
        for name in IDS
    ]
    tested = sorted(name for fold in folds for name in fold.test)
    tuned = {fold.name: {"train": draw(st.integers(0, 2)), "test": draw(st.integers(0, 2))} for fold in folds}
    encoder = {"modality": draw(st.sampled_from(["text", "audio"])), "made": {}, "tuned_on": tuned}
    encoder["suspects"] = tested[: draw(st.integers(0, 2))]
    about = {"classes": classes, "encoders": {"e": encoder}, "tune": draw(st.sampled_from([0, 3]))}
    about |= {"dropped": draw(st.sampled_from([{}, {"x": "no clip"}]))}
    about |= draw(st.sampled_from([{}, {"same_clips": None}, {"same_clips": [["u0", "u7"], ["u1", "u2"]]}]))
    systems = [draw(systems_on(classes, tested)) for _ in range(draw(st.integers(0, 2)))] if tested else []
    return Evaluation(about, tuple(folds), tuple(rows), tuple(systems))


@st.composite
def systems_on(draw, classes, tested):
    setup = ExampleSetup(
        draw(st.sampled_from(["svm", "prior"])),
        draw(st.sampled_from([("e.mean",), ("e.mean", "e.logits")])),
        draw(st.sampled_from(["", "in-sample", "cross-fitted"])),
        draw(st.sampled_from(["none", "global", "speaker"])),
        draw(st.sampled_from(["", "whole dialogue", "past turns"])),
    )
    truth, names = [classes[name] for name in tested], sorted(set(classes.values()))
    prediction = [draw(st.sampled_from(names)) for _ in tested]
    probabilities = np.full((len(truth), len(names)), 1 / len(names))
    return ExampleSystem(setup.head, setup, (Answers(truth, prediction, names, probabilities),))


@settings(max_examples=40, deadline=None)
@given(evaluations())
def test_every_check_has_a_result_for_any_evaluation(evaluation):
    found = checks.run_checks(evaluation)
    assert [one.check for one in found] == NAMES
    assert all(one.outcome in OUTCOMES and one.message for one in found)
    again = checks.run_checks(replace(evaluation, utterances=evaluation.utterances[::-1]))
    assert [one.outcome for one in again] == [one.outcome for one in found]
