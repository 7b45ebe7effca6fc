import numpy as np
import pytest
import torch
from sklearn.datasets import make_classification
from xgboost import XGBClassifier

from heads import StreamedMatrix
from heads._base import draw_seed
from heads.xgb import XGBHead, choose_device

X, Y = make_classification(200, 20, n_informative=8, n_classes=3, random_state=0)
NAMES = np.array(["angry", "happy", "sad"])[Y]


def test_it_is_xgboost_on_class_numbers():
    head = XGBHead(n_estimators=5, random_state=0).fit(X, NAMES)
    plain = XGBClassifier(
        n_estimators=5, max_bin=64, colsample_bytree=0.2, tree_method="hist", random_state=draw_seed(0)
    ).fit(X, Y)
    assert np.array_equal(head.predict_proba(X), plain.predict_proba(X))
    assert head.classes_.tolist() == ["angry", "happy", "sad"]


def test_the_number_of_threads_changes_nothing():
    one, two = (XGBHead(n_estimators=5, n_jobs=jobs, random_state=0).fit(X, NAMES) for jobs in (1, 2))
    assert np.array_equal(one.predict_proba(X), two.predict_proba(X))


def test_the_seed_chooses_the_columns():
    first, second = (XGBHead(n_estimators=5, random_state=seed).fit(X, NAMES) for seed in (0, 1))
    assert not np.array_equal(first.predict_proba(X), second.predict_proba(X))


def test_weights_of_another_width_raise(tmp_path):
    XGBHead(n_estimators=2, random_state=0).fit(X, NAMES).save_weights(tmp_path)
    other = XGBHead()
    other.classes_, other.n_features_in_ = np.array(["angry", "happy", "sad"]), 4
    with pytest.raises(ValueError, match=r"xgb\.ubj is for 3 classes and 20 columns"):
        other.load_weights(tmp_path)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"n_estimators": 0}, "n_estimators must be an integer of at least 1, got 0"),
        ({"max_bin": 2.5}, "max_bin must be an integer of at least 2, got 2.5"),
        ({"colsample_bytree": 0}, "colsample_bytree must be a number above 0 and at most 1, got 0"),
        ({"reg_lambda": -1}, "reg_lambda must be a number of at least 0, got -1"),
        ({"device": "gpu"}, "device must be 'auto', 'cpu', 'cuda' or 'cuda:1', got 'gpu'"),
        ({"subsample": 2}, "subsample must be a number above 0 and at most 1, got 2"),
    ],
)
def test_parameters_out_of_range_raise(params, message):
    with pytest.raises(ValueError, match=message):
        XGBHead(**params).fit(X, NAMES)


def test_class_weights_are_those_of_the_rows():
    weights = {"angry": 5.0, "happy": 1.0, "sad": 0.5}
    head = XGBHead(n_estimators=5, class_weight=weights, random_state=0).fit(X, NAMES)
    plain = XGBClassifier(
        n_estimators=5, max_bin=64, colsample_bytree=0.2, tree_method="hist", random_state=draw_seed(0)
    ).fit(X, Y, sample_weight=[weights[name] for name in NAMES])
    assert np.array_equal(head.predict_proba(X), plain.predict_proba(X))
    shared = XGBHead(n_estimators=5, class_weight=weights, random_state=0).fit(X, NAMES, shared=XGBHead.share(X))
    assert np.array_equal(head.predict_proba(X), shared.predict_proba(X))


@pytest.mark.parametrize("params", [{}, {"subsample": 0.5, "max_bin": 16}, {"class_weight": "balanced"}])
@pytest.mark.parametrize("classes", [2, 3])
def test_streamed_it_grows_the_same_trees(monkeypatch, tmp_path, params, classes):
    monkeypatch.setattr("heads.xgb._BATCH", 70 * 20)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    kept = classes > Y
    rows = X[kept].astype(np.float32)
    stream = StreamedMatrix(lambda numbers: rows[numbers], rows.shape)
    found, expected = (
        XGBHead(n_estimators=5, random_state=0, **params).fit(one, NAMES[kept]) for one in (stream, rows)
    )
    assert found.model_.get_booster().get_dump() == expected.model_.get_booster().get_dump()
    assert np.array_equal(found.predict_proba(stream), expected.predict_proba(rows))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "built", "file", "seen", "device"),
    [
        ("auto", True, "/dev/null", "cuda", "cuda"),
        ("auto", True, "/dev/null", "cpu", "cpu"),
        ("auto", True, "/dev/null", "mps", "cpu"),
        ("auto", True, "/dev/none", "cuda", "cpu"),
        ("auto", False, "/dev/null", "cuda", "cpu"),
        ("cpu", True, "/dev/null", "cuda", "cpu"),
        ("cuda:1", True, "/dev/null", "cpu", "cuda:1"),
    ],
)
def test_auto_is_the_gpu_that_xgboost_and_torch_can_use(monkeypatch, name, built, file, seen, device):
    monkeypatch.setattr("xgboost.build_info", lambda: {"USE_CUDA": built})
    monkeypatch.setattr("heads.xgb._GPU_FILES", (file,))
    monkeypatch.setattr("heads._device.choose_device", lambda name: torch.device(seen))
    assert choose_device(name) == device


@pytest.mark.parametrize(("built", "file"), [(False, "/dev/null"), (True, "/dev/none")])
def test_a_gpu_that_is_missing_is_not_replaced_by_the_cpu(monkeypatch, built, file):
    monkeypatch.setattr("xgboost.build_info", lambda: {"USE_CUDA": built})
    monkeypatch.setattr("heads.xgb._GPU_FILES", (file,))
    with pytest.raises(ValueError, match="^device 'cuda:1' is not on this machine, or not for this xgboost: choose 'a"):
        XGBHead(device="cuda:1").fit(X, NAMES)
