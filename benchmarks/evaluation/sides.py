"""Read both sides of a fold as a head takes them, normalized: columns, frames, dialogues and words."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from functools import partial

import numpy as np

from benchmarks.evaluation.partial_rows import normalize_partly, read_partly
from benchmarks.evaluation.run_spec import RunSpec
from benchmarks.evaluation.source import FeatureSource
from featurestore.head_inputs import DIALOGUE, WORDS, make_turns
from featurestore.normalization import Scaling, list_speakers, normalize
from heads import Inputs


def read_sides(
    store: FeatureSource, spec: RunSpec, taken: AbstractSet[str], *, streamed: bool = False
) -> tuple[Inputs, Inputs | None, Scaling | None]:
    """Read the training and the test part of a run.

    Turns without a class join the side that has every turn with a class of their dialogue. In a dialogue that the fold
    cuts, they join neither (`heads.Inputs.select`).

    Args:
        store: the features.
        spec: of the run.
        taken: what its head takes beyond a matrix.
        streamed: whether the columns are a `heads.StreamedMatrix`.

    Returns:
        The training part with the utterances of `spec.training` as targets, the test part with those of the fold
        sorted (None if it is empty), and the scaling of the training part if features are normalized by it.
    """
    train_ids, test_ids = spec.training, sorted(spec.fold.test)
    if DIALOGUE in taken:
        ids = [*train_ids, *test_ids, *spec.surroundings.context_ids]
        border, end = len(train_ids), len(train_ids) + len(test_ids)
        both = replace(_read(store, spec, ids, taken, streamed), targets=np.arange(end))
        train, test = both.select(np.arange(border)), both.select(np.arange(border, end)) if test_ids else None
    else:
        train = _read(store, spec, train_ids, taken, streamed)
        test = _read(store, spec, test_ids, taken, streamed) if test_ids else None
    other = train.select([]) if test is None else test
    speakers = _list_speakers(spec, train, train_ids), _list_speakers(spec, test, test_ids)
    if spec.missing:
        X, Z, scaling = normalize_partly(train, other, spec.normalize, speakers)
    else:
        X, Z, scaling = normalize(train.X, other.X, spec.normalize, speakers)
    return replace(train, X=X), test and replace(test, X=Z), scaling


def list_widths(inputs: Inputs) -> dict[str, int]:
    """List the number of columns of each block, and of dimensions of each feature of frames, by name."""
    return {block.name: block.width for block in inputs.blocks} | {one.name: one.width for one in inputs.frames}


def _read(store: FeatureSource, spec: RunSpec, ids: Sequence[str], taken: AbstractSet[str], streamed: bool) -> Inputs:
    read = partial(read_partly, store, spec.inputs) if spec.missing else partial(spec.inputs.read, store)
    return replace(
        read(ids, streamed=streamed),
        turns=make_turns(ids, spec.surroundings.turns, spec.speakers) if DIALOGUE in taken else None,
        words=tuple(spec.surroundings.words[one] for one in ids) if WORDS in taken else None,
    )


def _list_speakers(spec: RunSpec, inputs: Inputs | None, ids: Sequence[str]) -> list[str]:
    """List the speaker of each row: of the targets, or of all turns where there are dialogues."""
    if inputs is None or inputs.turns is None:
        return list_speakers(spec.speakers, ids)
    found: list[str] = inputs.turns.speaker.tolist()
    return found
