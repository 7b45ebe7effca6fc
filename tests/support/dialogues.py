"""Generate corpora of dialogues: noise, or what a turn is is told by the turns around it or by two modalities."""

from dataclasses import replace

import numpy as np

from heads import Block, Inputs, Turns

CLASSES = np.array(["angry", "happy", "sad"])
FEATURES = (("audio.mean", "audio", 3), ("text.mean", "text", 4))
WIDTH = sum(width for _, _, width in FEATURES)


def join(vectors, lengths, *, speakers=None, features=FEATURES):
    """Make inputs of vectors (R, D) of dialogues of some lengths, one after another; every turn is a target.

    Args:
        vectors: of all turns.
        lengths: turns of each dialogue.
        speakers: of all turns; two in turn if None.
        features: name, modality and width of each block.
    """
    blocks = tuple(Block(name, modality, (width,)) for name, modality, width in features)
    dialogue = np.repeat([f"dialogue {number}" for number in range(len(lengths))], lengths)
    position = 2 * np.concatenate([np.arange(length) for length in lengths])  # places may have gaps
    speaker = np.array([f"speaker {number % 2}" for number in range(len(vectors))] if speakers is None else speakers)
    return Inputs(vectors, blocks, turns=Turns(dialogue, position, speaker))


def draw(lengths, seed=0, *, features=FEATURES, speakers=2):
    """Draw noise for dialogues of some lengths, in which any speaker may speak, and classes at random.

    Returns:
        inputs and the class of each turn.
    """
    random = np.random.default_rng(seed)
    rows = sum(lengths)
    vectors = random.normal(size=(rows, sum(width for _, _, width in features))).astype(np.float32)
    names = [f"speaker {number}" for number in random.integers(0, speakers, rows)]
    return join(vectors, lengths, speakers=names, features=features), CLASSES[random.integers(0, 3, rows)]


def reorder(inputs, rows):
    """Put rows in another order, every one of them a target."""
    turns = inputs.turns
    turned = Turns(turns.dialogue[rows], turns.position[rows], turns.speaker[rows])
    return replace(inputs, X=inputs.X[rows], turns=turned, targets=np.arange(len(rows)))


def replace_turns(inputs, **parts):
    """Replace the dialogues, the positions or the speakers."""
    return replace(inputs, turns=replace(inputs.turns, **parts))


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


def draw_product(rows, seed=0):
    """Draw dialogues of which only the product of two signs, one of each modality's first columns, tells the class."""
    inputs, _ = draw([4] * (rows // 4), seed)
    first, second = (inputs.read_block(block)[:, 0] for block in inputs.blocks)  # views
    for column in (first, second):
        column += 0.5 * np.sign(column)
    return inputs, np.where(first * second > 0, "calm", "tense")


def _show(codes, lengths, random):
    """Make inputs whose vectors show codes (R,) in each of their blocks, beside some noise."""
    vectors = 0.3 * random.normal(size=(len(codes), WIDTH))
    for start in np.cumsum([0, *(width for _, _, width in FEATURES[:-1])]):
        vectors[np.arange(len(codes)), start + codes] += 2
    speakers = [f"speaker {number}" for number in random.integers(0, 2, len(codes))]
    return join(vectors.astype(np.float32), lengths, speakers=speakers)
