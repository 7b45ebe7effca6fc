"""Which files of a checkpoint are part of a vector's key: those that shape it, and no other."""

import dataclasses
import json
import re
from pathlib import Path

import pytest
import transformers

from featurestore.encoders import identify
from featurestore.networks.checkpoint import Checkpoint
from featurestore.networks.identity import continue_description, list_changes
from featurestore.networks.vector_files import TOKENIZER
from featurestore.spec import EncoderSpec
from tests.support import old_keys, tiny

AUDIO, TEXT = "wav2vec2-group", "bert"
EXTRACTOR = {"feature_extractor_type": "Wav2Vec2FeatureExtractor", "do_normalize": True, "sampling_rate": 16_000}


def describe(folder, *, old=False):
    description = identify(EncoderSpec("", str(folder))).description
    return {**description, "files": old_keys.list_files(folder)} if old else description


@pytest.mark.parametrize("old", [False, True], ids=["new", "old"])
@pytest.mark.parametrize(
    ("family", "name"),
    [
        *((AUDIO, name) for name in ("model.safetensors", "config.json", "preprocessor_config.json")),
        *((TEXT, name) for name in ("model.safetensors", "config.json", "tokenizer.json", "tokenizer_config.json")),
        *((TEXT, name) for name in ("vocab.txt", "merges.txt", "added_tokens.json", "spm.model", "vocab.json")),
    ],
)
def test_a_change_of_what_shapes_a_vector_is_noticed(family, name, old, tmp_path):
    path = tiny.checkpoint(family, tmp_path) / name
    is_new = not path.exists()
    if is_new:
        path.write_text("a")
    before = describe(tmp_path, old=old)
    path.write_bytes(path.read_bytes() + b"\n")
    entry = "weights" if name == "model.safetensors" else name
    assert list(list_changes(before, describe(tmp_path))) == [entry]
    if is_new:
        path.unlink()
        assert list(list_changes(before, describe(tmp_path))) == [entry]


@pytest.mark.parametrize("family", [AUDIO, TEXT])
def test_what_shapes_nothing_is_no_part_of_the_description(family, tmp_path):
    folder = tiny.checkpoint(family, tmp_path)
    before = describe(folder)
    for name in ("notes.json", "generation_config.json", "chat_template.json", "notes.txt", "optimizer.json"):
        (folder / name).write_text("{}")
    for name in TOKENIZER if family == AUDIO else ("preprocessor_notes.json",):
        (folder / name).write_text("{}")
    assert describe(folder) == before
    expected = {"config.json", "preprocessor_config.json"}
    if family == TEXT:
        expected = {"config.json", "tokenizer.json", "tokenizer_config.json"}
    assert set(before["files"]) == expected


def test_only_the_extractor_settings_that_are_read_count(tmp_path):
    folder = tiny.checkpoint(AUDIO, tmp_path)
    (folder / "processor_config.json").write_text('{"processor_class": "Wav2Vec2Processor"}')
    old, before = describe(folder, old=True), describe(folder)
    (folder / "processor_config.json").write_text('{"processor_class": "Another"}')
    assert describe(folder) == before
    assert list_changes(old, describe(folder)) == {} or "processor_config.json" in old["files"]
    (folder / "processor_config.json").write_text(
        json.dumps({"feature_extractor": EXTRACTOR | {"do_normalize": False}})
    )
    now = describe(folder)
    assert "processor_config.json" in now["files"]
    assert "preprocessor_config.json" not in now["files"]
    assert now["preprocessing"]["normalised"] == "no"
    assert transformers.AutoFeatureExtractor.from_pretrained(folder).do_normalize is False
    assert set(list_changes(before, now)) == {"preprocessing", "preprocessor_config.json", "processor_config.json"}


@pytest.mark.parametrize("nested", [False, True])
def test_an_old_description_that_lists_both_files_of_settings_is_of_the_same_encoder(nested, tmp_path):
    folder = tiny.checkpoint(AUDIO, tmp_path)
    content = {"feature_extractor": EXTRACTOR} if nested else {"processor_class": "Wav2Vec2Processor"}
    (folder / "processor_config.json").write_text(json.dumps(content))
    assert list_changes(describe(folder, old=True), describe(folder)) == {}


def test_a_stored_description_is_continued_with_its_own_fingerprint(tmp_path):
    folder = tiny.checkpoint(AUDIO, tmp_path)
    (folder / "notes.json").write_text("{}")
    identity, stored = identify(EncoderSpec("", str(folder))), describe(folder, old=True)
    moved = {**stored, "checkpoint": "elsewhere"}
    continued = continue_description(identity, moved)
    assert continued.fingerprint() == old_keys.compute_fingerprint(stored) != identity.fingerprint()
    assert continued.description["checkpoint"] == str(folder)
    another = {**stored, "weights": "another"}
    assert continue_description(identity, another) == identity
    assert dataclasses.replace(continued, description=identity.description) == identity


def test_an_absent_entry_is_another_than_none():
    assert list_changes({"class": "hf-audio"}, {"class": "hf-audio", "rate": None}) == {"rate": (None, None)}
    assert list_changes({"class": "egemaps", "steps": (1, 2)}, {"class": "egemaps", "steps": [1, 2]}) == {}


def test_the_tokenizer_of_a_network_that_learns_to_spell_counts(tmp_path):
    folder = tiny.ctc_checkpoint(AUDIO, tmp_path)
    one = Checkpoint("x", folder)
    added = set(one.digests("audio", spells=True)) - set(one.digests("audio"))
    assert "vocab.json" in added
    assert added <= TOKENIZER


def test_every_file_that_a_tokenizer_of_transformers_reads_counts():
    root = Path(transformers.__file__).parent
    found = set()
    for path in root.glob("models/*/tokenization*.py"):
        table = re.search(r"^VOCAB_FILES_NAMES\s*=\s*\{(.*?)\}", path.read_text("utf-8"), re.DOTALL | re.MULTILINE)
        found |= set(re.findall(r":\s*\"([^\"]+)\"", table.group(1))) if table else set()
    assert {"vocab.txt", "merges.txt", "tokenizer.json"} < found
    assert {name for name in found if not name.endswith(".model")} <= TOKENIZER
