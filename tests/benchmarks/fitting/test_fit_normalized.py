"""Heads on normalised features: what the bundle carries, and where there can be none."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

import cli
from benchmarks.fitting.fit import fit_and_save, fit_head
from featurestore import registry
from featurestore.errors import BadValue, Mismatch
from featurestore.prediction import bundle as bundles
from featurestore.prediction.save_bundle import check_target, save
from tests.support.fake_store import FakeStore

FEATURES = ["audio.mean", "text.mean", "text.logits"]


def training(store, result):
    """Return the training rows of a result with one fold, and their classes."""
    tested = {row.id for row in result.predictions}
    label = {row.id: row.label for row in store.utterances if row.label}
    ids = sorted(label.keys() - tested)
    return store.matrix(FEATURES, ids)[0], [label[name] for name in ids]


@pytest.mark.parametrize("head", ["svm", "mlp", "xgb"])
def test_a_bundle_carries_mean_and_scale_of_its_training_part(tmp_path, head):
    store, quick = FakeStore(), {"mlp": ("epochs=2", "device=cpu"), "xgb": ("n_estimators=3",)}
    result = fit_and_save(
        store, head=head, params=quick.get(head, ()), features=None, out=tmp_path / "b", normalize="global"
    )
    X, y = training(store, result)
    mean, scale = X.mean(0, dtype=np.float64), X.std(0, dtype=np.float64)
    loaded = bundles.load(tmp_path / "b")
    np.testing.assert_allclose(loaded.scaling.mean, mean, rtol=1e-6)
    np.testing.assert_allclose(loaded.scaling.scale, scale, rtol=1e-6)
    scaled = ((X - mean.astype(np.float32)) / scale.astype(np.float32)).astype(np.float32)
    by_hand = registry.load("heads", head)(**loaded.params).fit(scaled, y)
    Z, _, _ = store.matrix(FEATURES, [row.id for row in result.predictions])
    found = loaded.head.predict_proba(loaded.normalize_rows(Z))
    np.testing.assert_allclose(found, by_hand.predict_proba((Z - mean) / scale), atol=1e-4)
    assert list(loaded.head.predict(loaded.normalize_rows(Z))) == [row.prediction for row in result.predictions]
    assert "normalized: each column brought to mean 0 and standard deviation 1 of the training part" in result.table()
    assert json.loads((tmp_path / "b" / "head.json").read_text("utf-8"))["normalize"] == "global"


def test_damaged_scaling_is_refused(tmp_path):
    fit_and_save(FakeStore(), head="prior", params=(), features=None, out=tmp_path / "b", normalize="global")
    path = tmp_path / "b" / "normalize.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(Mismatch, match=r"normalize.safetensors is damaged"):
        bundles.load(tmp_path / "b")


def test_normalization_per_speaker_gives_figures_and_no_bundle_with_a_reason(tmp_path):
    store = FakeStore(path=tmp_path)
    earlier = fit_and_save(store, head="logistic", params=(), features=None, out=None)
    before = (earlier.path / "head.json").read_bytes()
    result = fit_and_save(store, head="logistic", params=(), features=None, out=None, normalize="speaker")
    assert (earlier.path / "head.json").read_bytes() == before
    label = {row.id: row.label for row in store.utterances if row.label}
    ids = sorted(label)
    X = store.matrix(FEATURES, ids)[0].astype(np.float64)
    for speaker in {name[:6] for name in ids}:
        rows = [row for row, name in enumerate(ids) if name.startswith(speaker)]
        X[rows] = (X[rows] - X[rows].mean(0)) / X[rows].std(0)
    tested = {row.id: row.prediction for row in result.predictions}
    train = [row for row, name in enumerate(ids) if name not in tested]
    test = [row for row, name in enumerate(ids) if name in tested]
    by_hand = registry.load("heads", "logistic")().fit(X[train], [label[ids[row]] for row in train])
    assert [tested[ids[row]] for row in test] == list(by_hand.predict(X[test]))
    assert result.path is None
    assert "no bundle: features normalized per speaker need many clips of a speaker" in result.table()
    assert "--normalize global or none writes a bundle" in result.table()
    answer = result.to_json()
    assert (answer["normalize"], answer["bundle"], answer["bundle_fitted_on"]) == ("speaker", None, None)


def test_a_bundle_per_speaker_is_refused_before_anything_is_fitted(tmp_path):
    message = f"no bundle can be written to {tmp_path / 'b'}: features normalized per speaker need many clips"
    with pytest.raises(BadValue, match=message):
        fit_and_save(
            FakeStore(), head="prior", params=("C=1",), features=None, out=tmp_path / "b", normalize="speaker"
        )  # C=1 would be an error of its own
    bundle = fit_head(FakeStore(), head="prior", normalize="speaker", protocol="leave-one-session-out").bundle
    with pytest.raises(BadValue, match=message):
        save(bundle, tmp_path / "b")
    assert not (tmp_path / "b").exists()


def test_bundles_of_the_format_before_normalization_are_read(tmp_path):
    fit_and_save(FakeStore(), head="prior", params=(), features=None, out=tmp_path / "b")
    path = tmp_path / "b" / "head.json"
    content = json.loads(path.read_text("utf-8"))
    del content["normalize"]
    path.write_text(json.dumps(content | {"format": 1}), "utf-8")
    loaded = bundles.load(tmp_path / "b")
    assert (loaded.normalize, loaded.scaling) == ("none", None)
    X = np.ones((2, 13), np.float32)
    assert loaded.normalize_rows(X) is X
    check_target(tmp_path / "b")


def test_an_unknown_normalization_is_wrong_usage(tmp_path):
    with pytest.raises(BadValue, match="unknown normalization 'speakers'\n  expected: none, global, speaker"):
        fit_head(FakeStore(), head="prior", normalize="speakers")
    result = CliRunner().invoke(cli.main, ["fit-head", "--head", "prior", "--normalize", "speakers"])
    assert result.exit_code == 2
    assert "'speakers' is not one of 'none', 'global', 'speaker'" in result.output
