"""A stopped training resumes with all its weights, whatever names transformers saves a family's weights under."""

from dataclasses import replace

import pytest
import transformers as hf

from featurestore.finetuning.finetune import finetune
from featurestore.finetuning.options.settings import AS_PUBLISHED
from featurestore.finetuning.training import training_reporter
from tests.featurestore.finetuning.texts import PROVENANCE, assert_same_weights
from tests.support import architectures, tiny

pytestmark = [
    pytest.mark.filterwarnings("ignore:Support for mismatched key_padding_mask"),
    pytest.mark.filterwarnings("ignore:At least one mel filter has all zero values"),
]


def write_start(modality, name, folder):
    auto = hf.AutoModelForAudioClassification if modality == "audio" else hf.AutoModelForSequenceClassification
    processor = architectures.extractor(name) if modality == "audio" else architectures.tokenizer()
    return architectures.save(architectures.network(name, auto), processor, folder / "start")


@pytest.mark.parametrize(
    ("modality", "name", "changes"),
    [
        ("audio", "audio-spectrogram-transformer", {}),
        ("audio", "wavlm", {"lora": 4}),
        ("text", "esm", {}),
        ("text", "gte", {"layer_decay": 0.9}),
        ("text", "mixtral", {}),
    ],
)
def test_a_resumed_training_ends_with_the_same_weights(modality, name, changes, tmp_path, monkeypatch):
    items = tiny.mixed_items(tmp_path)[:4]
    classes = {item.id: ("joy", "anger")[number % 2] for number, item in enumerate(items)}
    start = write_start(modality, name, tmp_path)

    def tune(out):
        return finetune(
            items=items,
            classes=classes,
            train_ids=list(classes),
            held_out_ids=[],
            modality=modality,
            checkpoint=start,
            out=tmp_path / out,
            settings=replace(AS_PUBLISHED, epochs=2, learning_rate=0.01, batch_size=4, micro_batch=4, **changes),
            provenance=PROVENANCE,
            say=lambda line: None,
        )

    tune("whole")
    original = training_reporter.TrainingReporter.on_save

    def stop(self, args, state, control, **rest):
        original(self, args, state, control, **rest)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(training_reporter.TrainingReporter, "on_save", stop)
        with pytest.raises(KeyboardInterrupt):
            tune("stopped")
    tune("stopped")
    assert_same_weights(tmp_path / "stopped", tmp_path / "whole")
