"""Read features a batch of rows at a time, as a matrix for heads that learn from more than memory holds."""

from collections.abc import Sequence

import numpy as np

from featurestore.feature_kinds import check_kind
from featurestore.feature_matrix import StoredFeature, assemble
from featurestore.feature_names import check_encoders
from featurestore.spec import FeatureSpec, check_list, parse_features
from featurestore.store import Store
from heads import StreamedMatrix


def stream(store: Store, features: Sequence[str | FeatureSpec], ids: Sequence[str]) -> StreamedMatrix:
    """Return features side by side as `Store.matrix` does, with rows that stay on disk until they are used.

    Args:
        store: an open store.
        features: for example `["audio.mean", "text.logits"]`.
        ids: utterance ids, in the order of the rows (N,).

    Returns:
        X, float32 (N, sum of D). A head that `STREAMS` is fitted to it: `load_head("logistic")().fit(X, y)`.

    Raises:
        BadValue: no feature, the same feature twice, a text that is not a feature, or a text in place of a list.
        UnknownName: a feature or an utterance that does not exist.
    """
    specs = parse_features(check_encoders(store, features), store.path)
    for spec in specs:
        check_kind(store.file(spec.encoder), spec, str(spec))
    found = [StoredFeature(store.file(spec.encoder), spec) for spec in specs]
    chosen = list(check_list(ids, "ids"))
    rows = [feature.find_rows(chosen) for feature in found]

    def read(places: np.ndarray) -> np.ndarray:
        return assemble(found, [numbers[places] for numbers in rows])

    return StreamedMatrix(read, (len(chosen), sum(feature.width() for feature in found)))
