"""Read the columns of any source of features a batch of rows at a time."""

from collections.abc import Sequence
from math import prod

import numpy as np

from benchmarks.evaluation.source import FeatureSource
from heads import StreamedMatrix


def stream_columns(store: FeatureSource, features: Sequence[str], ids: Sequence[str]) -> StreamedMatrix:
    """Return the columns of features (N, sum of D), whose rows are read when they are used."""
    from featurestore.store import Store  # a report imports this module, and is made without h5py
    from featurestore.streaming import stream

    if isinstance(store, Store):
        return stream(store, features, ids)
    names = np.array(ids, object)
    width = sum(prod(store.shape(feature)) for feature in features)
    return StreamedMatrix(lambda rows: store.matrix(features, names[rows].tolist())[0], (len(names), width))
