"""Refuse settings of what is trained that are invalid or contradict each other."""

from featurestore.errors import BadValue
from featurestore.finetuning.network.adapters import import_peft
from featurestore.finetuning.options.settings import CLASS_WEIGHTS, FREEZE_ALL, Settings


def check_trained_parts(settings: Settings) -> None:
    """Check the settings that decide what is trained, by what rate and loss.

    Raises:
        BadValue: one is out of range, or two contradict each other.
        Unavailable: adapters are asked for, and peft is not installed.
    """
    _check_adapters(settings)
    _check_range("--freeze", settings.freeze, settings.freeze >= FREEZE_ALL, "all, or a number of layers from 0")
    _check_range("--layer-decay", settings.layer_decay, 0 < settings.layer_decay <= 1, "more than 0, at most 1")
    smoothing = settings.label_smoothing
    _check_range("--label-smoothing", smoothing, 0 <= smoothing < 1, "from 0 to less than 1; 0.1 is usual")
    weights = settings.class_weights
    _check_range("--class-weights", weights, weights in CLASS_WEIGHTS, " or ".join(CLASS_WEIGHTS))
    if settings.freeze == FREEZE_ALL and settings.layer_decay != 1:
        raise BadValue(
            "--layer-decay and --freeze all contradict each other",
            expected="layers that are trained",
            do="leave one of them out, or freeze fewer layers",
        )


def _check_adapters(settings: Settings) -> None:
    _check_range("--lora", settings.lora, settings.lora >= 0, "a rank of 1 or more; 0 for no adapters")
    if settings.lora_alpha is not None:
        _check_range(
            "--lora-alpha", settings.lora_alpha, settings.lora_alpha > 0, "more than 0; twice the rank is usual"
        )
        if not settings.lora:
            raise BadValue("--lora-alpha is the scale of adapters", expected="--lora RANK with it", do="add --lora 8")
    if settings.lora and settings.freeze == FREEZE_ALL:
        raise BadValue(
            "--lora and --freeze all contradict each other",
            expected="layers that adapters can stand on",
            do="leave one of them out, or freeze fewer layers",
        )
    if settings.lora:
        import_peft()


def _check_range(option: str, value: object, valid: bool, expected: str) -> None:
    if not valid:
        raise BadValue(f"invalid {option}", expected=expected, got=str(value))
