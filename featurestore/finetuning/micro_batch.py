"""Choose how many utterances are in memory at once, by trying on a GPU and by an estimate on a CPU."""

import gc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn

from featurestore.finetuning.ctc import TranscriptPreparer
from featurestore.finetuning.data import ClipPreparer, Preparer, TrainingPart
from featurestore.finetuning.settings import Settings
from featurestore.finetuning.training_device import TrainingDevice
from featurestore.finetuning.training_limits import measure_limits
from featurestore.networks.frames import ONE_LENGTH
from featurestore.networks.limits import measure_length
from featurestore.networks.supported_architectures import AUDIO, TEXT, Architecture
from featurestore.spec import WHOLE_WINDOW
from featurestore.storage.atomic import write_text

MOST_ON_CPU = 8  # more are no faster there
_MOMENTS = 2  # copies of the trained weights that AdamW keeps beside the gradients
_FILE = "micro-batch.txt"


def find_largest(run: Callable[[int], None], most: int) -> int:
    """Find by halving how many utterances fit into memory.

    Args:
        run: makes a training step with so many; raises torch.OutOfMemoryError where they do not fit.
        most: the first number to try.

    Raises:
        OutOfMemoryError: a single one does not fit.
    """
    size = most
    while True:
        try:
            run(size)
        except torch.OutOfMemoryError:
            if size == 1:
                raise
            size //= 2
        else:
            return size
        free_memory()  # here, where the error no longer holds the step's tensors


def free_memory() -> None:
    """Give the memory that torch keeps in reserve back to the GPU."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def choose_micro_batch(
    model: nn.Module,
    parts: tuple[TrainingPart, ...],
    settings: Settings,
    device: TrainingDevice,
    step: Callable[[dict[str, torch.Tensor]], None],
) -> int:
    """Choose how many utterances are in memory at once.

    Args:
        model: on the device.
        parts: the training part first; others are only scored.
        settings: of the training.
        device: to train on.
        step: computes the loss of a batch on the device, and its gradients.
    """
    asked = settings.find_micro_batch()
    if asked is not None:
        return asked
    if device.is_cuda:
        return _try_on_gpu(model, parts[0], settings, device, step)
    return _estimate_on_cpu(model, parts, settings)


def _try_on_gpu(
    model: nn.Module,
    training: TrainingPart,
    settings: Settings,
    device: TrainingDevice,
    step: Callable[[dict[str, torch.Tensor]], None],
) -> int:
    """Try the longest utterances, with memory set aside for the optimizer's moments, and for gradients in transit."""
    most, copies = settings.count_share(), _MOMENTS + (settings.processes > 1)
    longest = [training[index][0] for index in range(len(training))[-most:]]
    trained = sum(weight.numel() * weight.element_size() for weight in model.parameters() if weight.requires_grad)

    def run(size: int) -> None:
        batch = training.preparer.batch(longest[-size:]) | {
            "labels": torch.zeros(min(size, len(longest)), dtype=torch.int64)
        }
        reserve = torch.empty(copies * trained, dtype=torch.uint8, device=device.torch)
        try:
            step({name: value.to(device.torch) for name, value in batch.items()})
        finally:
            model.zero_grad(set_to_none=True)
            del reserve

    model.train()
    found = find_largest(run, most)
    free_memory()
    return found


def _estimate_on_cpu(model: nn.Module, parts: tuple[TrainingPart, ...], settings: Settings) -> int:
    most = min(MOST_ON_CPU, settings.count_share())
    clips = find_clips(parts[0].preparer)
    if clips is None:
        return most
    limits = measure_limits(clips, model, settings)
    if limits.memory is None:
        return most
    longest = max(measure_length(item) for part in parts for item in part.items)
    fitting = (size for size in range(most, 1, -1) if limits.fits(longest, size))
    return next(fitting, 1)


def find_clips(preparer: Preparer) -> ClipPreparer | None:
    """Return how clips are read. None for texts."""
    inner = preparer.clips if isinstance(preparer, TranscriptPreparer) else preparer
    return inner if isinstance(inner, ClipPreparer) else None


def choose_scoring_batch(config: Any, preparer: Preparer, settings: Settings, micro: int) -> int:
    """Choose how many utterances of a part that is only scored share a batch: one where padding would change an answer.

    Args:
        config: of the network.
        preparer: of the part.
        settings: of the training.
        micro: utterances in memory at once.
    """
    kind = str(config.model_type)
    known = {"audio": AUDIO, "text": TEXT}[preparer.modality].get(kind, Architecture())
    one_length = settings.fixed_length or (kind in ONE_LENGTH and settings.window == WHOLE_WINDOW)
    return micro if known.batchable or one_length else 1


def keep_for_resuming(folder: Path, micro: int) -> int:
    """Return the number that a stopped run has used, if it still fits, and note the one that is used now.

    The cut of a batch shapes its dropout, so a resumed run ends with the same weights only by the same cut.
    """
    path = folder / _FILE
    noted = int(path.read_text("utf-8")) if path.is_file() else micro
    write_text(path, f"{min(noted, micro)}")
    return min(noted, micro)
