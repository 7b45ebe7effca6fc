"""Save a bundle atomically: write a temporary folder beside the target, then rename it."""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from featurestore import normalization, registry
from featurestore.errors import BadValue, Mismatch, Problem
from featurestore.head_inputs import describe_approximation
from featurestore.prediction.bundle import EXTENDED, FIELDS, FILE, FORMAT, INSTEAD, NO_BUNDLE, Bundle, read_head_json
from featurestore.storage.atomic import write_text
from featurestore.storage.checksum import hash_file


def save(bundle: Bundle, folder: Path) -> None:
    """Save a bundle as a folder, and replace an earlier bundle there.

    Args:
        bundle: a fitted head with all that prediction needs.
        folder: where to save it; it appears complete or not at all.

    Raises:
        BadValue: the features are normalized per speaker, or the folder is not writable.
        Mismatch: the folder exists and is not a bundle, or holds files that do not belong to the bundle.
    """
    if bundle.normalize == "speaker":
        raise BadValue(f"no bundle can be written to {folder}: {NO_BUNDLE}", do=INSTEAD)
    folder = folder.resolve()
    check_target(folder)
    with _replace_folder(folder) as temporary:
        added = _save_weights(bundle, temporary)
        if bundle.scaling:
            normalization.save(bundle.scaling, temporary)
        weights = {path.name: hash_file(path) for path in sorted(temporary.iterdir())}
        fields = {name: getattr(bundle, name) for name in FIELDS}
        version = EXTENDED if bundle.targets or bundle.missing else FORMAT
        text = json.dumps({"format": version, **fields, **added, "weights": weights}, indent=2, ensure_ascii=False)
        write_text(temporary / FILE, text + "\n")


def _save_weights(bundle: Bundle, folder: Path) -> dict[str, Any]:
    """Save a head's weights, and return what `head.json` says of the head's source and of the types in its weights.

    Raises:
        BadValue: the weights cannot be saved.
    """
    try:
        bundle.head.save_weights(folder)
    except ValueError as error:
        raise BadValue(
            f"no bundle can be written of head {bundle.head_name}: {error}",
            do="choose another head; cli benchmark measures this one without a bundle",
        ) from error
    source = dict(bundle.source) or registry.describe_source(bundle.kind, bundle.head_name)
    added = {
        "source": source,
        "trusted_types": list(getattr(bundle.head, "trusted_types", ())),
        "approximation": describe_approximation(bundle.head),
        "missing": dict(bundle.missing),
        "train_on": "" if bundle.train_on == "labels" else bundle.train_on,
        "agreement": bundle.agreement,
        "targets": list(bundle.targets),
    }
    return {name: value for name, value in added.items() if value not in ({}, [], "", None)}


def measure_weights(head: Any) -> int:
    """Return the bytes of a fitted head's weights, as a bundle would hold them without `head.json`.

    A head whose weights cannot be saved has 0 bytes.
    """
    with tempfile.TemporaryDirectory() as folder:
        try:
            head.save_weights(Path(folder))
        except ValueError:
            return 0
        return sum(path.stat().st_size for path in Path(folder).iterdir())


def check_target(folder: Path) -> None:
    """Check that a bundle may be saved there: the folder is missing, empty, or an earlier bundle.

    Raises:
        BadValue: the folder is not writable, or lies within a file.
        Mismatch: the folder exists and is not a bundle, or holds files that do not belong to the bundle.
    """
    _check_writable(folder)
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    do = "choose another --out, or remove it yourself"
    try:
        known = {FILE, *read_head_json(folder)["weights"]}
    except Problem as problem:
        raise Mismatch(f"{folder} exists and is not a bundle", got=problem.what, do=do) from None
    unknown = sorted(path.name for path in folder.iterdir() if path.name not in known)
    if unknown:
        raise Mismatch(f"{folder} holds more than a bundle", got=", ".join(unknown[:5]), do=do)


def _check_writable(folder: Path) -> None:
    """Check the nearest existing parent, because the bundle is written there and renamed."""
    parent = next((path for path in folder.resolve().parents if path.exists()), folder)  # / has no parent
    if not parent.is_dir() or not os.access(parent, os.W_OK | os.X_OK):
        raise BadValue(
            f"no bundle can be written to {folder}",
            expected="a folder that can be written to",
            got=f"{parent} is {'read-only' if parent.is_dir() else 'a file'}",
            do="choose another place: --out FOLDER",
        )


@contextmanager
def _replace_folder(folder: Path) -> Iterator[Path]:
    """Yield a temporary sibling folder, and rename it to `folder` when the block ends without an error."""
    temporary, old = (folder.with_name(f".{folder.name}.{os.getpid()}.{end}") for end in ("tmp", "old"))
    temporary.mkdir(parents=True)
    try:
        yield temporary
        for path in temporary.iterdir():
            with path.open("rb") as file:
                os.fsync(file.fileno())
        if folder.exists():
            folder.rename(old)
        temporary.rename(folder)
    except BaseException:
        if old.exists() and not folder.exists():
            old.rename(folder)
        raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)
