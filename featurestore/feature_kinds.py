"""Check the kind of a feature: whether a feature file has it, or which command adds it."""

from featurestore.encoders import list_optional_kinds
from featurestore.errors import quote
from featurestore.known_names import check_known
from featurestore.spec import INDEXED, FeatureSpec
from featurestore.storage.feature_file import FeatureFile


def check_kind(file: FeatureFile, spec: FeatureSpec, feature: str) -> None:
    """Check that a feature file has the kind of a feature.

    Args:
        file: the encoder's.
        spec: the feature.
        feature: as the user wrote it.

    Raises:
        UnknownName: it has not; the message gives the command that adds the kind, if the encoder can give it.
    """
    if spec.kind in file.kinds:
        return
    can_add = spec.kind in INDEXED and spec.kind in list_optional_kinds(file.header.encoder)
    check_known(
        f"{spec.encoder}.{spec.kind}",
        [f"{spec.encoder}.{kind}" for kind in file.kinds],
        what=f"feature {feature!r}: {spec.encoder} has no {spec.kind}",
        do=f"{file.update_command} --{spec.kind}" if can_add else f"cli inspect {quote(file.path.parent)}",
    )
