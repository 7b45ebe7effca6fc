"""Generate utterances with frames or layers, and corpora whose classes show in one respect alone."""

from dataclasses import replace

import numpy as np

from heads import Block, Frames, Inputs

WORDS = np.array(["yes", "no", "well", "oh", "really"])
SAME, OTHER = "same sign", "other sign"


def draw_frames(random, lengths, width):
    """Draw clips of these lengths, each (T, width) float32."""
    return [random.normal(size=(length, width)).astype(np.float32) for length in lengths]


def make_inputs(rows, modalities=("",)):
    """Make inputs of frames alone: the clips `rows` of each modality, with words for heads that read those.

    Args:
        rows: by modality, or the same for each of them.
        modalities: names of the features' modalities.
    """
    by_modality = rows if isinstance(rows, dict) else dict.fromkeys(modalities, rows)
    frames = tuple(Frames(f"{name or 'X'}.frames", name, clips) for name, clips in by_modality.items())
    count = len(frames[0].rows)
    words = tuple(" ".join(WORDS[: 1 + number % len(WORDS)]) for number in range(count))
    return Inputs(np.empty((count, 0), np.float32), (), frames, words=words)


def keep_frames(inputs, *names):
    """Keep some features of frames."""
    return replace(inputs, frames=tuple(one for one in inputs.frames if one.name in names))


def draw_product(utterances=40, seed=0, *, widths=(("audio.frames", 3), ("text.frames", 4)), lengths=(4, 12), block=0):
    """Draw utterances of which only the product of two signs, one of audio and one of text, tells the class.

    The sign of a modality is the mean of the first dimension of its frames, in noise of 0.7 around -1 or 1.

    Args:
        utterances: N.
        seed: of the draw.
        widths: name and D of each feature of frames; its modality is the name's first word.
        lengths: least and most frames of an utterance.
        block: columns of noise as a vector `audio.functionals`.

    Returns:
        inputs and the class of each utterance.
    """
    rng = np.random.default_rng(seed)
    signs = {modality: rng.choice([-1, 1], utterances) for modality in ("audio", "text")}
    frames = []
    for name, width in widths:
        modality = name.partition(".")[0]
        rows = [0.7 * clip for clip in draw_frames(rng, rng.integers(*lengths, utterances, endpoint=True), width)]
        for clip, sign in zip(rows, signs[modality], strict=True):
            clip[:, 0] += sign
        frames.append(Frames(name, modality, rows))
    blocks = (Block("audio.functionals", "audio", (block,)),) if block else ()
    X = rng.normal(size=(utterances, block)).astype(np.float32)
    classes = np.where(signs["audio"] == signs["text"], SAME, OTHER)
    return Inputs(X, blocks, tuple(frames)), classes


def score_product(head, utterances=300):
    """Fit on a corpus of `draw_product`, and return the accuracy on another, with the features that the head reads."""
    names = [f"{modality}.frames" for modality in head.list_modalities()]
    (training, classes), (test, expected) = draw_product(500, 1), draw_product(utterances, 2)
    return head.fit(keep_frames(training, *names), classes).score(keep_frames(test, *names), expected)


def check_batch_sizes(head, inputs):
    """Assert that a fitted head answers the same in batches of 1, 8 and 64, and for each utterance alone."""
    alone = np.vstack([head.predict_proba(inputs.select([row])) for row in range(len(inputs))])
    for size in (1, 8, 64):
        np.testing.assert_allclose(head.set_params(batch_size=size).predict_proba(inputs), alone, atol=1e-5)


def draw_orders(random, pairs, width=6, longest=16):
    """Draw pairs of clips with the same frames, in rising order and in falling order, and their classes.

    The frames move from one end of a direction to the other, with noise. Whatever forgets their order sees two equal
    clips of two classes.

    Returns:
        2 * pairs clips (T, width), a rising one always before its falling twin, and their class names.
    """
    direction = np.ones(width) / np.sqrt(width)
    clips = []
    for length in random.integers(8, longest + 1, pairs):
        ramp = np.linspace(-2, 2, length)[:, None] * direction
        rising = (ramp + 0.5 * random.normal(size=(length, width))).astype(np.float32)
        clips += [rising, rising[::-1].copy()]
    return clips, np.array(["rising", "falling"] * pairs)


def draw_layers(random, count, layers=24, width=16, informative=7, noise=30.0):
    """Draw layers of which one tells four classes apart, and the others are noise at a far larger scale.

    The mean over the layers tells nothing. All columns side by side are too many for few utterances.

    Returns:
        layers (count, layers, width) float32, and class names.
    """
    centres = 1.3 * np.random.default_rng(5).normal(size=(4, width))  # the same for training and test
    codes = np.arange(count) % 4
    values = noise * random.normal(size=(count, layers, width))
    values[:, informative] = centres[codes] + random.normal(size=(count, width))
    return values.astype(np.float32), np.array(["angry", "happy", "neutral", "sad"])[codes]


def make_layer_inputs(values, name="audio.layers"):
    """Make inputs of one feature with layers (N, L, D)."""
    return Inputs(values.reshape(len(values), -1), (Block(name, "audio", values.shape[1:]),))
