"""Refuse settings of fine-tuning that are invalid or contradict each other, before anything is loaded."""

from collections.abc import Sequence

from featurestore.errors import BadValue
from featurestore.finetuning.augmentation import list_effects
from featurestore.finetuning.mask_options import check_masks, read_masks
from featurestore.finetuning.processes_check import check_processes
from featurestore.finetuning.settings import PRECISIONS, SCHEDULES, SELECTIONS, Settings
from featurestore.finetuning.tensorboard import check_tensorboard
from featurestore.finetuning.trained_parts_check import check_trained_parts
from featurestore.networks.device import check_device
from featurestore.networks.text_context import check_context

MOST_DEV = 0.5


def check_settings(settings: Settings, modality: str) -> None:
    """Check settings.

    Raises:
        BadValue: a value is invalid, two settings contradict each other, or this modality or machine lacks one.
        Unavailable: a package that a setting needs is not installed.
    """
    _check_values(settings)
    _check_selection(settings)
    _check_cut(settings)
    check_trained_parts(settings)
    _check_modality(settings, modality)
    if settings.device is not None:
        check_device(settings.device)
    check_processes(settings)
    if settings.tensorboard:
        check_tensorboard()


def _check_values(settings: Settings) -> None:
    _check_choice("--select", settings.select, SELECTIONS)
    _check_choice("--precision", settings.precision, PRECISIONS)
    _check_choice("--schedule", settings.schedule, SCHEDULES)
    if not 0 <= settings.dev <= MOST_DEV:
        raise BadValue(f"invalid share --dev {settings.dev:g}", expected=f"0 to {MOST_DEV:g}; 0 for no dev part")
    for name in ("epochs", "batch_size", "micro_batch", "processes"):
        _check_at_least(name, getattr(settings, name), 1)
    for name in ("patience", "accumulate", "workers", "warmup_steps", "weight_decay"):
        _check_at_least(name, getattr(settings, name), 0)


def _check_choice(option: str, value: str, known: Sequence[str]) -> None:
    if value not in known:
        raise BadValue(f"invalid {option} {value!r}", expected=", ".join(known))


def _check_at_least(name: str, value: float | None, least: int) -> None:
    if value is not None and value < least:
        raise BadValue(f"invalid --{name.replace('_', '-')} {value:g}", expected=f"{least} or more")


def _check_selection(settings: Settings) -> None:
    if settings.dev == 0 and settings.select == "best-dev":
        raise BadValue(
            "--select best-dev needs a dev part, and --dev 0 leaves none",
            expected="--dev above 0, or --select last",
            do="add --select last, which keeps the weights of the last epoch",
        )
    if settings.dev == 0 and settings.patience:
        raise BadValue(
            f"--patience {settings.patience} needs a dev part, and --dev 0 leaves none",
            expected="--dev above 0, or --patience 0",
            do="leave --patience out",
        )
    if settings.test_every_epoch and settings.dev:
        raise BadValue(
            "test_every_epoch is for training without a dev part, as in the paper",
            expected="dev 0 and select last",
            got=f"dev {settings.dev:g}",
        )


def _check_cut(settings: Settings) -> None:
    if settings.accumulate and settings.micro_batch is not None:
        raise BadValue(
            "--accumulate and --micro-batch contradict each other: both say how a batch is cut",
            got=f"--accumulate {settings.accumulate} and --micro-batch {settings.micro_batch}",
            do="leave one of them out",
        )
    if settings.accumulate > settings.batch_size:
        raise BadValue(
            f"a batch of {settings.batch_size} cannot be cut into {settings.accumulate} parts",
            expected=f"--accumulate 1 to {settings.batch_size}, or a larger --batch-size",
        )


def _check_modality(settings: Settings, modality: str) -> None:
    """Raise BadValue for a setting that this modality does not have."""
    check_context(settings.context)
    check_masks(read_masks(settings), modality)
    if list_effects(settings.augment) and modality != "audio":
        raise BadValue(
            "only the clips of an audio encoder are varied",
            expected="--augment with --modality audio",
            got=f"--augment {settings.augment} with --modality {modality}",
            do="leave --augment out",
        )
    if settings.context and modality != "text":
        raise BadValue(
            "only a text encoder is fine-tuned with context",
            expected="--context with --modality text",
            got=f"--context {settings.context} with --modality {modality}",
            do="leave --context out",
        )
    if settings.ctc_weight < 0:
        raise BadValue(f"invalid CTC weight {settings.ctc_weight:g}", expected="0 or more; 0.1 as published")
    if settings.ctc_weight and modality != "audio":
        raise BadValue(
            "only an audio encoder learns to spell its transcripts",
            expected="--ctc-weight with --modality audio",
            got=f"--ctc-weight {settings.ctc_weight:g} with --modality {modality}",
            do="leave --ctc-weight out",
        )
