"""Train with several processes that share every batch: on a GPU each, or with a thread each on a CPU."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from featurestore.finetuning.kept_weights import FINISHED
from featurestore.finetuning.micro_batch import free_memory
from featurestore.finetuning.network_recipe import NetworkRecipe
from featurestore.finetuning.process_group import join_group
from featurestore.finetuning.processes import run_processes
from featurestore.finetuning.selection import Selection
from featurestore.finetuning.silence import silence_transformers
from featurestore.finetuning.training import explain_failures
from featurestore.finetuning.training_device import TrainingDevice, choose_training_device, use_device
from featurestore.finetuning.training_run import Trained, Training
from featurestore.progress import Say

_MEETING = "processes.store"


@dataclass(frozen=True)
class SharedJob:
    """What the processes of a training need.

    Args:
        recipe: of the network, which each of them makes anew.
        parts: what is trained on, and what is scored.
        folder: where checkpoints go during training.
        device: of the training.
        micro: utterances in memory of a process at once.
    """

    recipe: NetworkRecipe
    parts: Selection
    folder: Path
    device: TrainingDevice
    micro: int


def train_shared(model: Any, recipe: NetworkRecipe, parts: Selection, folder: Path, say: Say) -> Trained:
    """Train a model in place by several processes, as `train` does in this one.

    Args:
        model: as the recipe makes it, with the same parts to train.
        recipe: of the network, with the settings of the training.
        parts: what is trained on, and what is scored.
        folder: where checkpoints go during training.
        say: receives lines for the user.

    Raises:
        BadValue, Unavailable: as `train` raises.
        Unavailable: a process has ended by itself.
    """
    device = choose_training_device(recipe.settings)
    with use_device(device):
        return SharedTraining(model, parts, recipe.settings, folder, say, device, None, None, recipe).run()


@dataclass
class SharedTraining(Training):
    """A training whose epochs run in other processes. This one chooses the micro-batch and receives the weights."""

    recipe: NetworkRecipe

    def attempt(self, micro: int) -> Trained:
        """Train by processes with so many utterances in the memory of each at once."""
        self.model.cpu()
        free_memory()
        count, meeting = self.settings.processes, self.folder / _MEETING
        meeting.unlink(missing_ok=True)
        job = SharedJob(self.recipe, replace(self.parts, left_out={}), self.folder, self.device, micro)
        try:
            done: Trained = run_processes(train_share, job, count, self.say)
        finally:
            meeting.unlink(missing_ok=True)
        self.kept.load(FINISHED)
        return replace(done, used=self.describe_use(micro))


def train_share(process: int, job: SharedJob, say: Say) -> Trained | None:
    """Train one process's share of every batch. The first process leaves the weights beside the checkpoints.

    Args:
        process: its number, from 0.
        job: of all processes.
        say: receives lines of the first one.

    Returns:
        What came of the training, in the first process.

    Raises:
        OutOfMemoryError: the utterances do not fit into the memory of the GPU.
        Problem: as `train` raises.
    """
    recipe, device = job.recipe, job.device.choose_own(process)
    count, meeting = recipe.settings.processes, job.folder / _MEETING
    with join_group(process, count, meeting, gpu=device.is_cuda), silence_transformers(), use_device(device):
        model, processor = recipe.load(_say_nothing)
        layers = recipe.restrict(model, processor, _say_nothing).layers
        heard = _say_nothing if process else say
        training = Training(model, job.parts, recipe.settings, job.folder, heard, device, None, layers)
        done = _attempt(training, job.micro)
        if process:
            return None
        training.kept.save(FINISHED)
        return done


def _attempt(training: Training, micro: int) -> Trained:
    """Train, and explain every failure but a lack of memory, which is for the parent to mend."""
    lacking: torch.OutOfMemoryError
    with explain_failures(micro, str(training.model.config.model_type)):
        try:
            training.enable_checkpointing()
            return training.attempt(micro)
        except torch.OutOfMemoryError as error:
            lacking = error
    raise lacking


def _say_nothing(_: str) -> None:
    pass
