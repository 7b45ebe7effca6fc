"""Refuse settings of fine-tuning that are invalid or contradict each other, before anything is loaded."""

from collections.abc import Sequence

from featurestore.errors import BadValue
from featurestore.finetuning.inputs.augmentation import list_effects
from featurestore.finetuning.options.mask_options import check_masks, read_masks
from featurestore.finetuning.options.settings import PRECISION_CHOICES, SCHEDULES, SELECTIONS, Settings
from featurestore.finetuning.processes_check import check_processes
from featurestore.finetuning.trained_parts_check import check_trained_parts
from featurestore.finetuning.training.tensorboard import check_tensorboard
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
    _check_choice("--precision", settings.precision, PRECISION_CHOICES)
    _check_choice("--schedule", settings.schedule, SCHEDULES)
    if not 0 <= settings.dev <= MOST_DEV:
        raise BadValue(f"invalid share --dev {settings.dev:g}", expected=f"0 to {MOST_DEV:g}; 0 for no dev part")
    for name in ("epochs", "batch_size", "micro_batch", "processes"):
        _check_at_least(name, getattr(settings, name), 1)
    for name in ("patience", "accumulate", "workers", "warmup_steps", "weight_decay", "ctc_weight"):
        _check_at_least(name, getattr(settings, name), 0)
    for name in ("learning_rate", "max_seconds"):
        _check_above_0(name, getattr(settings, name))


def _check_choice(option: str, value: str, known: Sequence[str]) -> None:
    if value not in known:
        raise BadValue(f"invalid {option} {value!r}", expected=", ".join(known))


def _check_at_least(name: str, value: float | None, least: int) -> None:
    if value is not None and not value >= least:
        raise BadValue(f"invalid {_name_option(name)} {value:g}", expected=f"{least} or more")


def _check_above_0(name: str, value: float | None) -> None:
    if value is not None and not value > 0:
        raise BadValue(f"invalid {_name_option(name)} {value:g}", expected="more than 0")


def _name_option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


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
    augment, weight = ",".join(list_effects(settings.augment)), settings.ctc_weight
    for option, value, needed, what in (
        ("--augment", augment, "audio", "only the clips of an audio encoder are varied"),
        ("--context", settings.context, "text", "only a text encoder is fine-tuned with context"),
        (
            "--ctc-weight",
            f"{weight:g}" if weight else "",
            "audio",
            "only an audio encoder learns to spell its transcripts",
        ),
        ("--max-seconds", settings.max_seconds, "audio", "only clips have a length in seconds"),
    ):
        if value and modality != needed:
            raise BadValue(
                what,
                expected=f"{option} with --modality {needed}",
                got=f"{option} {value} with --modality {modality}",
                do=f"leave {option} out",
            )
