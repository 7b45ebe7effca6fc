"""A bundle: a fitted head with all that prediction needs, as a folder of `head.json` and weights."""

import dataclasses
import hashlib
import json
import os
import platform
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from featurestore import normalization, registry
from featurestore.errors import BadValue, Mismatch, NotFound, Problem
from featurestore.normalization import Scaling
from featurestore.storage.atomic import write_text

FORMAT = 2  # raised whenever an older reader could misread a newer bundle
_READ = (1, FORMAT)  # format 1 has no normalisation
FILE = "head.json"
NO_BUNDLE = "features normalised per speaker need many clips of a speaker, and a new clip comes alone"
INSTEAD = "--normalize global or none makes a bundle; --normalize speaker without --out prints the figures alone"
_LIBRARIES = ("emofuse", "numpy", "scipy", "scikit-learn", "torch", "xgboost", "skops", "safetensors")


@dataclass(frozen=True)
class Bundle:
    """A fitted head and where it comes from. Everything but the head itself is plain JSON.

    Args:
        head: the fitted estimator.
        head_name: its registry name, for example `mlp`.
        params: its constructor arguments.
        features: for example `("audio.mean", "text.mean")`, in column order.
        blocks: width of each feature, in column order.
        classes: in the order of the columns of `predict_proba`.
        labels: name of the label scheme.
        corpus: name of the corpus.
        protocol: how the corpus was cut.
        seed: of the cut and of the head.
        fold: whose training part it was fitted on; None where it was fitted on everything.
        encoders: by name, how its vectors were made, as the feature file describes it.
        trained_on: by encoder, how many utterances it was tuned on (`count`) and the `sha256` of their
            sorted ids, one a line.
        metrics: of the held-out parts, as `fit-head` reports them.
        versions: of Python and the libraries.
        normalize: `none`; `global`: rows are brought by `scaling` to what the head was fitted on; or `speaker`, which
            a new clip alone cannot be, so that such a head cannot be saved.
        scaling: of `global`.
        failed_checks: by name, what a check of `fit-head` found wrong with the metrics; empty in bundles written
            before there were any.
        source: of a head that is not the project's own, its plug-in file with the sha256, or its distribution.
    """

    head: Any
    head_name: str
    params: Mapping[str, Any]
    features: tuple[str, ...]
    blocks: Mapping[str, int]
    classes: tuple[str, ...]
    labels: str
    corpus: str
    protocol: str
    seed: int
    fold: str | None
    encoders: Mapping[str, Mapping[str, Any]]
    trained_on: Mapping[str, Mapping[str, Any]]
    metrics: Mapping[str, Any]
    versions: Mapping[str, str]
    normalize: str = "none"
    scaling: Scaling | None = None
    failed_checks: Mapping[str, str] = dataclasses.field(default_factory=dict)
    source: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def normalized(self, X: np.ndarray) -> np.ndarray:
        """Rows (N, sum of D) as the head takes them."""
        return self.scaling.apply(X) if self.scaling else X


_FIELDS = [field.name for field in dataclasses.fields(Bundle) if field.name not in ("head", "scaling", "source")]


def save(bundle: Bundle, folder: Path) -> None:
    """Writes a bundle beside its place and renames the whole folder; an earlier bundle there is replaced.

    Raises:
        BadValue: its features are normalised per speaker, or the place cannot be written to.
        Mismatch: the folder is there and is not a bundle, or holds files that are not of the bundle.
    """
    if bundle.normalize == "speaker":
        raise BadValue(f"no bundle can be written to {folder}: {NO_BUNDLE}", do=INSTEAD)
    folder = folder.resolve()
    check_target(folder)
    with _replacing_folder(folder) as temporary:
        added = _save_weights(bundle, temporary)
        if bundle.scaling:
            normalization.save(bundle.scaling, temporary)
        weights = {path.name: _digest(path) for path in sorted(temporary.iterdir())}
        fields = {name: getattr(bundle, name) for name in _FIELDS}
        text = json.dumps({"format": FORMAT, **fields, **added, "weights": weights}, indent=2, ensure_ascii=False)
        write_text(temporary / FILE, text + "\n")


def _save_weights(bundle: Bundle, folder: Path) -> dict[str, Any]:
    """Write the weights, and return what `head.json` says of their source and of the types in them.

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
    source = dict(bundle.source) or registry.describe_source("heads", bundle.head_name)
    found = {"source": source, "trusted_types": list(getattr(bundle.head, "trusted_types", ()))}
    return {name: value for name, value in found.items() if value}


def weights_bytes(head: Any) -> int:
    """Measure a fitted head's weights as a bundle holds them, without `head.json`; 0 where they cannot be saved."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            head.save_weights(Path(folder))
        except ValueError:
            return 0
        return sum(path.stat().st_size for path in Path(folder).iterdir())


def check_target(folder: Path) -> None:
    """Checks that a bundle may be written there: nothing, an empty folder, or an earlier bundle alone.

    Raises:
        BadValue: the place cannot be written to, or lies within a file.
        Mismatch: the folder is there and is not a bundle, or holds files that are not of the bundle.
    """
    _check_writable(folder)
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    do = "choose another --out, or remove it yourself"
    try:
        known = {FILE, *content(folder)["weights"]}
    except Problem as problem:
        raise Mismatch(f"{folder} exists and is not a bundle", got=problem.what, do=do) from None
    strange = sorted(path.name for path in folder.iterdir() if path.name not in known)
    if strange:
        raise Mismatch(f"{folder} holds more than a bundle", got=", ".join(strange[:5]), do=do)


def _check_writable(folder: Path) -> None:
    """The nearest parent that is there decides: the bundle is written beside its place and renamed."""
    parent = next((path for path in folder.resolve().parents if path.exists()), folder)  # / has no parent
    if not parent.is_dir() or not os.access(parent, os.W_OK | os.X_OK):
        raise BadValue(
            f"no bundle can be written to {folder}",
            expected="a place that can be written to",
            got=f"{parent} is {'read-only' if parent.is_dir() else 'a file'}",
            do="choose another place: --out FOLDER",
        )


def load(folder: Path) -> Bundle:
    """Reads a bundle; its head predicts exactly what the saved one did, and nothing in the folder can run code.

    Raises:
        NotFound: no such folder, no bundle in it, or a file of weights is missing.
        Mismatch: `head.json` or the weights are damaged or from another version.
        UnknownName: there is no head of that name here.
    """
    told = content(folder)
    _check_weights(folder, told["weights"])
    module = registry.load_recorded("heads", told["head_name"], told.get("source", {}), where=folder)
    try:
        head = module.from_params(told["params"])
        head.classes_ = np.array(told["classes"])
        head.n_features_in_ = sum(told["blocks"].values())
        head.trusted_types = tuple(told.get("trusted_types", ()))
        head.load_weights(folder)
        scales = normalization.load(folder, head.n_features_in_) if told["normalize"] == "global" else None
    except Exception as error:  # three libraries read the weights, each with errors of its own
        raise Mismatch(f"the {told['head_name']} head in {folder} cannot be read: {error}", do=_AGAIN) from error
    fields = {name: told[name] for name in _FIELDS}
    fields |= {name: tuple(fields[name]) for name in ("features", "classes")}
    return Bundle(head, **fields, scaling=scales, source=told.get("source", {}))


def versions() -> dict[str, str]:
    """Python and the libraries that a head rests on, as installed."""
    found = {"python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # run from a source tree that is not installed
            continue
    return found


_AGAIN = "fit it again: cli fit-head --head HEAD --out FOLDER"


def content(folder: Path) -> dict[str, Any]:
    """What `head.json` holds: the fields of `Bundle` but the head, `format`, and the digest of each file of weights.

    Raises:
        NotFound: no such folder, or no bundle in it.
        Mismatch: it is damaged or from another version.
    """
    path = folder / FILE
    if not path.is_file():
        what = f"{folder} is not a bundle: it has no {FILE}" if folder.is_dir() else f"there is no bundle {folder}"
        raise NotFound(what, do="cli fit-head --head HEAD --out FOLDER writes one")
    try:
        found = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise Mismatch(f"{path} is damaged: {error}", do=_AGAIN) from None
    made = found.get("format") if isinstance(found, dict) else None
    if made not in _READ:
        got = f"format {made}"
        raise Mismatch(f"{path} is not of this version", expected=f"format {FORMAT}", got=got, do=_AGAIN)
    found.setdefault("normalize", "none")
    found.setdefault("failed_checks", {})
    missing = [name for name in (*_FIELDS, "weights") if name not in found]
    if missing:
        raise Mismatch(f"{path} is damaged: it lacks {', '.join(missing)}", do=_AGAIN)
    return dict(found)


def _check_weights(folder: Path, weights: Mapping[str, str]) -> None:
    for name, digest in weights.items():
        path = folder / name
        if not path.is_file():
            raise NotFound(f"the bundle {folder} lacks its weights {name}", do=_AGAIN)
        got = _digest(path)
        if got != digest:
            raise Mismatch(f"{path} is damaged", expected=f"sha256 {digest}", got=f"sha256 {got}", do=_AGAIN)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _replacing_folder(folder: Path) -> Iterator[Path]:
    """Gives a temporary sibling folder; when the block ends well it is renamed to `folder`."""
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
