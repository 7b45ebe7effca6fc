"""Generated corpora of dialogues, in which what a turn is is told by the turns around it."""

from dataclasses import replace

import numpy as np

from heads import Block, Inputs, Turns

CLASSES = np.array(["angry", "happy", "sad"])
BLOCKS = (Block("audio.mean", "audio", (4,)), Block("text.mean", "text", (4,)))
WIDTH = sum(block.width for block in BLOCKS)


def join(vectors, lengths, *, speakers=None, targets=None):
    """Make inputs of vectors (R, D) of dialogues of some lengths, one after another; every turn is a target."""
    dialogue = np.repeat([f"dialogue {number}" for number in range(len(lengths))], lengths)
    position = 2 * np.concatenate([np.arange(length) for length in lengths])  # places may have gaps
    speaker = np.array([f"speaker {number % 2}" for number in range(len(vectors))] if speakers is None else speakers)
    targets = np.arange(len(vectors)) if targets is None else targets
    return Inputs(vectors, BLOCKS, turns=Turns(dialogue, position, speaker), targets=targets)


def draw(lengths, seed=0):
    """Draw inputs of noise for dialogues of some lengths, in which either of two may speak."""
    random = np.random.default_rng(seed)
    vectors = random.normal(size=(sum(lengths), WIDTH)).astype(np.float32)
    return join(vectors, lengths, speakers=[f"speaker {number}" for number in random.integers(0, 2, sum(lengths))])


def reorder(inputs, rows):
    """Put rows in another order, every one of them a target."""
    turns = inputs.turns
    turned = Turns(turns.dialogue[rows], turns.position[rows], turns.speaker[rows])
    return replace(inputs, X=inputs.X[rows], turns=turned, targets=np.arange(len(rows)))


def draw_where_the_previous_turn_tells(dialogues, seed):
    """Draw dialogues in which a turn's vector shows the class of the next turn, and nothing of its own.

    The first turn of a dialogue follows nothing and has no class.

    Returns:
        inputs and the class of each target.
    """
    random = np.random.default_rng(seed)
    lengths = random.integers(4, 12, dialogues)
    codes = random.integers(0, len(CLASSES), lengths.sum())
    inputs = _show(np.roll(codes, -1), lengths, random)  # a last turn shows the next dialogue's first, which has none
    targets = np.flatnonzero(inputs.turns.position)
    return replace(inputs, targets=targets), CLASSES[codes[targets]]


def draw_where_context_turns_tell(dialogues, seed):
    """Draw dialogues in which every other turn has no class and shows that of the next, whose own vector is noise.

    Returns:
        inputs and the class of each target.
    """
    random = np.random.default_rng(seed)
    lengths = 2 * random.integers(2, 5, dialogues)
    codes = random.integers(0, len(CLASSES), lengths.sum() // 2)
    inputs = _show(np.repeat(codes, 2), lengths, random)
    targets = np.arange(1, lengths.sum(), 2)
    inputs.X[targets] = random.normal(size=(len(targets), WIDTH))
    return replace(inputs, targets=targets), CLASSES[codes]


def _show(codes, lengths, random):
    """Make inputs whose vectors show codes (R,) in each of their blocks, beside some noise."""
    vectors = 0.3 * random.normal(size=(len(codes), WIDTH))
    for start in np.cumsum([0, *(block.width for block in BLOCKS[:-1])]):
        vectors[np.arange(len(codes)), start + codes] += 2
    speakers = [f"speaker {number}" for number in random.integers(0, 2, len(codes))]
    return join(vectors.astype(np.float32), lengths, speakers=speakers)
