"""Fine-tuning keeps a starting checkpoint's settings of the network, and replaces those of its task."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers as hf
from safetensors.torch import load_file, save_file

from featurestore.errors import BadValue, Mismatch, Unavailable
from featurestore.finetuning.finetune import finetune
from featurestore.finetuning.inputs.data import TextPreparer
from featurestore.finetuning.network.starting_network import load_starting_network
from featurestore.finetuning.options.settings import AS_PUBLISHED
from featurestore.item import Item
from featurestore.networks.checkpoint import resolve
from tests.support import architectures, tiny

NAMES = ("ang", "neu", "sad")
ONE_STEP = replace(AS_PUBLISHED, epochs=1, learning_rate=1e-3, batch_size=12, micro_batch=12)
QUIET = {
    "bert": {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0},
    "wav2vec2-group": {
        "hidden_dropout": 0.0,
        "attention_dropout": 0.0,
        "activation_dropout": 0.0,
        "feat_proj_dropout": 0.0,
        "final_dropout": 0.0,
        "layerdrop": 0.0,
        "apply_spec_augment": False,
    },
}
# Of the earlier task or of how the network was run: the first step's loss is the cross entropy all the same.
REPLACED = {
    "nothing": {},
    "multi-label": {"problem_type": "multi_label_classification"},
    "regression": {"problem_type": "regression"},
    "single-label": {"problem_type": "single_label_classification"},
    "an unknown problem type": {"problem_type": "emotion"},
    "another loss": {"loss_type": "ForMaskedLM"},
    "a task": {"finetuning_task": "sst-2"},
    "tuples": {"return_dict": False},
    "hidden states": {"output_hidden_states": True},
    "attentions": {"output_attentions": True},
    "torchscript": {"torchscript": True},
    "a count of classes": {"num_labels": 28},
    "half precision": {"dtype": "float16"},
    "half precision, as it was written": {"torch_dtype": "float16"},
    "gradient checkpointing": {"gradient_checkpointing": True},
    "no padding token": {"pad_token_id": None},
}


def start(folder: Path, family: str, classes=NAMES, **changes) -> Path:
    """Write a classifier without dropout, so that its loss in training can be computed from outside."""
    tiny.checkpoint(family, folder, classes)
    return edit(folder, **QUIET.get(family, {}), **changes)


def edit(folder: Path, **changes) -> Path:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | changes), "utf-8")
    return folder


def fine_tune(
    folder: Path, checkpoint: Path, family: str, settings=ONE_STEP, say=lambda line: None, count=12, **changes
):
    utterances = changes.pop("utterances", None) or tiny.utterances(count, folder / "clips")
    ids = [utterance.id for utterance in utterances]
    given = {
        "items": tiny.items(utterances, folder / "clips"),
        "classes": {utterance.id: utterance.label for utterance in utterances},
        "train_ids": ids,
        "held_out_ids": ids[:4],
        "modality": "text" if family in tiny.TEXT else "audio",
        "checkpoint": str(checkpoint),
        "out": folder / "tuned",
        "settings": settings,
        "provenance": {"corpus": "made-up", "labels": "all", "protocol": "holdout", "fold": "0", "manifest": "0" * 64},
        "say": say,
    }
    return finetune(**{**given, **changes})


def expected_loss(folder: Path, checkpoint: Path, family: str, names=NAMES) -> float:
    """Compute the mean cross entropy of the starting classifier, one utterance at a time, in plain numpy."""
    text = family in tiny.TEXT
    auto = hf.AutoModelForSequenceClassification if text else hf.AutoModelForAudioClassification
    model = auto.from_pretrained(checkpoint, dtype=torch.float32).eval()
    processor = (hf.AutoTokenizer if text else hf.AutoFeatureExtractor).from_pretrained(checkpoint)
    losses = []
    for utterance in tiny.utterances(12, folder / "clips"):
        if text:
            inputs = processor(utterance.text, return_tensors="pt")
        else:
            from featurestore.audio import decode

            wave = decode.read(folder / "clips" / utterance.audio, 16_000)
            inputs = processor(wave, sampling_rate=16_000, return_tensors="pt")
        with torch.inference_mode():
            logits = model(**inputs).logits[0].double().numpy()
        losses.append(np.log(np.exp(logits).sum()) - logits[names.index(utterance.label)])
    return float(np.mean(losses))


@pytest.mark.parametrize("carried", REPLACED)
@pytest.mark.parametrize("family", ["bert", "wav2vec2-group"])
def test_the_loss_is_the_cross_entropy_whatever_the_earlier_task(family, carried, tmp_path):
    clean = start(tmp_path / "clean", family)
    wanted = expected_loss(tmp_path, clean, family)
    result = fine_tune(tmp_path, start(tmp_path / "start", family, **REPLACED[carried]), family)
    (epoch,) = result.record["history"]
    assert epoch["loss"] == pytest.approx(wanted, rel=1e-4)
    config = json.loads((result.folder / "config.json").read_text("utf-8"))
    assert config["problem_type"] == "single_label_classification"
    assert config["id2label"] == dict(zip("012", NAMES, strict=True))
    assert config["dtype"] == "float32"
    assert not config.get("output_hidden_states")
    assert not config.get("output_attentions")


@pytest.mark.parametrize("problem", ["multi_label_classification", "regression", None])
@pytest.mark.parametrize("classes", [1, 3, 28])
def test_it_learns_from_a_checkpoint_of_any_task(problem, classes, tmp_path):
    names = tuple(f"feeling{number}" for number in range(classes))
    checkpoint = start(tmp_path / "start", "bert", names, problem_type=problem)
    settings = replace(AS_PUBLISHED, epochs=20, learning_rate=2e-2, batch_size=6, micro_batch=3)
    words = {"ang": "never", "neu": "house", "sad": "sister"}
    rows = [replace(row, text=" ".join([words[row.label]] * 4)) for row in tiny.utterances(6, tmp_path / "clips")]
    learnt = fine_tune(tmp_path, checkpoint, "bert", settings, count=6, utterances=rows)
    last = learnt.record["history"][-1]
    assert last["loss"] < 0.6 * np.log(3)  # chance is the logarithm of the number of classes
    assert last["training_accuracy"] > 0.6


@pytest.mark.parametrize("family", ["bert", "roberta", "wav2vec2-group"])
def test_a_classifier_of_the_same_classes_keeps_its_weights_in_any_order(family, tmp_path):
    names = ("sad", "ang", "neu")
    checkpoint = start(tmp_path / "start", family, names)
    before = logits(checkpoint, family)
    model, _ = load_starting_network(
        resolve(str(checkpoint)), modality(family), NAMES, seed=0, freeze_front=True, say=print
    )
    after = run(model.eval(), checkpoint, family)
    assert torch.allclose(after, before[:, [names.index(name) for name in NAMES]], atol=1e-6)


@pytest.mark.parametrize("family", ["bert", "roberta", "wav2vec2-group"])
def test_a_classifier_of_other_classes_gets_new_weights_by_the_seed(family, tmp_path):
    checkpoint = start(tmp_path / "start", family, ("x", "y", "z"))
    before = load_file(checkpoint / "model.safetensors")

    def drawn(seed):
        folder, kind = resolve(str(checkpoint)), modality(family)
        model, _ = load_starting_network(folder, kind, NAMES, seed=seed, freeze_front=True, say=print)
        return model.state_dict()

    first, again, other = drawn(1), drawn(1), drawn(2)
    changed = [key for key in before if not torch.equal(first[key], before[key])]
    assert changed
    assert all(key.startswith("classifier") for key in changed)
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert any(not torch.equal(first[key], other[key]) for key in changed)


def test_a_weight_of_the_network_of_another_shape_is_refused(tmp_path):
    checkpoint = start(tmp_path / "start", "bert")
    weights = load_file(checkpoint / "model.safetensors")
    key = "bert.embeddings.word_embeddings.weight"
    save_file(weights | {key: weights[key][:10]}, checkpoint / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(Mismatch) as problem:
        fine_tune(tmp_path, checkpoint, "bert")
    assert str(problem.value) == (
        f"checkpoint {checkpoint} does not hold every weight of the network that its config.json describes\n"
        f"  got: 1 missing or of another shape, {key} among them\n"
        "  do: use the folder that save_pretrained wrote, whole"
    )


@pytest.mark.parametrize(
    "kept",
    [
        {"is_decoder": True},
        {"classifier_dropout": 0.3},
        {"hidden_dropout_prob": 0.2},
        {"tie_word_embeddings": False},
        {"pad_token_id": 1},
    ],
    ids=str,
)
def test_settings_of_the_network_are_kept(kept, tmp_path):
    checkpoint = edit(start(tmp_path / "start", "bert"), **kept)
    result = fine_tune(tmp_path, checkpoint, "bert")
    config = json.loads((result.folder / "config.json").read_text("utf-8"))
    assert {key: config[key] for key in kept} == kept


def test_a_weighted_sum_of_layers_turns_layerdrop_off_and_reports_it(tmp_path):
    checkpoint = start(tmp_path / "start", "wav2vec2-group", use_weighted_layer_sum=True)
    edit(checkpoint, layerdrop=0.9)
    lines = []
    result = fine_tune(tmp_path, checkpoint, "wav2vec2-group", say=lines.append)
    assert f"checkpoint {checkpoint}: layerdrop is set to 0, because a weighted sum needs every layer" in lines
    config = json.loads((result.folder / "config.json").read_text("utf-8"))
    assert (config["layerdrop"], config["use_weighted_layer_sum"]) == (0.0, True)


def test_layerdrop_alone_is_kept(tmp_path):
    checkpoint = start(tmp_path / "start", "wav2vec2-group")
    result = fine_tune(tmp_path, edit(checkpoint, layerdrop=0.9), "wav2vec2-group")
    assert json.loads((result.folder / "config.json").read_text("utf-8"))["layerdrop"] == 0.9


def test_masks_over_features_cover_at_most_half_of_them(tmp_path):
    checkpoint = start(tmp_path / "start", "wav2vec2-group")
    edit(checkpoint, apply_spec_augment=True, mask_feature_prob=0.5, mask_feature_length=64)
    lines = []
    fine_tune(tmp_path, checkpoint, "wav2vec2-group", say=lines.append)
    assert f"checkpoint {checkpoint}: mask_feature_length is set from 64 to 8, half of the network's width" in lines


@pytest.mark.parametrize("axis", ["time", "feature"])
def test_a_mask_length_below_one_is_refused(axis, tmp_path):
    checkpoint = start(tmp_path / "start", "wav2vec2-group")
    edit(checkpoint, **{f"mask_{axis}_prob": 0.5, f"mask_{axis}_length": 0})
    with pytest.raises(BadValue) as problem:
        fine_tune(tmp_path, checkpoint, "wav2vec2-group")
    assert str(problem.value) == (
        f"checkpoint {checkpoint} has a mask_{axis}_length below 1\n"
        f"  expected: 1 or more in its config.json, or mask_{axis}_prob 0\n"
        f"  got: mask_{axis}_length 0"
    )


def test_a_configuration_that_transformers_cannot_use_is_one_message(tmp_path):
    checkpoint = edit(start(tmp_path / "start", "wav2vec2-group"), hidden_size="wide")
    wanted = rf"^transformers cannot use the config.json of checkpoint {checkpoint}\n  got: .*hidden_size"
    with pytest.raises(Unavailable, match=wanted):
        fine_tune(tmp_path, checkpoint, "wav2vec2-group")


def test_a_network_without_a_classifier_is_refused_by_name(tmp_path):
    folder = tiny.checkpoint("bert", tmp_path / "start")
    small = {"d_model": 16, "encoder_layers": 1, "decoder_layers": 1, "encoder_ffn_dim": 16, "decoder_ffn_dim": 16}
    hf.PegasusModel(hf.PegasusConfig(vocab_size=30, **small)).save_pretrained(folder)
    with pytest.raises(BadValue) as problem:
        fine_tune(tmp_path, folder, "bert")
    assert str(problem.value) == (
        f"checkpoint {folder} cannot be fine-tuned: transformers has no text classifier for pegasus\n"
        "  do: encode with it as it is (cli extract), or start from a network that has one"
    )


@pytest.mark.parametrize("padding", [None, 7])
@pytest.mark.parametrize("padded", [True, False])
@pytest.mark.parametrize("name", ["gpt2", "llama"])
@pytest.mark.parametrize("context", [0, 2])
def test_a_classifier_on_the_last_token_never_reads_padding(context, name, padded, padding, tmp_path):
    network = architectures.network(name, hf.AutoModelForSequenceClassification, pad_token_id=padding)
    folder = architectures.save(network, architectures.tokenizer(padded=padded), tmp_path / "start")
    model, tokenizer = load_starting_network(resolve(folder), "text", NAMES, seed=0, freeze_front=True, say=print)
    texts = TextPreparer(tokenizer, model.eval().config, context=context)
    before = [(), ("the letter", "again"), ("you told my sister",)]
    said = zip(("we saw my dog", "you", "the money again"), before, strict=True)
    items = [texts.load(Item(text, None, text, context=turns)) for text, turns in said]
    assert len(items[1]) == (8 if context else 3)
    with torch.inference_mode():
        together = model(**texts.batch(items)).logits
        apart = torch.cat([model(input_ids=torch.from_numpy(item[None])).logits for item in items])
    assert torch.allclose(together, apart, atol=1e-4)


def modality(family: str) -> str:
    return "text" if family in tiny.TEXT else "audio"


def logits(checkpoint: Path, family: str) -> torch.Tensor:
    auto = hf.AutoModelForSequenceClassification if family in tiny.TEXT else hf.AutoModelForAudioClassification
    return run(auto.from_pretrained(checkpoint, dtype=torch.float32).eval(), checkpoint, family)


def run(model, checkpoint: Path, family: str) -> torch.Tensor:
    if family in tiny.TEXT:
        inputs = hf.AutoTokenizer.from_pretrained(checkpoint)("we saw my dog", return_tensors="pt")
    else:
        inputs = {"input_values": torch.randn(1, 8000, generator=torch.Generator().manual_seed(0))}
    with torch.inference_mode():
        return model(**inputs).logits
