"""Adapters, frozen layers and rates by layer, on every family that is fine-tuned."""

import numpy as np
import pytest
import torch
import transformers as hf

from featurestore.finetuning.inputs.data import ClipPreparer, TextPreparer
from featurestore.finetuning.network.trained_parts import restrict_training
from featurestore.finetuning.options.settings import FREEZE_ALL, Settings
from featurestore.finetuning.training.classifier_trainer import ClassifierTrainer
from featurestore.item import Item
from tests.featurestore.finetuning.networks import find_part, load, modality
from tests.support import tiny

pytestmark = pytest.mark.filterwarnings("ignore:Support for mismatched key_padding_mask")

FAMILIES = pytest.mark.parametrize("family", tiny.FAMILIES)
RANK, ALPHA = 4, 6.0
D, F = 16, 32  # width of the networks and of their feed-forward layers


def restrict(family, folder, settings):
    """Return a network whose training is restricted, the parts that are trained, and a batch."""
    model, processor, start = load(family, folder / "start", freeze_front=settings.freeze_front)
    before = {name: weight.detach().clone() for name, weight in model.state_dict().items()}
    parts = restrict_training(model, processor, modality(family), settings, start, lambda line: None)
    return model, before, parts, make_batch(model, processor, family, folder)


def make_batch(model, processor, family, folder):
    if modality(family) == "text":
        preparer = TextPreparer(processor, model.config)
        return preparer.batch([preparer.load(Item("u", None, text)) for text in ("you never saw my dog", "we")])
    preparer = ClipPreparer(processor, model.config)
    paths = [tiny.clip(folder / f"{number}.wav", seconds, number) for number, seconds in enumerate((0.5, 0.8))]
    return preparer.batch([preparer.load(Item("u", path, "")) for path in paths])


def train(model, batch):
    """Take two large steps with AdamW, so that both factors of every adapter move."""
    trained = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=0.02, eps=1e-20)  # random networks have tiny gradients
    model.config.layerdrop = 0.0
    model.train()
    for _ in range(2):
        torch.nn.functional.cross_entropy(model(**batch).logits, torch.tensor([0, 1])).backward()
        optimizer.step()
        optimizer.zero_grad()
    model.eval()


def list_trained(model):
    return [name for name, weight in model.named_parameters() if weight.requires_grad]


def find_factors(model):
    """Return the factors (A, B) of every adapter, by the name of the weight that they change."""
    weights = {name: weight.detach().numpy().copy() for name, weight in model.named_parameters() if ".lora_A" in name}
    return {
        name.partition(".lora_A")[0].removesuffix(".parametrizations.weight.0"): (
            value,
            model.get_parameter(name.replace(".lora_A", ".lora_B")).detach().numpy().copy(),
        )
        for name, value in weights.items()
    }


@FAMILIES
def test_adapters_are_trained_and_merged_into_an_ordinary_network(family, tmp_path):
    model, before, parts, batch = restrict(family, tmp_path, Settings(lora=RANK, lora_alpha=ALPHA))
    per_layer = 4 * RANK * (D + D) + 2 * RANK * (D + F)  # query, key, value, output; feed-forward up and down
    per_layer += RANK * (8 + 8) if family == "wavlm" else 0  # its gate of the relative positions
    classifier = [name for name in before if find_part(family, name) == "classifier"]
    assert parts.weights[0] == 2 * per_layer + sum(before[name].numel() for name in classifier)
    assert sorted(name for name in list_trained(model) if "lora_" not in name) == sorted(classifier)

    untouched = model(**batch, output_hidden_states=True).hidden_states[-1]
    train(model, batch)
    factors = find_factors(model)
    assert len(factors) == 2 * (6 if family != "wavlm" else 7)
    assert all(np.abs(b).max() > 1e-3 for _, b in factors.values())  # every adapter has learned
    adapted = model(**batch, output_hidden_states=True)
    assert not torch.allclose(adapted.hidden_states[-1], untouched, atol=1e-2)

    parts.merge()
    merged = model.state_dict()
    assert merged.keys() == before.keys()
    for name in before:
        layer = name.removesuffix(".weight")
        if layer in factors and name != layer:
            a, b = factors[layer]
            expected = before[name].numpy() + ALPHA / RANK * b @ a
            np.testing.assert_allclose(merged[name].numpy(), expected, atol=1e-5)
        elif name not in classifier:
            assert torch.equal(merged[name], before[name]), name

    model.save_pretrained(tmp_path / "merged")
    assert not list(tmp_path.glob("merged/*adapter*"))
    auto = hf.AutoModelForAudioClassification if family in tiny.AUDIO else hf.AutoModelForSequenceClassification
    _, report = auto.from_pretrained(tmp_path / "merged", output_loading_info=True)
    assert not report["missing_keys"]
    assert not report["unexpected_keys"]
    loaded = model(**batch, output_hidden_states=True)
    for one, other in zip(adapted.hidden_states, loaded.hidden_states, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5)


@FAMILIES
@pytest.mark.parametrize("front", [True, False])
def test_frozen_layers_are_counted_from_the_input(family, front, tmp_path):
    settings = Settings(freeze=1, freeze_front=front)
    model, before, parts, batch = restrict(family, tmp_path, settings)
    wanted = {2, "top", "classifier"} | (set() if front else {"front"})
    expected = [name for name, _ in model.named_parameters() if find_part(family, name) in wanted]
    assert list_trained(model) == expected
    assert parts.weights[0] == sum(before[name].numel() for name in expected)
    train(model, batch)
    changed = {
        find_part(family, name) for name, value in model.state_dict().items() if not torch.equal(value, before[name])
    }
    assert changed <= wanted
    assert {2, "classifier"} <= changed


@FAMILIES
def test_the_whole_base_network_can_be_frozen(family, tmp_path):
    model, *_ = restrict(family, tmp_path, Settings(freeze=FREEZE_ALL))
    assert {find_part(family, name) for name in list_trained(model)} == {"classifier"}


@FAMILIES
def test_adapters_stand_above_frozen_layers(family, tmp_path):
    model, *_ = restrict(family, tmp_path, Settings(freeze=1, lora=2))
    assert {find_part(family, name) for name in list_trained(model)} == {2, "classifier"}


@FAMILIES
@pytest.mark.parametrize("lora", [0, 2])
def test_rates_fall_from_the_classifier_to_the_input(family, lora, tmp_path):
    settings = Settings(layer_decay=0.5, lora=lora, freeze_front=False, learning_rate=0.08)
    model, _, parts, _ = restrict(family, tmp_path, settings)
    trainer = ClassifierTrainer(
        model=model,
        args=hf.TrainingArguments(str(tmp_path), learning_rate=0.08, weight_decay=0.01, report_to="none", use_cpu=True),
    )
    trainer.layers, trainer.layer_decay = parts.layers, 0.5
    groups = trainer.create_optimizer().param_groups
    found = {id(weight): (group["lr"], group["weight_decay"]) for group in groups for weight in group["params"]}
    assert len(found) == sum(len(group["params"]) for group in groups) == len(list_trained(model))
    rates = {"classifier": 0.08, "top": 0.08, 2: 0.04, 1: 0.02, "input": 0.01, "front": 0.01}
    for name in list_trained(model):
        plain = name.endswith("bias") or "norm" in name.lower()
        rate, decay = found[id(model.get_parameter(name))]
        assert rate == pytest.approx(rates[find_part(family, name)]), name
        assert decay == (0.0 if plain else 0.01), name
    assert groups[0]["lr"] == 0.08  # the one that is logged
