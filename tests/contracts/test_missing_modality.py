"""Every head, wrapped: it predicts utterances without a modality, from what they have alone, also once it is saved."""

from dataclasses import replace

import numpy as np
import pytest

from featurestore import registry
from heads import Block, Frames, Inputs, MissingModalityHead, Turns
from tests.support.quick_heads import construct_seeded
from tests.support.utterances import draw_frames

HEADS = registry.names("heads")
WIDTHS = {"audio": 3, "text": 4}
ROWS = 24


def make(head):
    """Construct a wrapped head that is fitted in one epoch, if it learns in epochs."""
    estimator = construct_seeded(head)
    if "epochs" in estimator.get_params():
        estimator.set_params(epochs=1)
    return MissingModalityHead(estimator, dropout=0.25, random_state=0)


def draw(head):
    """Draw what a head reads: columns, frames and dialogues of three turns, of which some lack a modality."""
    random, takes = np.random.default_rng(0), head.estimator.takes
    modalities = head.estimator.list_modalities() or tuple(WIDTHS)
    has_blocks, has_frames = "blocks" in takes or not takes, "frames" in takes
    widths = WIDTHS if has_blocks else {}
    present = {name: np.arange(ROWS) % 6 != number for number, name in enumerate(modalities)}
    return Inputs(
        random.normal(size=(ROWS, sum(widths.values()))).astype(np.float32),
        tuple(Block(f"{name}.mean", name, (width,)) for name, width in widths.items()),
        tuple(
            Frames(f"{name}.frames", name, draw_frames(random, random.integers(1, 9, ROWS), WIDTHS[name]))
            for name in (modalities if has_frames else ())
        ),
        Turns(np.repeat(np.arange(ROWS // 3), 3).astype(str), np.arange(ROWS) % 3, np.full(ROWS, "")),
        present=present,
    )


def disturb(inputs):
    """Replace the placeholders of absent modalities by large numbers."""
    X, start = inputs.X.copy(), 0
    for block in inputs.blocks:
        if block.modality in inputs.present:
            X[~inputs.present[block.modality], start : start + block.width] = 1e4
        start += block.width
    frames = []
    for one in inputs.frames:
        there = inputs.present[one.modality]
        kept = [
            rows if own else np.full((5, one.width), 1e4, np.float32) for rows, own in zip(one.rows, there, strict=True)
        ]
        frames.append(replace(one, rows=kept))
    return replace(inputs, X=X, frames=tuple(frames))


@pytest.mark.parametrize("head", HEADS)
def test_a_wrapped_head_predicts_without_a_modality(head, tmp_path):
    wrapped = make(head)
    inputs = draw(wrapped)
    wrapped.fit(inputs, np.resize(["angry", "happy"], ROWS))
    found = wrapped.predict_proba(inputs)
    assert found.shape == (ROWS, 2)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)
    assert np.array_equal(wrapped.predict_proba(disturb(inputs)), found)
    wrapped.save_weights(tmp_path)
    again = make(head)
    again.classes_, again.n_features_in_ = wrapped.classes_, wrapped.n_features_in_
    again.load_weights(tmp_path)
    assert np.array_equal(again.predict_proba(inputs), found)
    hidden = replace(inputs, present={name: np.zeros(ROWS, bool) for name in list(inputs.present)[:1]})
    np.testing.assert_allclose(again.predict_proba(hidden).sum(axis=1), 1, atol=1e-5)
