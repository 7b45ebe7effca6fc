"""Have the clips of a training part varied, and report how many are."""

from dataclasses import replace

import numpy as np
import torch

from featurestore.finetuning.inputs.augmentation import PROBABILITY, RANGES, Augmentation, change_gain, list_effects
from featurestore.finetuning.inputs.clip_cache import hold_waveform
from featurestore.finetuning.inputs.data import Preparer, TrainingPart
from featurestore.finetuning.options.settings import Settings
from featurestore.item import Item
from featurestore.progress import Say

_UNITS = {"speed": "", "noise": " dB", "gain": " dB"}
_SAME = 1e-3  # of inputs around 1; rounding leaves 1e-6


def augment_part(part: TrainingPart, settings: Settings, say: Say) -> TrainingPart:
    """Return the part with the effects that the settings ask for, or the part itself.

    Args:
        part: to train on. Clips are varied only where they are asked for with an epoch.
        settings: of the training.
        say: receives a line about the effects, and one about a gain that the network does not notice.
    """
    effects, rate = list_effects(settings.augment), part.preparer.rate
    if not effects or rate is None:
        return part
    ranges = ", ".join(f"{name} {RANGES[name][0]:g} to {RANGES[name][1]:g}{_UNITS[name]}" for name in effects)
    say(f"training clips are varied, each effect with a probability of {PROBABILITY:g}: {ranges}")
    if "gain" in effects and not _reads_loudness(part.preparer, rate):
        say("gain changes nothing here: the checkpoint's feature extractor normalizes the loudness of every clip")
    augmentation = Augmentation(effects, settings.seed, rate, part.preparer.shortest, max(part.samples))
    return replace(part, augmentation=augmentation)


def _reads_loudness(preparer: Preparer, rate: int) -> bool:
    """Tell whether a louder clip gives other inputs, tried on a second of noise."""
    wave = np.random.default_rng(0).normal(0, 0.1, max(rate, preparer.shortest)).astype(np.float32)
    quiet, loud = (
        preparer.batch([preparer.load(hold_waveform(Item("", None, ""), change_gain(wave, gain), rate))])
        for gain in RANGES["gain"]
    )
    return any(not torch.allclose(quiet[name].float(), loud[name].float(), atol=_SAME) for name in quiet)
