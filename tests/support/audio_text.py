"""Draw utterances with frames of audio and of text, whose class only both together tell."""

from dataclasses import replace

import numpy as np

from heads import Block, Frames, Inputs

SAME, OTHER = "same sign", "other sign"


def draw(utterances=40, seed=0, *, widths=(("audio.frames", 3), ("text.frames", 4)), lengths=(4, 12), block=0):
    """Draw inputs and classes: the class is the product of an audio sign and a text sign.

    The sign of a modality is the mean of the first dimension of its frames, in noise of 0.7 around -1 or 1.

    Args:
        utterances: N.
        seed: of the draw.
        widths: name and D of each feature; its modality is the name's first word.
        lengths: least and most frames of an utterance.
        block: columns of noise as a vector `audio.functionals`.
    """
    rng = np.random.default_rng(seed)
    signs = {modality: rng.choice([-1, 1], utterances) for modality in ("audio", "text")}
    frames = []
    for name, width in widths:
        rows = []
        for sign in signs[name.partition(".")[0]]:
            values = 0.7 * rng.normal(size=(rng.integers(*lengths, endpoint=True), width))
            values[:, 0] += sign
            rows.append(values.astype(np.float32))
        frames.append(Frames(name, name.partition(".")[0], rows))
    blocks = (Block("audio.functionals", "audio", (block,)),) if block else ()
    X = rng.normal(size=(utterances, block)).astype(np.float32)
    classes = np.where(signs["audio"] == signs["text"], SAME, OTHER)
    return Inputs(X, blocks, tuple(frames)), classes


def keep_frames(inputs, *names):
    """Keep some features of frames."""
    return replace(inputs, frames=tuple(one for one in inputs.frames if one.name in names))


def standardize(head, inputs, row):
    """Return the blocks and the frames of a row, standardized as the head measured it, in float64."""
    values = [inputs.read_block(block)[row] for block in inputs.blocks] + [one.rows[row] for one in inputs.frames]
    scaled = [(value - scaling.mean) / scaling.scale for value, scaling in zip(values, head.scaling_, strict=True)]
    return [value.astype(np.float64) for value in scaled]


def score(head, utterances=300):
    """Fit on a corpus and return the accuracy on another, with the features that the head reads."""
    names = [f"{modality}.frames" for modality in head.list_modalities()]
    (training, classes), (test, expected) = draw(500, 1), draw(utterances, 2)
    return head.fit(keep_frames(training, *names), classes).score(keep_frames(test, *names), expected)


def check_batch_sizes(head, inputs):
    """Assert that a fitted head answers the same in batches of 1, 8 and 64, and for each utterance alone."""
    alone = np.vstack([head.predict_proba(inputs.select([row])) for row in range(len(inputs))])
    for size in (1, 8, 64):
        np.testing.assert_allclose(head.set_params(batch_size=size).predict_proba(inputs), alone, atol=1e-5)
