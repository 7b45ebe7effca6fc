"""Read features and classes of utterances as a dataset of PyTorch."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch

from featurestore.errors import UnknownName
from featurestore.feature_names import FeatureNames, check_encoders
from featurestore.labels import choose_scheme
from featurestore.manifest import Utterance
from featurestore.spec import FeatureSpec, check_list, parse_features

# One feature, or several in order; with the index of the class.
Example = tuple[torch.Tensor | tuple[torch.Tensor, ...], int]


class _Source(FeatureNames, Protocol):
    """The parts of a store that a dataset reads."""

    path: Path

    @property
    def corpus(self) -> str:
        """Name of the corpus."""

    @property
    def utterances(self) -> Sequence[Utterance]:
        """The manifest."""

    def available(self, features: Sequence[FeatureSpec]) -> list[str]:
        """List the ids that have every feature."""

    def matrix(self, features: Sequence[FeatureSpec], ids: Sequence[str]) -> tuple[np.ndarray, Any, Any]:
        """Return rows (N, D)."""

    def frames(self, feature: FeatureSpec, ids: Sequence[str]) -> list[np.ndarray]:
        """Return all frames (T, D) of each utterance."""

    def shape(self, feature: FeatureSpec) -> tuple[int, ...]:
        """Return the shape of one row."""


class FeatureDataset(torch.utils.data.Dataset[Example]):
    """A dataset of features and class indices, read from the store when they are used.

    A copy in a worker of a `DataLoader` opens the store's files itself.

    Args:
        store: that holds the features.
        features: in the order of the tensors.
        ids: of the utterances.
        labels: class by utterance id.

    Attributes:
        ids: the utterance of each example.
        classes: names of the classes; an index counts in this order.
        targets: class index of each example.

    Raises:
        UnknownName: an utterance has no class.
    """

    def __init__(
        self, store: _Source, features: Sequence[FeatureSpec], ids: Sequence[str], labels: Mapping[str, str]
    ) -> None:
        without = [one for one in ids if one not in labels]
        if without:
            raise UnknownName(
                f"{len(without)} of {len(ids)} utterances have no class: {', '.join(without[:5])}",
                do="leave them out of ids, or choose another label scheme: labels=…",
            )
        self.ids = tuple(ids)
        self.classes = tuple(sorted({labels[one] for one in ids}))
        self.targets = tuple(self.classes.index(labels[one]) for one in ids)
        self._store, self._features = store, tuple(features)

    def __len__(self) -> int:
        """Return the number of utterances."""
        return len(self.ids)

    def __getitem__(self, index: int) -> Example:
        """Return the features of one utterance, (D,), (L, D) or (T, D) float32, and the index of its class.

        Several features are a tuple in their order.
        """
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: Sequence[int]) -> list[Example]:
        """Return several examples, which are read together."""
        ids = [self.ids[index] for index in indices]
        columns = [self._read(feature, ids) for feature in self._features]
        rows = zip(*columns, strict=True)
        targets = (self.targets[index] for index in indices)
        return [(row[0] if len(row) == 1 else row, target) for row, target in zip(rows, targets, strict=True)]

    def _read(self, feature: FeatureSpec, ids: Sequence[str]) -> list[torch.Tensor]:
        if feature.is_ragged:
            return [torch.from_numpy(np.array(one, np.float32)) for one in self._store.frames(feature, ids)]
        X, _, _ = self._store.matrix([feature], ids)
        return list(torch.from_numpy(np.array(X)).reshape(len(ids), *self._store.shape(feature)))


def build_dataset(
    store: _Source,
    features: Sequence[str | FeatureSpec],
    labels: str | None = None,
    ids: Sequence[str] | None = None,
) -> FeatureDataset:
    """Build the dataset of some utterances of a store.

    Args:
        store: a `featurestore.Store`.
        features: such as `["audio.mean"]`; `audio.frames` gives all frames of an utterance, (T, D).
        labels: label scheme; by default the corpus's own.
        ids: of the utterances; by default those with a class and every feature, in manifest order.

    Raises:
        BadValue: no feature, or a text that is none.
        UnknownName: a feature, an utterance or the scheme does not exist, or an utterance has no class.
    """
    specs = parse_features(check_encoders(store, features), store.path)
    classes = choose_scheme(labels, store.corpus, store.utterances).apply(store.utterances)
    available = store.available(specs)
    chosen = [one for one in available if one in classes] if ids is None else list(check_list(ids, "ids"))
    return FeatureDataset(store, specs, chosen, classes)
