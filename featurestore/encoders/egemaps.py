"""The 88 eGeMAPSv02 functionals of openSMILE (extra 'egemaps'; research licence)."""

from featurestore.encoders._smile import Functionals, identity
from featurestore.networks.identity import Identity
from featurestore.spec import EncoderSpec

__all__ = ["EGeMAPS"]


def identify(spec: EncoderSpec) -> Identity:
    """Identify the eGeMAPSv02 set."""
    return identity(spec, "egemaps", "eGeMAPSv02")


class EGeMAPS(Functionals):
    """eGeMAPSv02: functionals of shape (88,) per clip."""
