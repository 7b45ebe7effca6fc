"""Store layers in half precision where that is exact enough."""

import numpy as np
import pytest

from featurestore.extraction.extract import extract_encoder
from featurestore.extraction.part_file import halve_precision
from featurestore.networks import pooling
from featurestore.spec import EncoderSpec
from featurestore.storage.feature_file import FeatureFile
from featurestore.store import Store


def run(store, models, **options):
    return extract_encoder(Store(store.path), EncoderSpec("", models["audio"]), jobs=1, device="cpu", **options)


@pytest.mark.parametrize(
    ("values", "dtype"),
    [([[1.0, -3.5]], "f2"), ([[70_000.0, 1]], "f4"), ([[65_504.0, 1]], "f4"), ([[1e-9, 2e-9]], "f4"), ([[0, 0]], "f2")],
)
def test_half_precision_is_used_only_where_it_is_exact_enough(values, dtype):
    values = np.array(values, np.float32)
    assert halve_precision(values).dtype == dtype
    np.testing.assert_allclose(halve_precision(values), values, rtol=1e-3)


def test_layers_beyond_half_precision_stay_float32_and_are_reported(store, models, monkeypatch):
    run(store, models, optional=["layers"])
    path = store.path / "audio.h5"
    half = FeatureFile(path)
    assert half["layers"].dtype == np.float16
    values = np.array(half["layers"], np.float32)
    path.unlink()
    original = pooling.average_layers
    monkeypatch.setattr(pooling, "average_layers", lambda *given: 1e6 * original(*given))
    lines = []
    run(store, models, optional=["layers"], say=lines.append)
    assert FeatureFile(path)["layers"].dtype == np.float32
    np.testing.assert_allclose(FeatureFile(path)["layers"], 1e6 * values, rtol=2e-3, atol=1e3)
    assert lines == [f"{path}: layers are kept as float32: float16 would change some of them by more than 0.1 %"]
