"""Load a bundle: a fitted head with all that prediction needs, as a folder of `head.json` and weights."""

import dataclasses
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from featurestore import normalization, registry
from featurestore.errors import Mismatch, NotFound
from featurestore.masked_heads import wrap_head
from featurestore.normalization import Scaling
from featurestore.storage.checksum import hash_file
from featurestore.storage.json_files import read_object

FORMAT = 2  # increased whenever an older version could misread a newer bundle
EXTENDED = 3  # the format of bundles that earlier versions do not read: of values, and of heads without a modality
_READABLE = (1, FORMAT, EXTENDED)  # format 1 has no normalization
FILE = "head.json"
NO_BUNDLE = "features normalized per speaker need many clips of a speaker, and a new clip comes alone"
INSTEAD = "--normalize global or none writes a bundle; --normalize speaker without --out only prints the metrics"
_AGAIN = "fit it again: cli fit-head --head HEAD --out FOLDER"
_LIBRARIES = ("emofuse", "numpy", "scipy", "scikit-learn", "torch", "xgboost", "skops", "safetensors")


@dataclass(frozen=True)
class Bundle:
    """Fitted head and how it was made. Everything but the head and its scaling is plain JSON.

    Args:
        head: the fitted estimator.
        head_name: its registry name, for example `mlp`.
        params: its constructor arguments.
        features: for example `("audio.mean", "text.mean")`, in column order.
        blocks: width of each feature, in column order.
        classes: in the order of the columns of `predict_proba`; empty where values are predicted.
        labels: name of the label scheme; empty where values are predicted.
        corpus: name of the corpus.
        protocol: how the corpus was split.
        seed: of the split and of the head.
        fold: the fold whose training part it was fitted on; None if it was fitted on everything.
        encoders: by name, how its vectors were made, as the feature file describes it.
        trained_on: by encoder, the number of utterances it was fine-tuned on (`count`) and the `sha256` of their
            sorted ids, one per line.
        metrics: of the held-out parts, as `fit-head` reports them.
        versions: of Python and the libraries.
        normalize: `none`, `global` (`scaling` is applied to new rows) or `speaker`. A head on features normalized per
            speaker cannot be saved, because a single new clip cannot be normalized that way.
        scaling: of `global`, else None.
        failed_checks: by name, what a check of `fit-head` found wrong with the metrics; empty in bundles written
            before there were checks.
        train_on: `labels`, or `votes` where the head learned the distributions of raters' votes.
        agreement: the share of the raters that the most voted class of each utterance has more of; None where every
            utterance was used.
        source: the plug-in file with its sha256, or the distribution, of a head that is not the project's own.
        targets: names of the values that are predicted, such as `valence`; empty where classes are.
        missing: how the head predicts without a modality: the `mode`, the `dropout` in training, the number of
            `training` utterances by what they lacked when the head learned from them, and by each modality that it can
            do `without`, the metrics of the held-out parts when it is missing. Empty of a head that needs every
            modality.
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
    train_on: str = "labels"
    agreement: float | None = None
    targets: tuple[str, ...] = ()
    missing: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def kind(self) -> str:
        """The registry's kind of the head: `heads`, or `regressors` where values are predicted."""
        return "regressors" if self.targets else "heads"

    @property
    def optional(self) -> tuple[str, ...]:
        """The modalities that the head can do without, one at a time."""
        return tuple(self.missing.get("without", ()))

    def normalize_rows(self, X: np.ndarray) -> np.ndarray:
        """Normalize rows (N, sum of D) as the rows that the head was fitted on."""
        return self.scaling.apply(X) if self.scaling else X


_ADDED = ("source", "train_on", "agreement", "missing", "targets")  # in head.json only where they say something
FIELDS = [field.name for field in dataclasses.fields(Bundle) if field.name not in ("head", "scaling", *_ADDED)]


def load(folder: Path) -> Bundle:
    """Load a bundle, whose head predicts exactly what the saved one did.

    Nothing in the folder can run code.

    Raises:
        NotFound: there is no such folder, it is not a bundle, or a file of weights is missing.
        Mismatch: `head.json` or the weights are damaged or from another version.
        UnknownName: there is no head of that name.
    """
    saved = read_head_json(folder)
    _check_weights(folder, saved["weights"])
    targets = tuple(saved.get("targets", ()))
    kind = "regressors" if targets else "heads"
    head_class = registry.load_recorded(kind, saved["head_name"], saved.get("source", {}), where=folder)
    try:
        head = head_class.from_params(saved["params"])
        head = wrap_head(head, saved["missing"]["dropout"]) if "missing" in saved else head
        if targets:
            head.n_targets_ = len(targets)
        else:
            head.classes_ = np.array(saved["classes"])
        head.n_features_in_ = sum(saved["blocks"].values())
        head.trusted_types = tuple(saved.get("trusted_types", ()))
        head.load_weights(folder)
        scales = normalization.load(folder, head.n_features_in_) if saved["normalize"] == "global" else None
    except Exception as error:  # each library that reads weights raises its own kinds
        raise Mismatch(f"the {saved['head_name']} head in {folder} cannot be read: {error}", do=_AGAIN) from error
    fields = {name: saved[name] for name in FIELDS}
    fields |= {name: tuple(fields[name]) for name in ("features", "classes")}
    added = {name: saved[name] for name in _ADDED if name in saved} | {"targets": targets}
    return Bundle(head, **fields, scaling=scales, **added)


def read_versions() -> dict[str, str]:
    """Return the installed versions of Python and of the libraries that heads use."""
    found = {"python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # the project itself, run from a source tree
            continue
    return found


def read_head_json(folder: Path) -> dict[str, Any]:
    """Read `head.json`: the fields of `Bundle` except the head, `format`, and the digest of each file of weights.

    Raises:
        NotFound: there is no such folder, or it is not a bundle.
        Mismatch: `head.json` is damaged or from another version.
    """
    path = folder / FILE
    if not path.is_file():
        what = f"{folder} is not a bundle: it has no {FILE}" if folder.is_dir() else f"there is no bundle {folder}"
        raise NotFound(what, do="cli fit-head --head HEAD --out FOLDER writes one")
    found = read_object(path, do=_AGAIN)
    if (written := found.get("format")) not in _READABLE:
        got = f"format {written}"
        raise Mismatch(f"{path} is not of this version", expected=f"format {FORMAT} or {EXTENDED}", got=got, do=_AGAIN)
    found.setdefault("normalize", "none")
    found.setdefault("failed_checks", {})
    missing = [name for name in (*FIELDS, "weights") if name not in found]
    if missing:
        raise Mismatch(f"{path} is damaged: it lacks {', '.join(missing)}", do=_AGAIN)
    return found


def _check_weights(folder: Path, weights: Mapping[str, str]) -> None:
    for name, digest in weights.items():
        path = folder / name
        if not path.is_file():
            raise NotFound(f"the bundle {folder} lacks its weights {name}", do=_AGAIN)
        got = hash_file(path)
        if got != digest:
            raise Mismatch(f"{path} is damaged", expected=f"sha256 {digest}", got=f"sha256 {got}", do=_AGAIN)
