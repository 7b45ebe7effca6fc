"""Resolve checkpoints, read their files, and refuse what is no checkpoint."""

import json

import pytest

from featurestore.encoders import identify
from featurestore.errors import BadValue, Mismatch, NotFound, Unavailable
from featurestore.networks import checkpoint
from featurestore.networks.checkpoint import Checkpoint, resolve
from featurestore.spec import parse_encoder
from tests.support import tiny


@pytest.fixture
def folder(tmp_path):
    return tiny.checkpoint("bert", tmp_path / "bert")


def test_a_local_folder_is_used_directly(folder):
    found = resolve(str(folder))
    assert found.folder == folder
    assert found.revision == ""
    assert found.modality() == "text"


def test_a_missing_folder_is_reported(tmp_path):
    with pytest.raises(NotFound, match="there is no checkpoint folder .*nowhere\n  do: give an existing folder"):
        resolve(str(tmp_path / "nowhere"))


def test_a_misspelled_handmade_encoder_is_suggested():
    for name in ("egemap", "eGeMAPSv02"):
        with pytest.raises(NotFound, match="there is no checkpoint folder .*\n  do: did you mean egemaps?"):
            identify(parse_encoder(name))
    with pytest.raises(NotFound, match="do: give an existing folder, .* or a hand-made encoder: compare, egemaps"):
        identify(parse_encoder("xyz"))


def test_a_folder_without_a_configuration_is_refused(tmp_path):
    with pytest.raises(BadValue, match=r"is not a checkpoint\n  expected: config.json .*\n  do: give the folder that"):
        resolve(str(tmp_path))


def test_pickled_weights_are_never_loaded(folder):
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(
        BadValue, match=r"has no safetensors weights, and pickled weights are never loaded(.|\n)*pytorch_model.bin"
    ):
        resolve(str(folder))


def test_an_unreachable_hub_is_reported_with_a_way_out():
    with pytest.raises(
        Unavailable,
        match=r"cannot fetch checkpoint nobody/nothing: the hub cannot be reached(.|\n)*give the folder",
    ):
        resolve("nobody/nothing")


def test_a_hub_model_without_safetensors_is_loaded_from_its_conversion(folder, tmp_path, monkeypatch):
    """The hub keeps the safetensors of older models, deberta-v3-small among them, on a pull request only."""
    import huggingface_hub
    from transformers import safetensors_conversion

    old = tmp_path / "main"
    old.mkdir()
    (old / "config.json").write_text("{}")
    asked = []

    def download(model, revision=None, allow_patterns=None):
        asked.append((model, revision))
        return str(folder if revision == "refs/pr/7" else old)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    monkeypatch.setattr(safetensors_conversion, "auto_conversion", lambda model: ("file", "refs/pr/7", False))
    found = resolve("owner/model@v2")
    assert found.folder == folder
    assert found.name == "owner/model@v2"
    assert asked == [("owner/model", "v2"), ("owner/model", "refs/pr/7")]


def test_the_digests_cover_every_file_that_shapes_a_vector(folder):
    before = Checkpoint("x", folder).digests("text")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"layer_norm_eps": 1e-3}))
    after = Checkpoint("x", folder).digests("text")
    assert before["weights"] == after["weights"]
    assert before["config.json"] != after["config.json"]
    assert checkpoint.RECORD not in after


def test_classes_are_listed_in_the_order_of_the_logits(tmp_path):
    assert Checkpoint("x", tiny.checkpoint("bert", tmp_path / "c", ("z", "a", "m"))).classes() == ["z", "a", "m"]


def test_a_damaged_configuration_is_reported(folder):
    (folder / "config.json").write_text("{")
    with pytest.raises(Mismatch, match=r"config.json is damaged"):
        Checkpoint("x", folder).classes()
