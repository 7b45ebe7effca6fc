"""The 88 eGeMAPSv02 functionals of openSMILE (extra 'egemaps'; research licence)."""

from featurestore.encoders._opensmile import OpenSmile, identify_feature_set
from featurestore.networks.identity import Identity
from featurestore.spec import EncoderSpec

__all__ = ["EGeMAPS"]


def identify(spec: EncoderSpec) -> Identity:
    """Identify the eGeMAPSv02 set."""
    return identify_feature_set(spec, "egemaps", "eGeMAPSv02")


class EGeMAPS(OpenSmile):
    """Compute the eGeMAPSv02 set: `functionals` (88,), `frames` (T, 25)."""
