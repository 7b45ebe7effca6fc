"""Build small evaluations on which a check must pass, fail or not apply."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.evaluation.evaluation import Evaluation
from benchmarks.statistics.answers import Answers
from featurestore.folds.fold import Fold
from featurestore.manifest import Utterance

# 400 utterances in training and 400 in test, the classes in turn
CLASSES = {f"{part}{number:03}": ("ang", "sad")[number % 2] for part in ("train", "test") for number in range(400)}
TRAIN = tuple(utterance_id for utterance_id in CLASSES if utterance_id.startswith("train"))
TEST = tuple(utterance_id for utterance_id in CLASSES if utterance_id.startswith("test"))
ENCODER: Mapping[str, Any] = {"modality": "text", "made": {}, "tuned_on": {}}


@dataclass(frozen=True)
class Examples:
    """The examples of a check: an evaluation for each outcome."""

    passed: Evaluation
    failed: Evaluation
    not_applicable: Evaluation


@dataclass(frozen=True)
class ExampleSetup:
    """The setup of the example's system (`benchmarks.evaluation.evaluation.Setup`)."""

    head: str = "svm"
    features: tuple[str, ...] = ("text.logits",)
    logits: str = ""
    normalize: str = "none"
    context: str = ""


@dataclass(frozen=True)
class ExampleSystem:
    """The example's system (`benchmarks.evaluation.evaluation.EvaluatedSystem`)."""

    name: str
    record: ExampleSetup
    pooled: tuple[Answers, ...]


def build_evaluation(
    *,
    speaker: Callable[[str], str] = lambda utterance_id: f"speaker of {utterance_id.rstrip('0123456789')}",
    text: Callable[[str], str] = str,
    audio: Callable[[str], str] = lambda utterance_id: "",
    dialogue: Callable[[str], str] = lambda utterance_id: "",
    about: Mapping[str, Any] | None = None,
    fold: Fold | None = None,
    accuracy: float = 0.9,
    **setup: Any,
) -> Evaluation:
    """Build an evaluation of one system on one fold, on which nearly every check passes or does not apply.

    Args:
        speaker: speaker of an utterance id.
        text: text of an utterance id.
        audio: clip of an utterance id.
        dialogue: dialogue of an utterance id.
        about: entries of `Evaluation.about` to replace.
        fold: instead of all of training and all of test.
        accuracy: share of test utterances that the system gets right.
        setup: fields of `ExampleSetup`.
    """
    fold = fold or Fold("1", TRAIN, TEST)
    rows = tuple(
        Utterance(
            utterance_id,
            audio(utterance_id),
            text(utterance_id),
            speaker=speaker(utterance_id),
            dialogue=dialogue(utterance_id),
        )
        for utterance_id in CLASSES
    )
    truth = [CLASSES[utterance_id] for utterance_id in sorted(fold.test)]
    other = {"ang": "sad", "sad": "ang"}
    prediction = [name if row < accuracy * len(truth) else other[name] for row, name in enumerate(truth)]
    made = ExampleSetup(**setup)
    system = ExampleSystem(
        f"{made.head} on {', '.join(made.features)}", made, (Answers(truth, prediction, ["ang", "sad"]),)
    )
    base = {"classes": CLASSES, "encoders": {"text": ENCODER}, "tune": 0, "dropped": {}}
    return Evaluation(base | dict(about or {}), (fold,), rows, (system,))


def describe_tuned_encoder(train: int, test: int, **entries: Any) -> dict[str, Any]:
    """Return the `about` of an encoder that was fine-tuned on this number of training and test utterances."""
    return {"encoders": {"text": {**ENCODER, "tuned_on": {"1": {"train": train, "test": test}}, **entries}}}
