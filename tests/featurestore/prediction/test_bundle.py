import dataclasses
import json
import re
from pathlib import Path

import numpy as np
import pytest
import skops.io
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import FunctionTransformer

from benchmarks.fitting.fit import fit_head
from featurestore import registry
from featurestore.errors import Mismatch, NotFound, UnknownName
from featurestore.head_inputs import give
from featurestore.prediction import bundle as bundles
from featurestore.prediction.save_bundle import check_target, save
from tests.support.fake_store import FakeStore, conversations, read_rows
from tests.support.quick_heads import quick_params

AGAIN = "\n  do: fit it again: cli fit-head --head HEAD --out FOLDER"


def fit(head="prior", **options):
    return fit_head(
        FakeStore(conversations()), head=head, params=quick_params(head, epochs=1, n_estimators=3), **options
    ).bundle


@pytest.fixture
def folder(tmp_path):
    save(fit(), tmp_path / "bundle")
    return tmp_path / "bundle"


@pytest.mark.parametrize("head", registry.names("heads"))
def test_a_loaded_head_predicts_exactly_as_the_saved_head(head, tmp_path):
    saved = fit(head)
    save(saved, tmp_path / "bundle")
    loaded = bundles.load(tmp_path / "bundle")
    X = give(saved.head, read_rows(saved.features))
    assert np.array_equal(loaded.head.predict_proba(X), saved.head.predict_proba(X))
    assert np.array_equal(loaded.head.predict(X), saved.head.predict(X))


@pytest.mark.parametrize("head", registry.names("heads"))
def test_every_other_field_is_saved_and_loaded(head, tmp_path):
    saved = fit(head, protocol="leave-one-session-out")
    save(saved, tmp_path / "bundle")
    loaded = bundles.load(tmp_path / "bundle")
    for field in dataclasses.fields(saved):
        if field.name not in ("head", "params"):
            assert getattr(loaded, field.name) == getattr(saved, field.name)
    assert loaded.params == json.loads(json.dumps(saved.params))
    assert loaded.fold is None


def test_saving_replaces_an_earlier_bundle_and_leaves_no_other_file(tmp_path):
    out = tmp_path / "out" / "bundle"
    save(fit("svm"), out)
    save(fit("prior"), out)
    assert sorted(path.name for path in out.iterdir()) == ["head.json", "prior.safetensors"]
    assert [path.name for path in out.parent.iterdir()] == ["bundle"]
    assert bundles.load(out).head_name == "prior"


def test_a_failed_save_keeps_the_earlier_bundle(folder, monkeypatch):
    better = fit("svm")

    def fail(path):
        (path / "svm.skops").write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(better.head, "save_weights", fail)
    with pytest.raises(OSError, match="disk full"):
        save(better, folder)
    assert bundles.load(folder).head_name == "prior"
    assert [path.name for path in folder.parent.iterdir()] == ["bundle"]


def test_a_folder_that_is_not_a_bundle_is_never_replaced(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(Mismatch) as caught:
        save(fit(), tmp_path)
    assert str(caught.value) == (
        f"{tmp_path} exists and is not a bundle\n  got: {tmp_path} is not a bundle: it has no head.json\n"
        "  do: choose another --out, or remove it yourself"
    )
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_a_bundle_with_other_files_in_it_is_never_replaced(folder):
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(
        Mismatch, match=r"bundle holds more than a bundle\n  got: notes\.txt\n  do: choose another --out"
    ):
        save(fit(), folder)


def test_the_root_of_the_disk_is_not_a_bundle():
    with pytest.raises(Mismatch, match="/ exists and is not a bundle"):
        check_target(Path("/"))


def test_an_empty_folder_is_filled(tmp_path):
    (tmp_path / "bundle").mkdir()
    save(fit(), tmp_path / "bundle")
    assert bundles.load(tmp_path / "bundle").head_name == "prior"


def test_a_folder_without_a_bundle(tmp_path):
    do = "\n  do: cli fit-head --head HEAD --out FOLDER writes one"
    with pytest.raises(NotFound, match=re.escape(f"there is no bundle {tmp_path / 'x'}{do}")):
        bundles.load(tmp_path / "x")
    with pytest.raises(NotFound, match=re.escape(f"{tmp_path} is not a bundle: it has no head.json{do}")):
        bundles.load(tmp_path)


def test_missing_weights(folder):
    (folder / "prior.safetensors").unlink()
    with pytest.raises(NotFound, match=re.escape(f"the bundle {folder} lacks its weights prior.safetensors{AGAIN}")):
        bundles.load(folder)


def test_damaged_weights(folder):
    with (folder / "prior.safetensors").open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"\x01")
    with pytest.raises(
        Mismatch, match=r"prior\.safetensors is damaged\n  expected: sha256 \w{64}\n  got: sha256 \w{64}"
    ):
        bundles.load(folder)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"format": 4}, Mismatch, "is not of this version\n  expected: format 2 or 3\n  got: format 4"),
        ({"head_name": "tree"}, UnknownName, "unknown head 'tree'"),
        (
            {"params": {"depth": 3}},
            Mismatch,
            "the prior head in {folder} cannot be read: PriorHead() takes no arguments",
        ),
        ({"classes": ["sad"]}, Mismatch, "cannot be read: prior.safetensors is for 3 classes, not 1"),
        ({"blocks": ...}, Mismatch, "head.json is damaged: it lacks blocks"),
    ],
)
def test_a_changed_head_json_ends_in_a_message(folder, change, error, message):
    content = json.loads((folder / "head.json").read_text()) | change
    content = {name: value for name, value in content.items() if value is not ...}
    (folder / "head.json").write_text(json.dumps(content))
    with pytest.raises(error, match=re.escape(message.format(folder=folder))):
        bundles.load(folder)


@pytest.mark.parametrize("text", ["", "{", "[]", "null"])
def test_a_damaged_head_json_ends_in_a_message(folder, text):
    (folder / "head.json").write_text(text)
    with pytest.raises(Mismatch, match=r"head\.json is (damaged|not of this version)"):
        bundles.load(folder)


def forge(folder, learned):
    """Replace the weights by other content, and their digest to match."""
    skops.io.dump(learned, folder / "svm.skops")
    content = json.loads((folder / "head.json").read_text())
    content["weights"]["svm.skops"] = bundles.hash_file(folder / "svm.skops")
    (folder / "head.json").write_text(json.dumps(content))


def test_a_skops_file_with_an_untrusted_type_is_rejected_before_it_runs(tmp_path):
    save(fit("svm"), tmp_path / "bundle")
    forge(tmp_path / "bundle", {"scaler_": FunctionTransformer(func=np.fromfile)})
    with pytest.raises(Mismatch, match=r"svm\.skops holds types that a support vector machine does not need"):
        bundles.load(tmp_path / "bundle")


def test_a_skops_file_of_another_model_is_rejected(tmp_path):
    save(fit("svm"), tmp_path / "bundle")
    forge(tmp_path / "bundle", LogisticRegression())
    with pytest.raises(Mismatch, match=r"cannot be read: svm\.skops holds neither scaler_, machine_, support_vectors_"):
        bundles.load(tmp_path / "bundle")


def test_versions_include_the_libraries():
    assert {
        "python",
        "numpy",
        "scikit-learn",
        "torch",
        "xgboost",
        "skops",
        "safetensors",
    } <= bundles.read_versions().keys()
