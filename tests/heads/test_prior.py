import numpy as np
import pytest

from heads.prior import PriorHead


def test_every_row_gets_the_class_frequencies():
    head = PriorHead().fit(np.zeros((4, 2)), ["sad", "angry", "sad", "happy"])
    assert head.classes_.tolist() == ["angry", "happy", "sad"]
    assert head.predict_proba(np.ones((2, 2))).tolist() == [[0.25, 0.25, 0.5]] * 2
    assert head.predict(np.ones((2, 2))).tolist() == ["sad", "sad"]


def test_one_class_is_enough():
    assert PriorHead().fit([[1.0]], ["sad"]).predict_proba([[2.0]]).tolist() == [[1.0]]


def test_weights_for_other_classes_raise(tmp_path):
    PriorHead().fit([[1.0], [2.0]], ["sad", "happy"]).save_weights(tmp_path)
    other = PriorHead()
    other.classes_ = np.array(["sad"])
    with pytest.raises(ValueError, match=r"prior\.safetensors is for 2 classes, not 1"):
        other.load_weights(tmp_path)
