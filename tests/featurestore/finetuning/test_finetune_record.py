"""Compare the starting checkpoints of records of fine-tuning: only the files that shape the result count."""

import pytest

from featurestore.finetuning.finetune_record import find_differences

FILES = {"weights": "w", "config.json": "c", "preprocessor_config.json": "p"}
BESIDE = {"vocab.json": "v", "notes.json": "n", "generation_config.json": "g"}  # an old record counts them


def record(modality, files, **settings):
    start = {"checkpoint": "owner/model", "revision": "1", "files": files}
    return {"modality": modality, "settings": settings, "start": start}


def test_an_old_record_that_counts_more_files_is_up_to_date():
    assert find_differences(record("audio", FILES | BESIDE), record("audio", FILES)) == {}


@pytest.mark.parametrize("name", FILES)
def test_a_change_of_what_shapes_the_result_is_found(name):
    made, wanted = record("audio", FILES | BESIDE), record("audio", FILES | {name: "another"})
    assert find_differences(made, wanted) == {f"start.files.{name}": (FILES[name], "another")}


def test_the_tokenizer_counts_for_texts_and_for_speech_that_is_spelled():
    for modality, settings in (("text", {}), ("audio", {"ctc_weight": 0.1})):
        made = record(modality, FILES | BESIDE, **settings)
        wanted = record(modality, FILES | {"vocab.json": "another"}, **settings)
        assert find_differences(made, wanted) == {"start.files.vocab.json": ("v", "another")}
