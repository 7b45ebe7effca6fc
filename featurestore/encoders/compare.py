"""The 6,373 ComParE 2016 functionals of openSMILE (extra 'egemaps'; research licence)."""

from featurestore.encoders._opensmile import OpenSmile, identify_feature_set
from featurestore.networks.identity import Identity
from featurestore.spec import EncoderSpec

__all__ = ["ComParE"]


def identify(spec: EncoderSpec) -> Identity:
    """Identify the ComParE_2016 set."""
    return identify_feature_set(spec, "compare", "ComParE_2016")


class ComParE(OpenSmile):
    """Compute the ComParE_2016 set: `functionals` (6373,), `frames` (T, 65)."""
