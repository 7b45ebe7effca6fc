"""Train on one device, with the precision that it has."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
import transformers as hf

from featurestore.errors import BadValue
from featurestore.finetuning.settings import Settings
from featurestore.networks.device import choose_device

_TF32 = 8  # major compute capability of the first GPUs with TensorFloat-32
DTYPES = {"float32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True)
class TrainingDevice:
    """The device of a training, or of one of its processes.

    Args:
        name: `cpu`, `cuda`, `cuda:1` or `mps`.
        precision: `float32`, `bf16` or `fp16`.
    """

    name: str
    precision: str

    @property
    def torch(self) -> torch.device:
        """The device as torch knows it; a GPU always with its number."""
        return torch.device("cuda", self.index) if self.is_cuda else torch.device(self.name)

    @property
    def is_cuda(self) -> bool:
        """Whether it is a GPU of CUDA."""
        return self.name.startswith("cuda")

    @property
    def index(self) -> int:
        """Number of the GPU, as torch counts those that are visible."""
        return int(self.name.partition(":")[2] or 0)

    @property
    def has_tf32(self) -> bool:
        """Whether its float32 products may be rounded to TensorFloat-32."""
        return self.is_cuda and torch.cuda.get_device_capability(self.index)[0] >= _TF32

    def choose_own(self, process: int) -> "TrainingDevice":
        """Return the device of one process among several, by its number from 0: a GPU of its own, or the CPU."""
        return replace(self, name=f"cuda:{process}") if self.is_cuda else self

    def describe(self) -> dict[str, Any]:
        """Return what a record says of it."""
        gpu = {"gpu": torch.cuda.get_device_name(self.index)} if self.is_cuda else {}
        tf32 = {"tf32": True} if self.has_tf32 and self.precision == "float32" else {}
        return {"device": self.name, **gpu, "precision": self.precision, **tf32}


def choose_training_device(settings: Settings) -> TrainingDevice:
    """Choose the device and its precision.

    Raises:
        BadValue: the device lacks the precision that is asked for.
    """
    name = settings.device or choose_device()
    wanted = settings.precision
    has_bf16 = name.startswith("cuda") and torch.cuda.is_bf16_supported(including_emulation=False)
    if wanted == "auto":
        return TrainingDevice(name, "bf16" if has_bf16 else "float32")
    if wanted == "fp16" and not name.startswith("cuda"):
        raise BadValue(
            f"--precision fp16 needs a GPU of CUDA, and the device is {name}",
            expected="float32, or bf16 on a CPU",
            do="use --precision auto",
        )
    if wanted == "bf16" and not has_bf16 and name != "cpu":
        raise BadValue(
            f"device {name} has no bf16 arithmetic", expected="float32 or fp16", do="use --precision auto, or fp16"
        )
    return TrainingDevice(name, wanted)


@contextmanager
def use_device(device: TrainingDevice) -> Iterator[None]:
    """Make a GPU the current one, with TensorFloat-32 where it has it, and restore both afterwards."""
    if not device.is_cuda:
        yield
        return
    before = torch.get_float32_matmul_precision()
    with torch.cuda.device(device.index):
        torch.set_float32_matmul_precision("high" if device.has_tf32 else before)
        try:
            yield
        finally:
            torch.set_float32_matmul_precision(before)


@dataclass
class OneDeviceArguments(hf.TrainingArguments):
    """Arguments of a trainer that uses one device, however many GPUs there are.

    Transformers itself takes every visible GPU into one process (`DataParallel`), the first one as their head.

    Args:
        gpu: number of the GPU that is used where it is one.
    """

    gpu: int = 0

    @property
    def n_gpu(self) -> int:
        """Number of GPUs: 1, or 0 on a CPU."""
        return min(1, int(super().n_gpu))

    @property
    def device(self) -> torch.device:
        """The device of the training."""
        found: torch.device = super().device  # sets up the process, and makes the first GPU the current one
        if found.type != "cuda":
            return found
        torch.cuda.set_device(self.gpu)
        return torch.device("cuda", self.gpu)


def make_arguments(
    settings: Settings, device: TrainingDevice, micro: int, scoring: int, folder: str, *, evaluated: bool
) -> Any:
    """Make the trainer's arguments.

    Args:
        settings: of the training.
        device: to train on.
        micro: utterances in memory at once.
        scoring: likewise where they are only scored.
        folder: where checkpoints go.
        evaluated: whether a part is scored after every epoch.
    """
    schedules = {"constant": "constant_with_warmup"}  # transformers' own `constant` ignores the warm-up
    return OneDeviceArguments(
        gpu=device.index,
        output_dir=folder,
        num_train_epochs=settings.epochs,
        per_device_train_batch_size=micro,
        gradient_accumulation_steps=-(-settings.batch_size // (micro * settings.processes)),
        per_device_eval_batch_size=scoring,
        learning_rate=settings.learning_rate,
        lr_scheduler_type=schedules.get(settings.schedule, settings.schedule),
        warmup_steps=settings.warmup_steps,
        optim="adamw_torch_fused" if device.is_cuda else "adamw_torch",
        adam_epsilon=settings.epsilon,
        weight_decay=settings.weight_decay,
        max_grad_norm=settings.clip,
        bf16=device.precision == "bf16",
        fp16=device.precision == "fp16",
        use_cpu=device.name == "cpu",
        seed=settings.seed,
        data_seed=settings.seed,
        logging_strategy="steps",
        logging_steps=1,  # every step, so that an epoch's mean loss survives a restart in the middle of it
        logging_nan_inf_filter=False,
        eval_strategy="epoch" if evaluated else "no",
        save_strategy="epoch",
        save_total_limit=2,
        average_tokens_across_devices=False,  # the loss is divided by the utterances of all processes already
        ddp_find_unused_parameters=True,  # LayerDrop leaves layers out, and some weights are never used
        remove_unused_columns=False,
        label_names=["labels"],
        dataloader_pin_memory=device.is_cuda,
        disable_tqdm=True,
        report_to="none",
        log_level="error",
    )
