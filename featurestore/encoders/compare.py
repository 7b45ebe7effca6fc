"""The 6,373 ComParE 2016 functionals of openSMILE (extra 'egemaps'; research licence)."""

from featurestore.encoders._opensmile import Functionals, identify_feature_set
from featurestore.networks.identity import Identity
from featurestore.spec import EncoderSpec

__all__ = ["ComParE"]


def identify(spec: EncoderSpec) -> Identity:
    """Identify the ComParE_2016 set."""
    return identify_feature_set(spec, "compare", "ComParE_2016")


class ComParE(Functionals):
    """Compute the ComParE_2016 functionals, shape (6373,) per clip."""
