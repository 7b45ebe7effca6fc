"""Build the header of a feature file: its encoder, corpus and library versions."""

from importlib.metadata import PackageNotFoundError, version

from featurestore.networks.identity import Identity
from featurestore.storage.schema import Header
from featurestore.store import Store

_PACKAGES = ("emofuse", "torch", "transformers", "numpy", "h5py", "soundfile", "soxr")


def build_header(store: Store, identity: Identity, *, manifest: str = "", created: str = "") -> Header:
    """Build the header of a part or of a finished file.

    Args:
        store: the store that holds the file.
        identity: the encoder.
        manifest: the manifest's sha256; empty for a part, which several manifests may share.
        created: time in ISO 8601; empty for a part.
    """
    return Header(
        name=identity.name,
        modality=identity.modality,
        encoder=identity.description,
        fingerprint=identity.fingerprint(),
        classes=identity.classes,
        corpus=store.corpus,
        manifest=manifest,
        versions={package: _read_version(package) for package in _PACKAGES},
        created=created,
    )


def _read_version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
