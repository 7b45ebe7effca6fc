"""Generate dialogues for context heads, and check what holds for all of these heads."""

from dataclasses import replace

import numpy as np

from heads import Block, Inputs, Turns

NAMES = np.array(["angry", "happy", "sad"])
BOTH = (("audio.mean", "audio", 3), ("text.mean", "text", 4))


def draw_dialogues(lengths, seed=0, features=BOTH, speakers=2):
    """Draw dialogues of some lengths with random values, and the class of each turn.

    Args:
        lengths: turns of each dialogue.
        seed: of the values, the speakers and the classes.
        features: name, modality and width of each block.
        speakers: in each dialogue at most.
    """
    rng = np.random.default_rng(seed)
    rows = sum(lengths)
    blocks = tuple(Block(name, modality, (width,)) for name, modality, width in features)
    X = rng.normal(size=(rows, sum(block.width for block in blocks)))
    dialogue = np.repeat([f"d{number}" for number in range(len(lengths))], lengths)
    position = np.concatenate([np.arange(length) for length in lengths])
    speaker = np.array([f"s{number}" for number in rng.integers(0, speakers, rows)])
    return Inputs(X, blocks, turns=Turns(dialogue, position, speaker)), NAMES[rng.integers(0, 3, rows)]


def draw_product(rows, seed=0):
    """Draw two modalities of which only the product of their first columns' signs tells the class."""
    inputs, _ = draw_dialogues([4] * (rows // 4), seed)
    first, second = inputs.X[:, 0], inputs.X[:, 3]
    for column in (first, second):  # views
        column += 0.5 * np.sign(column)
    return inputs, np.where(first * second > 0, "calm", "tense")


def split_dialogues(inputs):
    """Return the rows of each dialogue in their order."""
    names = inputs.turns.dialogue
    rows = [np.flatnonzero(names == name) for name in np.unique(names)]
    return [found[np.argsort(inputs.turns.position[found])] for found in rows]


def predict_plainly(head, inputs, answer):
    """Predict by a plain function, one dialogue at a time: (R, C).

    Args:
        head: fitted, of which the scaling is used.
        inputs: with a class for every row.
        answer: takes the standardized blocks (T, width) and the speakers of a dialogue, and returns outputs (T, C).
    """
    outputs = np.empty((len(inputs.X), len(head.classes_)))
    for rows in split_dialogues(inputs):
        blocks = [
            (inputs.read_block(block)[rows] - scaling.mean) / scaling.scale
            for block, scaling in zip(inputs.blocks, head.scaling_, strict=True)
        ]
        outputs[rows] = answer(blocks, inputs.turns.speaker[rows])
    powers = np.exp(outputs - outputs.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def shuffle_rows(inputs, seed=0):
    """Return inputs whose rows and targets are in another order, and that order."""
    order = np.random.default_rng(seed).permutation(len(inputs.X))
    return inputs.select(order), order


def check_batches(head, lengths, seed):
    """Check that answers depend neither on the batch, nor on other dialogues, nor on the order of the rows."""
    inputs, _ = draw_dialogues(lengths, seed, speakers=3)
    expected = head.set_params(batch_size=1).predict_proba(inputs)
    for size in (8, 64):
        np.testing.assert_allclose(head.set_params(batch_size=size).predict_proba(inputs), expected, atol=1e-5)
    shuffled, order = shuffle_rows(inputs, seed)
    np.testing.assert_allclose(head.predict_proba(shuffled), expected[order], atol=1e-5)
    alone = np.flatnonzero(inputs.turns.dialogue == "d0")
    np.testing.assert_allclose(head.predict_proba(inputs.select(alone)), expected[alone], atol=1e-5)


def count_changes(head, inputs, first):
    """Change every turn from a position on, and count the earlier turns whose answers change."""
    later = inputs.turns.position >= first
    values = np.where(later[:, None], inputs.X[:, ::-1] + 1, inputs.X)
    speaker = np.where(later, "someone else", inputs.turns.speaker)
    changed = replace(inputs, X=values, turns=replace(inputs.turns, speaker=speaker))
    before, after = (head.predict_proba(one)[~later] for one in (inputs, changed))
    return int((np.abs(after - before).max(axis=1) > 1e-6).sum())
