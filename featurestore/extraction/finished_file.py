"""Compare the finished feature file of an earlier extraction with what this extraction would write."""

from collections.abc import Mapping, Sequence

from featurestore.errors import Mismatch
from featurestore.extraction.freshness import compare_descriptions, compare_training
from featurestore.extraction.part_file import Failure
from featurestore.networks.identity import OPTIONAL, Identity
from featurestore.spec import format_checkpoint, is_imported, is_recognizer
from featurestore.storage import schema
from featurestore.storage.feature_file import FeatureFile


def check_replaceable(file: FeatureFile, identity: Identity) -> None:
    """Check that an extraction may replace a file: features of another program cannot be made again here.

    Raises:
        Mismatch: its features were imported.
    """
    if is_imported(file.header.encoder):
        raise Mismatch(
            f"{file.path} holds imported features",
            got=f"imported from {file.header.encoder['checkpoint']}",
            do=f"name the new ones: --encoder NAME={format_checkpoint(identity.description)}; or move the file away",
        )


def find_kept_kinds(file: FeatureFile | None, identity: Identity) -> frozenset[str]:
    """Return the optional kinds that a file has and the encoder can give: extracting again keeps them."""
    if file is None:
        return frozenset()
    return frozenset(kind for kind in OPTIONAL if kind in file.kinds and kind in identity.kinds)


def describe_changes(file: FeatureFile, identity: Identity) -> list[str]:
    """Describe how the encoder differs from the one that made a file, in lines for the user."""
    if file.header.fingerprint != identity.fingerprint():
        changed = "; ".join(compare_descriptions(file.header.encoder, identity.description))
        if is_recognizer(identity.description):
            return [
                f"{file.path} was made by another recognizer; transcribing it again ({changed})",
                "  to keep both transcripts, name the new one: --name NAME",
            ]
        return [
            f"{file.path} was made by another encoder; extracting it again ({changed})",
            f"  to keep both files, name the new one: --encoder NAME={format_checkpoint(identity.description)}",
        ]
    return [f"{file.path}: {line}; updating the record" for line in compare_training(file, identity)]


def is_current(
    file: FeatureFile,
    identity: Identity,
    kinds: frozenset[str],
    manifest: str,
    id_keys: Mapping[str, str],
    failures: Sequence[Failure],
) -> bool:
    """Return True if a finished file already is what this extraction would write.

    Args:
        file: the finished file.
        identity: the encoder.
        kinds: what every vector must have.
        manifest: the manifest's sha256.
        id_keys: the key of each utterance, in manifest order.
        failures: of the utterances that have no vector.
    """
    return (
        file.header.fingerprint == identity.fingerprint()
        and file.header.encoder.get("long_clips") == identity.description.get("long_clips")
        and file.header.manifest == manifest
        and kinds <= set(file.kinds)
        and schema.CONTENT in file  # older versions did not record it
        and not compare_training(file, identity)
        and _has_rows(file, id_keys, failures)
    )


def _has_rows(file: FeatureFile, id_keys: Mapping[str, str], failures: Sequence[Failure]) -> bool:
    reasons = {failure.id: failure.reason for failure in failures}
    expected = [(utterance_id, key) for utterance_id, key in id_keys.items() if utterance_id not in reasons]
    return (
        list(zip(file.ids, file.keys(), strict=True)) == expected
        and file.failed == reasons
        and file.keys(schema.FAILED_KEY) == [failure.key for failure in failures]
    )
