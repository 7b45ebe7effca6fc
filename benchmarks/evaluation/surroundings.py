"""Describe what a head reads beside the features of a fold: the dialogues around its turns, and their transcripts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from benchmarks.evaluation.fold_features import FoldFeatures
from benchmarks.evaluation.head_features import construct
from benchmarks.evaluation.partial_rows import list_usable
from benchmarks.evaluation.recognized import read_words
from benchmarks.evaluation.task import Task
from featurestore.errors import Mismatch
from featurestore.folds.fold import Fold
from featurestore.head_inputs import DIALOGUE, WORDS, TurnPlace, list_taken


@dataclass(frozen=True)
class Surroundings:
    """What a head reads beside the features; empty for a head that reads features alone.

    Args:
        turns: the place of every utterance of the fold and of `context_ids`, by id.
        context_ids: turns without a class in dialogues of the fold, which a head reads and neither learns nor predicts.
        words: the transcript of each utterance of the fold, by id: the corpus's words, or recognized ones where all
            text features of the run read the same transcript, or a head of words alone was given one.
        context: what the head sees of a dialogue: `whole dialogue`, `past turns`, or nothing (empty).
    """

    turns: Mapping[str, TurnPlace] = field(default_factory=dict)
    context_ids: tuple[str, ...] = ()
    words: Mapping[str, str] = field(default_factory=dict)
    context: str = ""


def describe_surroundings(
    task: Task, fold: Fold, inputs: FoldFeatures, head: str, params: Mapping[str, Any], *, masked: bool = False
) -> Surroundings:
    """Describe what a head reads beside the features of a fold.

    Args:
        task: the utterances.
        fold: without utterances that lack a feature.
        inputs: its features; a turn without them cannot be context.
        head: its registry name.
        params: its settings.
        masked: whether turns that lack a modality can be context too.

    Raises:
        Mismatch: the head reads dialogues or transcripts and the manifest has none, or the order of a dialogue is
            ambiguous.
    """
    estimator = construct(head, params, task.kind)
    taken, ids = list_taken(estimator), {*fold.train, *fold.dev, *fold.test}
    words = read_words(task.store, inputs, ids) if WORDS in taken else {}
    if words and not any(words.values()):
        raise Mismatch(
            f"head {head} reads transcripts, and no utterance has one",
            do="fill the column text of the manifest, or choose another head: cli list heads",
        )
    if DIALOGUE not in taken:
        return Surroundings(words=words)
    turns = {one: place for one, place in task.turns.items() if one in ids}
    if not turns:
        raise Mismatch(
            f"head {head} reads dialogues, and no utterance of {task.store.corpus} names one",
            expected="a name in the column dialogue of every turn of a conversation",
            do="fill the column dialogue of the table and run cli prepare again, or choose a head that reads one "
            "utterance at a time, such as logistic",
        )
    context = _find_context(task, inputs, {place.dialogue for place in turns.values()}, masked)
    return Surroundings(turns | context, tuple(context), words, estimator.describe_context())


def _find_context(task: Task, inputs: FoldFeatures, dialogues: set[str], masked: bool) -> dict[str, TurnPlace]:
    """Find the turns of some dialogues that have features and no class, with their places."""
    files = [str(file) for file in inputs.all_files]
    available = list_usable(task.store, inputs) if masked else task.store.available(files)
    return {
        one: task.turns[one]
        for one in available
        if one not in task.classes and one in task.turns and task.turns[one].dialogue in dialogues
    }
