"""The context heads on a corpus of IEMOCAP's size: 60 epochs on 7,433 turns of 1,024 columns in 151 dialogues.

Bar: under 180 s for each on 2 cores. The reference is the logistic head on the same columns without the dialogues, in
the same run. All epochs are run: no part is kept aside to end them. The features are drawn.
"""

import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.speed import _machine
from benchmarks.speed._row import Measurement, compare_repeats, summarize
from featurestore import registry
from featurestore.head_inputs import DIALOGUE, list_taken
from heads import Block, Inputs, Turns

TURNS, DIALOGUES, WIDTH, LONGEST = 7433, 151, 1024, 110
EPOCHS, BAR = 60, 180.0  # seconds
CLASSES = np.array(["angry", "excited", "frustrated", "happy", "neutral", "sad"])


def measure(folder: Path, small: bool) -> list[Measurement]:
    """Time one fit of each context head."""
    inputs, y = _draw(24, 2, 8) if small else _draw(TURNS, DIALOGUES, WIDTH)
    epochs, threads = 1 if small else EPOCHS, torch.get_num_threads()
    if not small:  # the tests of a machine that is busy would wait for each other's threads
        torch.set_num_threads(_machine.count_cores())
    try:
        reference = _time(registry.load("heads", "logistic")(), inputs.matrix, y)
        return [row for head in _list_context_heads() for row in _measure(head, inputs, y, epochs, reference)]
    finally:
        torch.set_num_threads(threads)


def _list_context_heads() -> list[str]:
    return [head for head in registry.names("heads") if DIALOGUE in list_taken(registry.load("heads", head)())]


def _measure(head: str, inputs: Inputs, y: np.ndarray, epochs: int, reference: float) -> list[Measurement]:
    settings = {"epochs": epochs, "validation_fraction": 0.0, "device": "cpu", "random_state": 0}
    taken = _time(registry.load("heads", head)(**settings), inputs, y)
    size = f"{epochs} epochs, {len(y):,} turns x {inputs.width:,}, {torch.get_num_threads()} threads"
    return [
        summarize(head, [taken], "s", size, bar=BAR),
        compare_repeats(head, "logistic", [taken], [reference], "s", size),
    ]


def _time(estimator: Any, X: Any, y: np.ndarray) -> float:
    started = time.perf_counter()
    estimator.fit(X, y)
    return time.perf_counter() - started


def _draw(turns: int, dialogues: int, width: int) -> tuple[Inputs, np.ndarray]:
    """Draw turns of two speakers in dialogues of different length, as one block of text and one of audio."""
    random = np.random.default_rng(0)
    borders = np.sort(random.choice(np.arange(1, turns), dialogues - 1, replace=False))
    lengths = np.diff([0, *borders, turns])
    while lengths.max() > LONGEST:  # move turns from the longest dialogue to the shortest
        lengths[lengths.argmin()] += lengths.max() - LONGEST
        lengths[lengths.argmax()] = LONGEST
    codes = random.integers(0, len(CLASSES), turns)
    means = 0.1 * random.standard_normal((len(CLASSES), width))
    X = (means[codes] + random.standard_normal((turns, width))).astype(np.float32)
    position = np.concatenate([np.arange(length) for length in lengths])
    place = Turns(np.repeat(np.arange(dialogues), lengths).astype(str), position, np.array(["A", "B"])[position % 2])
    half = width // 2
    blocks = (Block("text.mean", "text", (half,)), Block("audio.mean", "audio", (width - half,)))
    return Inputs(X, blocks, turns=place), CLASSES[codes]
