"""Read the features that are exported, block by block, and the columns that describe their utterances."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from featurestore import labels as schemes
from featurestore.errors import BadValue, UnknownName
from featurestore.feature_names import check_encoders
from featurestore.spec import FeatureSpec, parse_feature
from featurestore.storage import schema
from featurestore.store import Store

BLOCK = 1 << 24  # bytes of values in memory at a time
# Columns of the manifest that go with the features, where they are not empty. The class is in the column label.
DESCRIBING = ("speaker", "gender", "session", "dialogue", "script", "partition")


@dataclass(frozen=True)
class ExportedTable:
    """Features of utterances of a store.

    Args:
        store: that holds them.
        features: to export.
        ids: of the utterances, in the order of the rows.
        columns: text by utterance and name: `id`, `label`, and the columns of the manifest that are not empty.
        scheme: label scheme of the column `label`.
    """

    store: Store
    features: tuple[FeatureSpec, ...]
    ids: tuple[str, ...]
    columns: dict[str, list[str]]
    scheme: str

    def shape(self, feature: FeatureSpec) -> tuple[int, ...]:
        """Return the shape of one row, or of one frame."""
        if feature.is_ragged:
            return tuple(self.store.file(feature.encoder)[schema.VALUES].shape[1:])
        return self.store.shape(feature)

    def dtype(self, feature: FeatureSpec) -> np.dtype:
        """Return the type of the values, as they are stored."""
        name = schema.VALUES if feature.kind == "frames" else feature.kind
        return self.store.file(feature.encoder)[name].dtype

    def lengths(self, feature: FeatureSpec, start: int = 0, stop: int | None = None) -> np.ndarray:
        """Return the number of frames of each row, int64 (N,)."""
        file = self.store.file(feature.encoder)
        rows = np.array([file.rows[one] for one in self.ids[start:stop]], np.int64)
        found: np.ndarray = np.diff(np.asarray(file[schema.OFFSETS]))[rows].astype(np.int64)
        return found

    def count_rows(self) -> int:
        """Return how many rows of all features together fit into a block, by their mean size."""
        sizes = [prod(self.shape(one)) * self._mean_length(one) * 4 for one in self.features]
        return max(1, int(BLOCK / max(1.0, sum(sizes))))

    def read(self, feature: FeatureSpec, start: int, stop: int) -> np.ndarray:
        """Read some rows (n, D) or (n, L, D), or the ragged frames of these rows (sum T, D)."""
        file = self.store.file(feature.encoder)
        ids = self.ids[start:stop]
        if feature.is_ragged:
            values = np.concatenate([file.frames(file.rows[one]) for one in ids])
        else:
            X, _, _ = self.store.matrix([feature], ids)
            values = X.reshape(len(ids), *self.shape(feature)).astype(self.dtype(feature), copy=False)
        file.release()
        return values

    def blocks(self) -> Iterator[tuple[int, int]]:
        """Yield the first row of each block, and the one after its last."""
        step = self.count_rows()
        for start in range(0, len(self.ids), step):
            yield start, min(start + step, len(self.ids))

    def _mean_length(self, feature: FeatureSpec) -> float:
        return float(self.lengths(feature).mean()) if feature.is_ragged and self.ids else 1.0


def open_export(
    store: Store, features: Sequence[str] | None, labels: str | None, ids: Sequence[str] | None = None
) -> ExportedTable:
    """Choose features and utterances of a store.

    Args:
        store: that holds them.
        features: by default `Store.default_features()`.
        labels: label scheme; by default the corpus's own. A label that it leaves out is empty.
        ids: of the utterances; by default those that have every feature, in manifest order.

    Raises:
        BadValue: there is no utterance, or a feature is invalid.
        UnknownName: a feature, an utterance or the scheme does not exist.
    """
    specs = tuple(parse_feature(one) for one in check_encoders(store, features or store.default_features()))
    available = store.available(specs)
    chosen = tuple(available if ids is None else ids)
    if unknown := set(chosen) - set(available):
        raise UnknownName(f"{len(unknown)} utterances lack a feature, {min(unknown)} among them", do="leave them out")
    if not chosen:
        raise BadValue("no utterance has every feature", expected=", ".join(map(str, specs)))
    scheme = schemes.choose_scheme(labels, store.corpus, store.utterances)
    return ExportedTable(store, specs, chosen, _list_columns(store, chosen, scheme), scheme.name)


def _list_columns(store: Store, ids: Sequence[str], scheme: schemes.Scheme) -> dict[str, list[str]]:
    rows = {row.id: row for row in store.utterances}
    classes = scheme.apply(store.utterances) if any(row.label for row in store.utterances) else {}
    found = {"id": list(ids), "label": [classes.get(one, "") for one in ids]}
    found |= {name: [getattr(rows[one], name) for one in ids] for name in DESCRIBING}
    return {name: values for name, values in found.items() if any(values)}
