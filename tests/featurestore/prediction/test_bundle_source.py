import json
import sys

import numpy as np
import pytest

from benchmarks.fitting.fit import fit_head
from featurestore.errors import BadValue, Mismatch, UnknownName
from featurestore.prediction import bundle as bundles
from featurestore.prediction.save_bundle import measure_weights, save
from tests.support.fake_store import FakeStore

FOREST = "sklearn.ensemble.RandomForestClassifier"
ROWS = np.random.default_rng(0).normal(size=(20, 13)).astype(np.float32)


def make(head, **params):
    return fit_head(FakeStore(), head=head, params=params).bundle


def change(folder, **values):
    """Replace entries of a bundle's head.json."""
    path = folder / "head.json"
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | values))


def read(folder):
    return json.loads((folder / "head.json").read_text("utf-8"))


def test_a_head_of_the_project_has_neither_source_nor_trusted_types(tmp_path):
    save(make("prior"), tmp_path / "b")
    assert not {"source", "trusted_types"} & read(tmp_path / "b").keys()


def test_a_bundle_of_a_classifier_names_its_distribution_and_its_types(tmp_path):
    saved = make(FOREST, n_estimators=3)
    save(saved, tmp_path / "b")
    assert read(tmp_path / "b")["source"]["distribution"].startswith("scikit-learn ")
    assert read(tmp_path / "b")["trusted_types"] == ["sklearn.tree._tree.Tree"]
    loaded = bundles.load(tmp_path / "b")
    assert np.array_equal(loaded.head.predict_proba(ROWS), saved.head.predict_proba(ROWS))
    assert loaded.head.get_params() == saved.head.get_params()


def test_types_that_are_not_recorded_are_not_loaded(tmp_path):
    save(make(FOREST, n_estimators=3), tmp_path / "b")
    change(tmp_path / "b", trusted_types=[])
    with pytest.raises(Mismatch, match="cannot be read: .* holds types that its bundle does not record: sklearn.tree"):
        bundles.load(tmp_path / "b")


@pytest.mark.parametrize("path", ["no_such_package.Classifier", "tests.heads.test_classifier.Foreign", "os.path"])
def test_a_dotted_path_from_a_bundle_imports_only_installed_packages(path, tmp_path):
    save(make(FOREST, n_estimators=3), tmp_path / "b")
    change(tmp_path / "b", head_name=path)
    before = set(sys.modules)
    with pytest.raises(UnknownName, match=f"{path}', which is not in an installed distribution"):
        bundles.load(tmp_path / "b")
    assert set(sys.modules) == before


def test_a_classifier_that_cannot_be_saved_is_measured_and_not_bundled(tmp_path):
    bundle = make(FOREST, n_estimators=3)
    bundle.head.model_.extra_ = (one for one in "generator")
    with pytest.raises(BadValue) as caught:
        save(bundle, tmp_path / "b")
    what, do = str(caught.value).splitlines()[0], str(caught.value).splitlines()[-1]
    assert what.startswith(f"no bundle can be written of head {FOREST}: {FOREST} cannot be saved by skops")
    assert do == "  do: choose another head; cli benchmark measures this one without a bundle"
    assert not (tmp_path / "b").exists()
    assert measure_weights(bundle.head) == 0


def test_an_mlp_of_an_earlier_version_is_read_with_its_former_parameters(tmp_path):
    saved = make("mlp", epochs=1, device="cpu")
    save(saved, tmp_path / "b")
    params = read(tmp_path / "b")["params"]
    change(tmp_path / "b", params=params | {"extra_outputs": 0, "double_softmax": False})
    assert np.array_equal(bundles.load(tmp_path / "b").head.predict_proba(ROWS), saved.head.predict_proba(ROWS))
    change(tmp_path / "b", params=params | {"extra_outputs": 1, "double_softmax": False})
    with pytest.raises(Mismatch, match="this version has no parameter extra_outputs, and the bundle sets extra_outp"):
        bundles.load(tmp_path / "b")
