import json

import pytest

from featurestore.checkpoint_origins import list_origins


def write(folder, name="config.json", **content):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(json.dumps(content), "utf-8")
    return folder


def test_a_hub_name_is_its_own_origin_without_its_revision(tmp_path):
    assert list_origins("facebook/wav2vec2-base@abc", tmp_path) == ["facebook/wav2vec2-base"]


@pytest.mark.parametrize("name", ["superb/wav2vec2-base-superb-er", "roberta-base", "someone/a--b"])
def test_a_copy_of_the_cache_has_the_name_of_its_model(tmp_path, name):
    folder = write(tmp_path / f"models--{name.replace('/', '--')}" / "snapshots" / "abc")
    assert list_origins(str(folder), folder) == [name]


def test_a_name_that_is_also_a_folder_here_is_kept_and_followed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "facebook" / "clone", _name_or_path="facebook/first")
    folder = write(tmp_path / "mine", _name_or_path="facebook/clone")
    assert list_origins(str(folder), folder) == ["facebook/clone", "facebook/first"]


def test_a_config_names_what_it_was_loaded_from(tmp_path):
    folder = write(tmp_path / "mine", _name_or_path="facebook/hubert-base-ls960")
    assert list_origins(str(folder), folder) == ["facebook/hubert-base-ls960"]


def test_a_chain_of_folders_is_followed_to_its_start(tmp_path):
    first = write(tmp_path / "first", "finetune.json", start={"checkpoint": "microsoft/wavlm-large"})
    second = write(tmp_path / "second", "finetune.json", start={"checkpoint": str(first)})
    third = write(tmp_path / "third", _name_or_path=str(second))
    assert list_origins(str(third), third) == ["microsoft/wavlm-large"]


def test_a_record_keeps_the_origins_of_a_start_that_is_gone(tmp_path):
    folder = write(
        tmp_path / "tuned", "finetune.json", start={"checkpoint": "/no/such/folder"}, origins=["roberta-base"]
    )
    assert list_origins(str(folder), folder) == ["roberta-base"]


def test_folders_that_name_each_other_end(tmp_path):
    first = write(tmp_path / "first", _name_or_path=str(tmp_path / "second"))
    write(tmp_path / "second", _name_or_path=str(first))
    assert list_origins(str(first), first) == []


@pytest.mark.parametrize("named", ["./results/checkpoint-500", "/content/model", "~nobody/model", "", None, 7])
def test_a_place_that_is_no_hub_name_is_no_origin(tmp_path, named):
    folder = write(tmp_path / "mine", _name_or_path=named)
    assert list_origins(str(folder), folder) == []


@pytest.mark.parametrize("content", ["", "[]", '{"start": "x", "origins": null}'])
def test_a_damaged_record_claims_nothing(tmp_path, content):
    (tmp_path / "finetune.json").write_text(content)
    assert list_origins(str(tmp_path), tmp_path) == []
