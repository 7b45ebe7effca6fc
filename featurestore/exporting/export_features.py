"""Export features of a store to a file or folder that other programs read."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from featurestore.errors import BadValue, format_count
from featurestore.exporting._npz import write_npz
from featurestore.exporting._parquet import write_dataset, write_parquet
from featurestore.exporting.exported_table import open_export
from featurestore.exposure import note_unknown_exposure
from featurestore.progress import Say
from featurestore.spec import check_list
from featurestore.store import Store

_WRITERS = {".npz": write_npz, ".parquet": write_parquet, "": write_dataset}


@dataclass(frozen=True)
class ExportedFeatures:
    """Outcome of an export.

    Args:
        path: the file or folder.
        features: the exported ones.
        utterances: how many rows.
        left_out: number of utterances of the store that lack a feature.
        unlabelled: number of rows without a class.
        columns: names of the text columns.
    """

    path: Path
    features: tuple[str, ...]
    utterances: int
    left_out: int
    unlabelled: int
    columns: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the outcome as plain JSON values."""
        return vars(self) | {"path": str(self.path), "features": list(self.features), "columns": list(self.columns)}

    def summary(self) -> str:
        """Return the outcome as lines for a terminal."""
        counts = f"{format_count(self.utterances, 'utterance')}, {self.left_out:,} without every feature left out"
        return f"{self.path}: {', '.join(self.features)}\n  {counts}, {self.unlabelled:,} without a class"


def export_features(
    to: str | Path,
    *,
    store: str | Path = "features/demo",
    features: Sequence[str] | None = None,
    labels: str | None = None,
    say: Say = lambda line: None,
) -> ExportedFeatures:
    """Export features with ids and classes, in manifest order. Values are as stored, to the bit.

    Args:
        to: `.npz`, `.parquet`, or a folder for a Hugging Face dataset. An earlier export is replaced in one step.
        store: the store.
        features: such as `["audio.mean", "audio.frames"]`; by default mean (or functionals) and logits of every
            encoder.
        labels: label scheme of the column `label`; by default the corpus's own.
        say: receives lines for the user.

    Raises:
        BadValue: `to` has another suffix, a feature is invalid, or no utterance has every feature.
        NotFound: there is no store, or it holds no features.
        UnknownName: a feature or the scheme does not exist.
        Unavailable: Parquet needs pyarrow, which is not installed.

    Example:
        >>> from featurestore import export_features
        >>> export_features("audio.npz", features=["audio.mean"])  # doctest: +SKIP
    """
    path = Path(to)
    if path.suffix not in _WRITERS:
        raise BadValue(
            f"cannot export to {path}",
            expected="a file .npz or .parquet, or a folder (no suffix) for a Hugging Face dataset",
            got=path.suffix,
        )
    opened = Store(store)
    table = open_export(opened, None if features is None else list(check_list(features, "features")), labels)
    for name in dict.fromkeys(one.encoder for one in table.features):
        if note := note_unknown_exposure(name, opened.describe(name)):
            say(note)
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_file():
        say(f"{path} exists and is replaced")
    _WRITERS[path.suffix](table, path)
    labelled = sum(map(bool, table.columns.get("label", ())))
    return ExportedFeatures(
        path,
        tuple(map(str, table.features)),
        len(table.ids),
        len(opened.utterances) - len(table.ids),
        len(table.ids) - labelled,
        tuple(table.columns),
    )
