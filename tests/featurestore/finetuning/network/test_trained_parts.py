"""Settings of what is trained: their messages, records, and training that is stopped in the middle."""

import json
import sys
from dataclasses import replace

import pytest
import torch
import transformers as hf

from featurestore import encoders
from featurestore.commands.finetune import command
from featurestore.errors import BadValue, Unavailable
from featurestore.finetuning.finetune import finetune
from featurestore.finetuning.network.trained_parts import TrainedParts, restrict_training
from featurestore.finetuning.options.settings import FREEZE_ALL, Settings
from featurestore.finetuning.trained_parts_check import check_trained_parts
from featurestore.finetuning.training import training_reporter
from featurestore.item import Item
from featurestore.networks.checkpoint import resolve
from featurestore.spec import EncoderSpec
from tests.featurestore.finetuning.networks import find_part, load
from tests.featurestore.finetuning.texts import SETTINGS, arguments, assert_same_weights, corpus, weights
from tests.support import architectures, tiny

pytestmark = pytest.mark.filterwarnings("ignore:Support for mismatched key_padding_mask")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"lora": -1}, "invalid --lora\n  expected: a rank of 1 or more; 0 for no adapters\n  got: -1"),
        (
            {"lora": 4, "lora_alpha": 0.0},
            "invalid --lora-alpha\n  expected: more than 0; twice the rank is usual\n  got: 0.0",
        ),
        (
            {"lora_alpha": 8.0},
            "--lora-alpha is the scale of adapters\n  expected: --lora RANK with it\n  do: add --lora 8",
        ),
        ({"freeze": -2}, "invalid --freeze\n  expected: all, or a number of layers from 0\n  got: -2"),
        ({"layer_decay": 0.0}, "invalid --layer-decay\n  expected: more than 0, at most 1\n  got: 0.0"),
        ({"layer_decay": 1.5}, "invalid --layer-decay\n  expected: more than 0, at most 1\n  got: 1.5"),
        (
            {"label_smoothing": 1.0},
            "invalid --label-smoothing\n  expected: from 0 to less than 1; 0.1 is usual\n  got: 1.0",
        ),
        ({"class_weights": "inverse"}, "invalid --class-weights\n  expected: none or balanced\n  got: inverse"),
        (
            {"freeze": FREEZE_ALL, "lora": 4},
            "--lora and --freeze all contradict each other\n  expected: layers that adapters can stand on\n"
            "  do: leave one of them out, or freeze fewer layers",
        ),
        (
            {"freeze": FREEZE_ALL, "layer_decay": 0.9},
            "--layer-decay and --freeze all contradict each other\n  expected: layers that are trained\n"
            "  do: leave one of them out, or freeze fewer layers",
        ),
    ],
)
def test_invalid_settings_are_refused_before_anything_is_loaded(settings, message, tmp_path, monkeypatch):
    tiny.checkpoint("bert", tmp_path / "start")
    monkeypatch.setattr("featurestore.finetuning.network.network_recipe.load_starting_network", None)
    with pytest.raises(BadValue) as refused:
        finetune(**arguments(tmp_path, settings=replace(SETTINGS, **settings)))
    assert str(refused.value) == message


def test_adapters_need_peft(monkeypatch):
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(Unavailable) as missing:
        check_trained_parts(Settings(lora=4))
    assert str(missing.value) == "--lora needs the package peft\n  do: pip install 'emofuse[lora]'"
    check_trained_parts(Settings())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"freeze": 3},
            "checkpoint {} has 2 layers\n  expected: --freeze 1 to 2, or all\n  got: --freeze 3",
        ),
        (
            {"lora": 16},
            "no layer of checkpoint {} can have an adapter of rank 16\n  expected: --lora 1 to 15\n"
            "  got: 12 linear layers, the widest of width 16\n  do: lower --lora",
        ),
    ],
)
def test_a_network_with_too_few_layers_or_too_narrow_ones_is_named(settings, message, tmp_path):
    model, processor, start = load("bert", tmp_path / "start")
    with pytest.raises(BadValue) as refused:
        restrict_training(model, processor, "text", Settings(**settings), start, print)
    assert str(refused.value) == message.format(start.name)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("albert", "its layers share their weights"),
        ("xlm", "the parts of its layers are in separate lists"),
        ("squeezebert", "no list of layers was found in it"),
    ],
)
def test_layers_that_cannot_be_counted_are_refused_and_the_rest_works(name, reason, tmp_path):
    model = architectures.network(name, hf.AutoModelForSequenceClassification)
    tokenizer = architectures.tokenizer()
    start = resolve(architectures.save(model, tokenizer, tmp_path / "start"))
    for settings in (Settings(freeze=1), Settings(layer_decay=0.9)):
        with pytest.raises(BadValue) as refused:
            restrict_training(model, tokenizer, "text", settings, start, print)
        assert str(refused.value) == (
            f"the layers of checkpoint {start.name} cannot be counted\n"
            "  expected: a network with one list of layers, each with its own weights\n"
            f"  got: {reason}\n"
            "  do: leave --freeze LAYERS and --layer-decay out; --freeze all and --lora do not count layers"
        )
    parts = restrict_training(model, tokenizer, "text", Settings(freeze=FREEZE_ALL), start, print)
    assert 0 < parts.weights[0] < parts.weights[1]


def test_without_such_settings_nothing_is_touched(tmp_path):
    model, processor, start = load("wavlm", tmp_path / "start")
    trained = [(name, weight.requires_grad) for name, weight in model.named_parameters()]
    state, lines = torch.get_rng_state(), []
    assert restrict_training(model, processor, "audio", Settings(), start, lines.append) == TrainedParts()
    assert [(name, weight.requires_grad) for name, weight in model.named_parameters()] == trained
    assert torch.equal(torch.get_rng_state(), state)
    assert lines == []


def test_adapters_depend_on_the_seed_alone(tmp_path):
    networks = []
    for number, seed in enumerate((1, 1, 2)):
        model, processor, start = load("wavlm", tmp_path / str(number))
        torch.manual_seed(number)
        state = torch.get_rng_state()
        restrict_training(model, processor, "audio", Settings(lora=4, seed=seed), start, lambda line: None)
        assert torch.equal(torch.get_rng_state(), state)
        networks.append({name: weight for name, weight in model.state_dict().items() if "lora_A" in name})
    one, same, other = networks
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not any(torch.equal(one[name], other[name]) for name in one)


PARTS = {"lora": 4, "layer_decay": 0.8, "class_weights": "balanced", "label_smoothing": 0.1}


def tune(folder, out, say=lambda line: None, **changes):
    given = arguments(folder, out=out, say=say, settings=replace(SETTINGS, **changes))
    if given["settings"].dev:
        given |= {"train_ids": given["train_ids"][:24], "dev_ids": given["train_ids"][24:]}
    return finetune(**given)


BEST = {"dev": 0.2, "select": "best-dev", "test_every_epoch": False, "precision": "bf16"}


@pytest.mark.parametrize("settings", [PARTS | {"epochs": 2}, {"freeze": 1, "epochs": 2}, PARTS | BEST])
def test_a_run_stopped_in_an_epoch_ends_with_the_same_weights(settings, folder, tmp_path, monkeypatch):
    whole = tune(folder, tmp_path / "whole", **settings)
    original = training_reporter.TrainingReporter.on_save

    def stop(self, args, state, control, **rest):
        original(self, args, state, control, **rest)
        if state.global_step == 5:  # 3 or 4 steps an epoch
            raise KeyboardInterrupt

    monkeypatch.setattr(training_reporter.TrainingReporter, "on_save", stop)
    monkeypatch.setattr(training_reporter, "SAVE_EVERY", 0.0)
    with pytest.raises(KeyboardInterrupt):
        tune(folder, tmp_path / "stopped", **settings)
    monkeypatch.undo()
    lines = []
    resumed = tune(folder, tmp_path / "stopped", say=lines.append, **settings)
    assert f"{tmp_path / 'stopped'}.parts: resuming" in lines
    assert_same_weights(resumed.folder, whole.folder)
    assert resumed.record["history"] == whole.record["history"]
    assert tune(folder, tmp_path / "whole", **settings).fresh is False


def test_a_merged_checkpoint_is_encoded_without_peft(folder, tmp_path, monkeypatch):
    lines = []
    result = tune(folder, tmp_path / "tuned", say=lines.append, **PARTS)
    assert "LoRA: adapters of rank 4 on 12 linear layers" in lines
    trained, every = result.record["trained_weights"].values()
    assert f"{trained:,} of {every:,} weights are trained ({trained / every:.1%})" in lines
    assert {name: result.record["settings"][name] for name in PARTS} == PARTS
    assert not PARTS.keys() & tune(folder, tmp_path / "plain").record["settings"].keys()
    assert weights(result.folder).keys() == weights(tmp_path / "plain").keys()
    assert "peft" not in json.dumps(json.loads((result.folder / "config.json").read_text("utf-8")))
    monkeypatch.setitem(sys.modules, "peft", None)  # importing it fails
    row = corpus()[-1]
    encoder = encoders.load(encoders.identify(EncoderSpec("text", str(result.folder))), "cpu")
    (vectors,) = encoders.encode(encoder, [encoder.load(Item("u", None, row.text))], frozenset(["logits"]))
    assert vectors["logits"].argmax() == ["hap", "sad"].index(row.label)


@pytest.mark.parametrize("family", ["wav2vec2-layer", "wavlm", "whisper", "bert", "deberta-v2"])
@pytest.mark.parametrize("settings", [{"freeze": 1}, {"lora": 4}])
def test_gradients_are_the_same_with_gradient_checkpointing(family, settings, tmp_path):
    audio = family in tiny.AUDIO
    model, processor, start = load(family, tmp_path / "start")
    restrict_training(model, processor, "audio" if audio else "text", Settings(**settings), start, lambda line: None)
    model.config.layerdrop = 0.0
    inputs = torch.randn(2, 80, 3000) if family == "whisper" else torch.randn(2, 8000)
    batch = {model.main_input_name: inputs if audio else torch.tensor([[2, 5, 6, 3]])}
    gradients = []
    for step in range(2):
        if step:
            model.activation_checkpointing_enable()
        hf.set_seed(0)  # the same dropout and masks
        model.zero_grad()
        model.train()(**batch).logits.sum().backward()
        gradients.append({name: w.grad.clone() for name, w in model.named_parameters() if w.grad is not None})
    plain, saved = gradients
    assert plain.keys() == saved.keys() <= {name for name, w in model.named_parameters() if w.requires_grad}
    assert any("layer" in name for name in plain)
    for name, gradient in plain.items():
        torch.testing.assert_close(gradient, saved[name], msg=name)


def test_frozen_layers_stay_as_they_are_with_layer_drop(tmp_path):
    model, processor, start = load("wav2vec2-layer", tmp_path / "start")
    model.config.layerdrop = 0.5
    before = {name: weight.detach().clone() for name, weight in model.named_parameters()}
    restrict_training(model, processor, "audio", Settings(freeze=1), start, lambda line: None)
    optimizer = torch.optim.AdamW([weight for weight in model.parameters() if weight.requires_grad], eps=1e-20)
    for seed in range(6):
        torch.manual_seed(seed)
        model.train()(torch.randn(2, 4000)).logits[:, 0].sum().backward()
        optimizer.step()
    changed = {find_part("wav2vec2-layer", n) for n, w in model.named_parameters() if not torch.equal(w, before[n])}
    assert changed == {2, "top", "classifier"}


@pytest.mark.parametrize(("word", "value"), [("2", 2), ("all", FREEZE_ALL), ("0", 0)])
def test_the_command_takes_a_number_of_layers_or_all(word, value):
    option = next(one for one in command.params if one.name == "freeze")
    assert option.type.convert(word, option, None) == value


def test_the_command_names_what_is_no_number_of_layers():
    option = next(one for one in command.params if one.name == "freeze")
    with pytest.raises(Exception, match="'half' is neither all nor a whole number from 0"):
        option.type.convert("half", option, None)
