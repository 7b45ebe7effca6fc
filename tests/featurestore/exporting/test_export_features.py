import json

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from featurestore.errors import BadValue, UnknownName
from featurestore.exporting import exported_table
from featurestore.exporting.export_features import export_features
from featurestore.importing.import_features import import_features
from featurestore.storage.feature_file import FeatureFile
from featurestore.store import Store
from tests.featurestore.importing import files
from tests.featurestore.importing.files import IDS


@pytest.fixture
def store(tmp_path):
    """Make a store with vectors of five utterances, frames and layers of six."""
    made = files.make_store(tmp_path)
    add(made, "audio", files.write_npz(tmp_path, IDS[:5], files.draw(5)))
    add(made, "seq", files.write_npz_frames(tmp_path, IDS, files.draw_frames()))
    layers = np.random.default_rng(0).standard_normal((6, 3, 4)).astype(np.float16)
    add(made, "deep", files.write_npz(tmp_path, IDS, layers), kind="layers")
    return Store(made.path)


def add(store, name, written, **options):
    path, more = written
    import_features(path, name=name, modality="audio", store=store.path, **more, **options)


def test_an_archive_is_read_by_numpy(store, tmp_path):
    done = export_features(tmp_path / "o.npz", store=store.path, features=["audio.mean", "seq.frames"], labels="all")
    with np.load(tmp_path / "o.npz") as found:
        assert found["id"].tolist() == IDS[:5]
        assert found["label"].tolist() == ["ang", "sad", "neu", "ang", "sad"]
        assert found["speaker"].tolist() == ["S0", "S1", "S0", "S1", "S0"]
        np.testing.assert_array_equal(found["audio.mean"], files.draw(5))
        assert found["seq.frames/offset"].tolist() == [0, 3, 4, 8, 10, 15]
        np.testing.assert_array_equal(found["seq.frames/value"], np.concatenate(files.draw_frames()[:5]))
    assert (done.utterances, done.left_out, done.unlabelled) == (5, 1, 0)
    assert done.columns == ("id", "label", "speaker")


def test_a_table_is_read_by_pandas(store, tmp_path):
    import pandas

    export_features(tmp_path / "o.parquet", store=store.path, features=["audio.mean", "seq.frames", "deep.layers[1]"])
    frame = pandas.read_parquet(tmp_path / "o.parquet")
    assert list(frame) == ["id", "label", "speaker", "audio.mean", "seq.frames", "deep.layers[1]"]
    np.testing.assert_array_equal(np.stack(list(frame["audio.mean"])), files.draw(5))
    np.testing.assert_array_equal(np.stack(list(frame["seq.frames"][2])), files.draw_frames()[2])


def test_a_folder_is_a_dataset_of_hugging_face(store, tmp_path):
    import pyarrow.parquet

    folder = tmp_path / "out" / "dataset"
    export_features(folder, store=store.path, features=["audio.mean"])
    export_features(folder, store=store.path, features=["audio.mean"])  # replaced
    _, card, _ = (folder / "README.md").read_text("utf-8").split("---\n")
    (config,) = yaml.safe_load(card)["configs"]
    (part,) = config["data_files"]
    assert part["split"] == "train"
    assert pyarrow.parquet.read_table(folder / part["path"]).num_rows == 5
    assert [one.name for one in folder.parent.iterdir()] == ["dataset"]


@pytest.mark.parametrize("content", [["data/clips.wav"], ["README.md", "data/clips.wav"], ["README.md"]])
def test_a_folder_with_a_readme_and_data_of_its_own_is_not_replaced(content, store, tmp_path):
    for name in content:
        (tmp_path / "mine" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "mine" / name).write_text("x")
    with pytest.raises(BadValue, match="exists and is no earlier export"):
        export_features(tmp_path / "mine", store=store.path, features=["audio.mean"])
    assert all((tmp_path / "mine" / name).read_text() == "x" for name in content)


def test_an_export_with_a_file_of_the_user_in_it_is_not_replaced(store, tmp_path):
    export_features(tmp_path / "mine", store=store.path, features=["audio.mean"])
    (tmp_path / "mine" / "data" / "notes.txt").write_text("x")
    with pytest.raises(BadValue, match="exists and is no earlier export"):
        export_features(tmp_path / "mine", store=store.path, features=["audio.mean"])


def test_the_current_folder_is_a_message_or_a_dataset(store, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadValue, match="exists and is no earlier export"):
        export_features(".", store=store.path, features=["audio.mean"])


def test_a_card_says_that_training_is_unknown(store, tmp_path):
    export_features(tmp_path / "o", store=store.path, features=["audio.mean"])
    card = (tmp_path / "o" / "README.md").read_text("utf-8")
    assert "\nwhether the encoder of audio saw these utterances is unknown.\n" in card


def test_a_file_that_is_replaced_is_named(store, tmp_path):
    said = []
    for _ in range(2):
        export_features(tmp_path / "o.npz", store=store.path, features=["audio.mean"], say=said.append)
    assert said.count(f"{tmp_path / 'o.npz'} exists and is replaced") == 1


def test_a_folder_of_other_files_is_not_replaced(store, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("x")
    with pytest.raises(BadValue, match="exists and is no earlier export"):
        export_features(tmp_path / "mine", store=store.path, features=["audio.mean"])
    assert (tmp_path / "mine" / "notes.txt").exists()


@pytest.mark.parametrize("suffix", ["npz", "parquet"])
def test_the_same_features_give_the_same_bytes(suffix, store, tmp_path):
    for name in ("a", "b"):
        export_features(tmp_path / f"{name}.{suffix}", store=store.path, features=["audio.mean", "seq.frames"])
    assert (tmp_path / f"a.{suffix}").read_bytes() == (tmp_path / f"b.{suffix}").read_bytes()


def test_what_cannot_be_exported_is_said(store, tmp_path):
    with pytest.raises(BadValue, match=r"cannot export to .*o\.csv"):
        export_features(tmp_path / "o.csv", store=store.path)
    with pytest.raises(UnknownName, match="unknown feature 'audio.logits'|no logits"):
        export_features(tmp_path / "o.npz", store=store.path, features=["audio.logits"])
    assert not list(tmp_path.glob("o.*"))


def test_unknown_exposure_goes_with_an_export(store, tmp_path):
    said = []
    export_features(tmp_path / "o.npz", store=store.path, features=["audio.mean"], say=said.append)
    assert said == ["whether the encoder of audio saw these utterances is unknown"]
    export_features(tmp_path / "d", store=store.path, features=["audio.mean"])
    card = (tmp_path / "d" / "README.md").read_text("utf-8")
    assert json.loads(card.split("```json\n")[1].split("```")[0])["audio"]["trained_on"] == "unknown"


@settings(max_examples=25)
@given(data=st.data(), suffix=st.sampled_from(["npz", "parquet"]), kind=st.sampled_from(["mean", "frames", "layers"]))
def test_an_export_that_is_imported_has_the_same_bytes(data, suffix, kind, tmp_path_factory):
    folder = tmp_path_factory.mktemp("round")
    store = files.make_store(folder, IDS[: data.draw(st.integers(1, 6))])
    ids = [row.id for row in store.utterances]
    dtype = np.float16 if kind == "layers" and data.draw(st.booleans()) else np.float32
    lengths = data.draw(st.lists(st.integers(1, 4), min_size=len(ids), max_size=len(ids)))
    shape = {"mean": (len(ids), 3), "frames": (sum(lengths), 3), "layers": (len(ids), 2, 3)}[kind]
    finite = st.floats(allow_nan=False, allow_infinity=False, width=np.dtype(dtype).itemsize * 8)
    values = data.draw(npst.arrays(dtype, shape, elements=finite))
    rows = {"offset": np.cumsum([0, *lengths])} if kind == "frames" else {}
    np.savez(folder / "f.npz", id=ids, value=values, **rows)
    options = {"store": store.path, "modality": "audio", "kind": kind}
    first = import_features(folder / "f.npz", name="first", **options)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exported_table, "BLOCK", 30)  # several blocks
        export_features(folder / f"o.{suffix}", store=store.path, features=[f"first.{kind}"])
    second = import_features(folder / f"o.{suffix}", name="second", **options)
    names = ["frames/value", "frames/offset"] if kind == "frames" else [kind]
    for name in names:
        before, after = FeatureFile(first.path)[name], FeatureFile(second.path)[name]
        assert (before.tobytes(), before.dtype, before.shape) == (after.tobytes(), after.dtype, after.shape)
