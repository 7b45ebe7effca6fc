"""Train a classifier with transformers' Trainer, without its output, reproducible by seed, resumable at any moment."""

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers as hf
from torch import nn
from transformers.trainer_utils import EvalPrediction

from featurestore.errors import BadValue, format_count
from featurestore.finetuning.inputs.ctc import CtcObjective
from featurestore.finetuning.inputs.data import Collator
from featurestore.finetuning.inputs.loading_workers import choose_workers
from featurestore.finetuning.inputs.selection import Selection
from featurestore.finetuning.network.network_layers import NetworkLayers
from featurestore.finetuning.options.settings import Settings
from featurestore.finetuning.training.class_loss import ClassLoss, make_class_loss
from featurestore.finetuning.training.encoder_trainer import CLIP_LOSS, NOT_READ, EncoderTrainer, explain_failures
from featurestore.finetuning.training.history import (
    MEASURED,
    choose_epoch,
    count_confusions,
    find_best,
    is_stopped,
    score,
    summarize_log,
)
from featurestore.finetuning.training.kept_weights import UNTRAINED, KeptWeights
from featurestore.finetuning.training.micro_batch import (
    choose_micro_batch,
    choose_scoring_batch,
    keep_for_resuming,
)
from featurestore.finetuning.training.process_group import wait_for_others
from featurestore.finetuning.training.tensorboard import make_tensorboard_callback
from featurestore.finetuning.training.training_device import (
    DTYPES,
    TrainingDevice,
    choose_training_device,
    make_arguments,
    use_device,
)
from featurestore.finetuning.training.training_reporter import TrainingReporter, find_last_checkpoint, format_scores
from featurestore.networks.memory import means_out_of_memory, release_memory
from featurestore.progress import Say


@dataclass(frozen=True)
class Trained:
    """What came of a training.

    Args:
        history: for every epoch `epoch`, `loss` and `training_accuracy` (means over its clips), `steps` (loss and
            accuracy along the epoch, at most `POINTS` means each) and, where a part is scored after every epoch,
            `held_out_loss` (cross entropy), `accuracy`, `unweighted_average_recall` and `confusion` (C true, C
            predicted). With a second loss, `loss` is the sum of both, and `ctc_loss` the second one's mean per
            transcript.
        epoch: the one whose weights the network now has.
        test: `n`, `loss` and the same scores on the test part; empty where it is.
        log: of the trainer, one entry per step.
        used: the device, the precision, the micro-batch and the number of processes.
    """

    history: list[dict[str, Any]]
    epoch: int
    test: dict[str, Any]
    log: list[dict[str, Any]]
    used: dict[str, Any]


def train(
    model: nn.Module,
    parts: Selection,
    settings: Settings,
    folder: Path,
    say: Say,
    ctc: CtcObjective | None = None,
    layers: NetworkLayers | None = None,
) -> Trained:
    """Train a model in place, from the last complete checkpoint in `folder` if there is one.

    Args:
        model: a classifier of transformers, in float32. It ends with the weights of the epoch that is kept.
        parts: what is trained on, and what is scored.
        settings: of the training.
        folder: where checkpoints go during training.
        say: receives lines for the user.
        ctc: a second loss on the transcripts, of a network with its layer; None for the cross entropy alone.
        layers: places of the network's weights, where their rates depend on them.

    Raises:
        BadValue: the device lacks the precision.
        Unavailable: out of memory, the loss is not finite, the network fails on its inputs, or TensorBoard is missing.
    """
    device = choose_training_device(settings)
    with use_device(device):
        return Training(model, parts, settings, folder, say, device, ctc, layers).run()


@dataclass
class Training:
    """One training, begun again with fewer utterances in memory where they did not fit.

    Args:
        model: a classifier of transformers, in float32.
        parts: what is trained on, and what is scored.
        settings: of the training.
        folder: where checkpoints go during training.
        say: receives lines for the user.
        device: to train on.
        ctc: a second loss on the transcripts; None without.
        layers: places of the network's weights, where their rates depend on them.
    """

    model: Any
    parts: Selection
    settings: Settings
    folder: Path
    say: Say
    device: TrainingDevice
    ctc: CtcObjective | None
    layers: NetworkLayers | None
    class_loss: ClassLoss = field(init=False)
    kept: KeptWeights = field(init=False)

    def __post_init__(self) -> None:
        self.kept = KeptWeights(self.model, self.folder)
        settings, targets = self.settings, self.parts.training.targets
        classes = int(self.model.config.num_labels)
        self.class_loss = make_class_loss(settings.class_weights, settings.label_smoothing, targets, classes)

    def run(self) -> Trained:
        """Train, and score the test part."""
        if self.class_loss.weights is not None:
            self.say(f"class weights: {self.class_loss.describe_weights(self.model.config.id2label)}")
        micro = self._prepare()
        while True:
            with explain_failures(micro, str(self.model.config.model_type)):
                try:
                    return self.attempt(micro)
                except Exception as error:
                    if micro == 1 or not means_out_of_memory(error):
                        raise
            micro = self._halve(micro)

    def _prepare(self) -> int:
        """Choose the micro-batch, and keep the first weights for a training that must begin again."""
        with explain_failures(1, str(self.model.config.model_type)):
            self.model.to(self.device.torch)
            self.enable_checkpointing()
            fresh = find_last_checkpoint(self.folder) is None
            if fresh:
                self.kept.save(UNTRAINED)
            parts = (self.parts.training, self.parts.dev, self.parts.test)
            micro = choose_micro_batch(self.model, parts, self.settings, self.device, self._try_step)
            if fresh:
                self.kept.load(UNTRAINED)  # trying may have changed running means
        if self.settings.find_micro_batch() is None:
            micro = keep_for_resuming(self.folder, micro)
        elif self.device.name == "cpu":  # nothing here that the user has not asked for
            return micro
        where = self.device.name if self.settings.processes == 1 else f"{self.settings.processes} x {self.device.name}"
        self.say(f"{format_count(micro, 'utterance')} in memory at once, {where}, {self.device.precision}")
        return micro

    def enable_checkpointing(self) -> None:
        """Let the network compute its activations twice, where the settings ask for that."""
        if self.settings.gradient_checkpointing:
            _enable_checkpointing(self.model)

    def _try_step(self, batch: dict[str, torch.Tensor]) -> None:
        """Compute a loss and its gradients, as a step of the training does."""
        dtype = DTYPES[self.device.precision]
        with torch.autocast(self.device.torch.type, dtype=dtype, enabled=dtype != torch.float32):
            logits = self.model(**{name: value for name, value in batch.items() if name not in NOT_READ}).logits
        nn.functional.cross_entropy(logits.float(), batch["labels"]).backward()
        if self.ctc is not None:
            self.ctc.forget()

    def _halve(self, micro: int) -> int:
        """Halve the micro-batch, and restore the first weights where no checkpoint was saved."""
        release_memory(self.device.torch.type)
        resumed = find_last_checkpoint(self.folder) is not None
        if not resumed:
            self.kept.load(UNTRAINED)
        less = micro // 2
        where = "from the last saved state" if resumed else "from the start"
        self.say(f"out of memory with {micro} utterances in memory at once: going on with {less}, {where}")
        if self.settings.find_micro_batch() is None:
            keep_for_resuming(self.folder, less)
        return less

    def attempt(self, micro: int) -> Trained:
        """Train with so many utterances in memory at once, and score the test part."""
        trainer = self._make_trainer(micro)
        try:
            log = self._run_epochs(trainer)
            wait_for_others()  # until the first process has written the weights that are kept
            history = summarize_log(log)
            epoch = self._keep(history)
            test = self._score_test(trainer, history)
        finally:
            trainer.accelerator.unwrap_model(self.model, keep_fp32_wrapper=False)
        return Trained(history, epoch, test, log, self.describe_use(micro))

    def describe_use(self, micro: int) -> dict[str, Any]:
        """Return what a record says of the device and the cut of a batch."""
        return {**self.device.describe(), "micro_batch": micro, "processes": self.settings.processes}

    def _run_epochs(self, trainer: "EncoderTrainer") -> list[dict[str, Any]]:
        """Train the epochs that are left, and return the log. None are left where patience had ended a stopped run."""
        last = find_last_checkpoint(self.folder)
        log = _read_log(Path(last)) if last else []
        if not is_stopped(summarize_log(log), self.settings.patience):
            trainer.train(resume_from_checkpoint=last)
            log = trainer.state.log_history
        return log

    def _keep(self, history: list[dict[str, Any]]) -> int:
        """Restore the weights of the epoch that is kept, and report it."""
        settings, last = self.settings, int(history[-1]["epoch"])
        epoch = choose_epoch(history, settings.select)
        if not settings.needs_dev():
            return epoch
        if last < settings.epochs and is_stopped(history, settings.patience):
            since = format_count(settings.patience, "epoch")
            self.say(f"stopped after epoch {last} of {settings.epochs}: {since} without a better score on dev")
        self.kept.load(epoch)
        if settings.select == "best-dev":
            scores = format_scores(find_best(history), len(self.parts.dev))
            self.say(f"epoch {epoch} is kept, the best on dev: {scores}")
        return epoch

    def _score_test(self, trainer: "EncoderTrainer", history: list[dict[str, Any]]) -> dict[str, Any]:
        """Score the test part once, unless it was scored after every epoch."""
        count = len(self.parts.test)
        if not count:
            return {}
        if self.settings.test_every_epoch:
            last = history[-1]
            return {"n": count, "loss": last["held_out_loss"], **{name: last[name] for name in MEASURED}}
        metrics = trainer.predict(self.parts.test).metrics
        scores = {name: metrics[f"test_{name}"] for name in MEASURED}
        self.say(f"test part, scored once: {format_scores(scores, count)}")
        return {"n": count, "loss": metrics["test_loss"], **scores}

    def _make_trainer(self, micro: int) -> "EncoderTrainer":
        settings, classes = self.settings, int(self.model.config.num_labels)
        part, scored = self.parts.find_scored(settings)
        scoring = choose_scoring_batch(self.model.config, self.parts.training.preparer, settings, micro)
        evaluated = bool(len(scored))
        callbacks = [TrainingReporter(settings, part, len(scored), self.kept, self.say)]
        args = make_arguments(settings, self.device, micro, scoring, str(self.folder), evaluated=evaluated)
        if settings.tensorboard and args.process_index == 0:
            callbacks.append(make_tensorboard_callback(Path(settings.tensorboard)))
        trainer = EncoderTrainer(
            model=self.model,
            args=args,
            train_dataset=self.parts.training,
            eval_dataset=scored if evaluated else None,
            data_collator=Collator(self.parts.training.preparer),
            compute_metrics=partial(_measure, classes=classes),
            preprocess_logits_for_metrics=_judge,
            callbacks=callbacks,
        )
        trainer.ctc, trainer.batch_size = self.ctc, settings.batch_size
        modality = self.parts.training.preparer.modality
        trainer.workers = choose_workers(settings.workers, self.device.name, modality, settings.processes)
        trainer.layers, trainer.layer_decay, trainer.class_loss = self.layers, settings.layer_decay, self.class_loss
        trainer.remove_callback(hf.trainer_callback.PrinterCallback)
        # `compute_loss` divides by the utterances of the whole batch, whatever the model's forward may take
        trainer.model_accepts_loss_kwargs = True
        if args.process_index:  # the trainer has seeded all processes alike: each draws dropout of its own
            hf.set_seed(settings.seed + args.process_index)
        return trainer


def _enable_checkpointing(model: Any) -> None:
    """Let a network compute its activations twice instead of keeping them.

    Raises:
        BadValue: transformers cannot do so with this architecture.
    """
    if not model.supports_gradient_checkpointing:
        raise BadValue(
            f"a {model.config.model_type} network has no gradient checkpointing in transformers",
            do="leave --gradient-checkpointing out; a smaller --micro-batch takes less memory, too",
        )
    # the name of newer versions of transformers, else of older ones
    enable = getattr(model, "activation_checkpointing_enable", None) or model.gradient_checkpointing_enable
    enable({"use_reentrant": False})


def _read_log(checkpoint: Path) -> list[dict[str, Any]]:
    state = hf.TrainerState.load_from_json(str(checkpoint / hf.trainer.TRAINER_STATE_NAME))
    return list(state.log_history)


def _judge(logits: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the class that is predicted and the cross entropy, (B,) each."""
    return logits.argmax(-1), nn.functional.cross_entropy(logits.float(), labels, reduction="none")


def _measure(prediction: EvalPrediction, classes: int) -> dict[str, Any]:
    """Compute the scores of a part from what `_judge` has returned for its clips."""
    guessed, losses = prediction.predictions
    decided = EvalPrediction(guessed, prediction.label_ids)
    scores = score(decided) | {"confusion": count_confusions(decided, classes)}
    return {**scores, CLIP_LOSS: float(np.mean(losses, dtype=np.float64))}
