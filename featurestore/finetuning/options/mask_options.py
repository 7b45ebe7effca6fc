"""Override the masks of SpecAugment that a checkpoint's configuration has."""

from dataclasses import dataclass
from typing import Any

from featurestore.errors import BadValue
from featurestore.finetuning.options.settings import Settings


@dataclass(frozen=True)
class MaskOptions:
    """Masks as the user wants them. None leaves the checkpoint's own.

    Args:
        time: share of a clip's frames, 0 to 1.
        time_length: frames of one mask.
        features: share of the channels, 0 to 1.
        features_length: channels of one mask.
    """

    time: float | None = None
    time_length: int | None = None
    features: float | None = None
    features_length: int | None = None

    def list_options(self) -> list[str]:
        """List the options that are given, as the user typed them."""
        values = {
            "--mask-time": self.time,
            "--mask-time-length": self.time_length,
            "--mask-features": self.features,
            "--mask-features-length": self.features_length,
        }
        return [f"{option} {value:g}" for option, value in values.items() if value is not None]


def read_masks(settings: Settings) -> MaskOptions:
    """Read the masks that settings ask for."""
    return MaskOptions(
        settings.mask_time, settings.mask_time_length, settings.mask_features, settings.mask_features_length
    )


def check_masks(masks: MaskOptions, modality: str) -> None:
    """Raise BadValue for masks out of range, and for those of a text encoder."""
    given = masks.list_options()
    if given and modality != "audio":
        raise BadValue(
            "only audio encoders have the masks of SpecAugment",
            expected=f"{given[0]} with --modality audio",
            got=f"--modality {modality}",
            do=f"leave {given[0].partition(' ')[0]} out",
        )
    for option, share in (("--mask-time", masks.time), ("--mask-features", masks.features)):
        if share is not None and not 0 <= share <= 1:
            raise BadValue(f"invalid {option} {share:g}", expected="a share, 0 to 1")
    lengths = (("--mask-time-length", masks.time_length), ("--mask-features-length", masks.features_length))
    for option, length in lengths:
        if length is not None and length < 1:
            raise BadValue(f"invalid {option} {length}", expected="1 or more")


def override_masks(config: Any, masks: MaskOptions, checkpoint: str) -> None:
    """Set the masks in a configuration of transformers.

    Args:
        config: changed in place.
        masks: as the user wants them.
        checkpoint: its name, for messages.

    Raises:
        BadValue: the network has no SpecAugment, or a length is given for masks that are off.
    """
    given = masks.list_options()
    if not given:
        return
    if not hasattr(config, "mask_time_prob"):
        raise BadValue(
            f"checkpoint {checkpoint} has no SpecAugment: networks of {config.model_type} mask nothing",
            got=given[0],
            do="leave it out; --augment varies clips for every audio network",
        )
    _switch_on(config, masks)
    for axis, share, length in (
        ("time", masks.time, masks.time_length),
        ("feature", masks.features, masks.features_length),
    ):
        if share is not None:
            setattr(config, f"mask_{axis}_prob", share)
        if length is not None:
            setattr(config, f"mask_{axis}_length", length)
            if not getattr(config, f"mask_{axis}_prob"):
                option = "--mask-time" if axis == "time" else "--mask-features"
                raise BadValue(
                    f"{option}-length {length} sets the length of masks that are off",
                    expected=f"{option} above 0 beside it, which checkpoint {checkpoint} does not bring",
                )


def _switch_on(config: Any, masks: MaskOptions) -> None:
    """Switch SpecAugment on where it is off, without the masks that were off with it and were not asked for."""
    if (masks.time or masks.features) and not getattr(config, "apply_spec_augment", True):
        config.apply_spec_augment = True
        config.mask_time_prob = config.mask_feature_prob = 0.0
