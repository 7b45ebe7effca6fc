"""Fine-tuning with a CTC loss on the transcripts, beside the classes."""

import dataclasses
import json
import signal
from collections import Counter

import numpy as np
import pytest
import soundfile
import torch
import transformers as hf
from safetensors.torch import load_file, save_file

from featurestore import encoders
from featurestore.errors import BadValue, Mismatch
from featurestore.finetuning.finetune import finetune
from featurestore.finetuning.inputs.ctc_vocabulary import count_frames_needed, load_vocabulary
from featurestore.finetuning.network.starting_network import load_starting_network
from featurestore.finetuning.options.settings import AS_PUBLISHED
from featurestore.manifest import Utterance
from featurestore.networks.checkpoint import Checkpoint
from featurestore.spec import EncoderSpec
from tests.featurestore.finetuning.texts import arguments, assert_same_weights, weights
from tests.support import fork_server, interrupted_finetune, tiny

# Nothing random in training, so that a first loss can be computed by hand.
RANDOM = "attention_dropout hidden_dropout feat_proj_dropout activation_dropout final_dropout layerdrop mask_time_prob"
STILL = dict.fromkeys([*RANDOM.split(), "mask_feature_prob"], 0.0)
SAID = {"low": "low's low", "high": "Hello, hello"}
START = "cannot learn to spell transcripts: it has no CTC layer over letters"


@pytest.fixture(scope="module")
def spoken(tmp_path_factory):
    """Write clips of two pitches with a transcript each, but one without and one too long for its clip."""
    root = tmp_path_factory.mktemp("spoken")
    random = np.random.default_rng(0)
    rows = []
    for number in range(16):
        label = ("low", "high")[number % 2]
        seconds = random.uniform(0.5, 0.9)
        time = np.arange(int(16_000 * seconds)) / 16_000
        wave = np.sin(2 * np.pi * (150, 900)[number % 2] * time) + 0.1 * random.standard_normal(len(time))
        soundfile.write(root / f"c{number:02d}.wav", 0.3 * wave, 16_000)
        text = {3: " ", 6: "low " * 40}.get(number, SAID[label])
        rows.append(Utterance(f"c{number:02d}", audio=f"c{number:02d}.wav", text=text, label=label))
    tiny.ctc_checkpoint("wav2vec2-group", root / "start", **STILL)
    return root, rows


def given(root, rows, **changes):
    settings = dataclasses.replace(
        AS_PUBLISHED, **{"epochs": 1, "batch_size": 4, "micro_batch": 2, "ctc_weight": 0.1, **changes.pop("of", {})}
    )
    ids = [row.id for row in rows]
    fixed = {"utterances": rows, "train_ids": ids, "held_out_ids": [], "settings": settings, "modality": "audio"}
    return arguments(root, **{**fixed, **changes})


def ctc_by_hand(scores, symbols, blank):
    """Compute -ln p(symbols | frames) from log probabilities (T, V) by the forward recursion over one clip."""
    states = [blank, *(state for symbol in symbols for state in (symbol, blank))]
    alpha = np.full(len(states), -np.inf)
    alpha[:2] = scores[0, states[:2]]
    for frame in scores[1:]:
        before = alpha.copy()
        for place, state in enumerate(states):
            ways = [before[place], *before[max(0, place - 1) : place]]
            if place > 1 and state not in (blank, states[place - 2]):
                ways.append(before[place - 2])
            alpha[place] = np.logaddexp.reduce(ways) + frame[state]
    return -float(np.logaddexp(alpha[-1], alpha[-2]))


@pytest.mark.parametrize("family", ["wav2vec2-group", "wav2vec2-layer", "hubert", "wavlm"])
def test_the_first_loss_is_that_of_each_clip_alone(spoken, tmp_path, family):
    root, rows = spoken
    start = tiny.ctc_checkpoint(family, tmp_path / "start", **STILL)
    settings = {"batch_size": 16, "micro_batch": 4, "ctc_weight": 0.25}
    result = finetune(**given(root, rows, checkpoint=str(start), out=tmp_path / "out", of=settings))
    names = sorted(SAID)
    classifier, extractor = load_starting_network(
        Checkpoint(str(start), start), "audio", names, seed=0, freeze_front=True, say=print
    )
    speller, symbols = hf.AutoModelForCTC.from_pretrained(start).eval(), hf.AutoTokenizer.from_pretrained(start)
    entropies, losses = [], []
    for row in rows:
        wave, rate = soundfile.read(root / row.audio, dtype="float32")
        inputs = extractor(wave, sampling_rate=rate, return_tensors="pt")["input_values"]
        with torch.inference_mode():
            logits = classifier.eval()(inputs).logits[0]
            scores = speller(inputs).logits[0].log_softmax(-1).double().numpy()
        entropies.append(float(logits.logsumexp(-1) - logits[names.index(row.label)]))
        words = row.text.upper().replace(",", "").strip()
        if words and row.id != "c06":
            losses.append(ctc_by_hand(scores, symbols(words)["input_ids"], 0))
    (epoch,) = result.record["history"]
    assert len(losses) == 14
    assert epoch["ctc_loss"] == pytest.approx(sum(losses) / 15, rel=1e-4)  # the one too long for its clip counts 0
    assert epoch["loss"] == pytest.approx((sum(entropies) + 0.25 * sum(losses)) / 16, rel=1e-4)


def test_both_losses_fall_and_the_checkpoint_is_an_ordinary_classifier(spoken, tmp_path, capfd):
    root, rows = spoken
    lines = []
    of = {"epochs": 12, "learning_rate": 1e-2, "ctc_weight": 0.1}
    result = finetune(**given(root, rows, held_out_ids=["c00", "c01"], out=tmp_path / "out", of=of, say=lines.append))
    history = result.record["history"]
    assert history[-1]["ctc_loss"] < 0.5 * history[0]["ctc_loss"]
    assert history[-1]["training_accuracy"] == 1.0
    assert history[-1]["held_out_loss"] < 0.2  # cross entropy alone
    assert result.record["settings"]["ctc_weight"] == 0.1
    assert (
        "CTC: 15 of 16 training utterances have a transcript; 7 characters outside the checkpoint's vocabulary left "
        "out (',' 7); 1 transcript longer than the clip not counted"
    ) in lines
    assert capfd.readouterr() == ("", "")
    assert not [name for name in weights(tmp_path / "out") if "ctc" in name or "lm_head" in name]
    identity = encoders.identify(EncoderSpec("audio", str(tmp_path / "out")))
    assert identity.classes == ("high", "low")
    encoder = encoders.load(identity, "cpu")
    for item, row in zip(tiny.items(rows, root), rows, strict=True):
        (found,) = encoders.encode(encoder, [encoder.load(item)], frozenset(["logits"]))
        assert identity.classes[int(found["logits"].argmax())] == row.label


def test_the_loss_of_a_step_does_not_depend_on_the_utterances_in_memory_at_once(spoken, tmp_path):
    root, rows = spoken
    histories = [
        finetune(
            **given(root, rows, out=tmp_path / str(micro), of={"batch_size": 16, "micro_batch": micro, "epochs": 2})
        ).record["history"]
        for micro in (1, 16)
    ]
    for one, other in zip(*histories, strict=True):
        assert one["loss"] == pytest.approx(other["loss"], rel=1e-3)


def test_a_weight_of_zero_trains_as_without_transcripts(spoken, tmp_path):
    root, rows = spoken
    silent = [dataclasses.replace(row, text="") for row in rows]
    for name, texts, weight in (("none", silent, 0.0), ("zero", rows, 0.0), ("some", rows, 0.1)):
        finetune(**given(root, texts, out=tmp_path / name, of={"ctc_weight": weight, "epochs": 2}))
    assert (tmp_path / "none" / "model.safetensors").read_bytes() == (
        tmp_path / "zero" / "model.safetensors"
    ).read_bytes()
    record = json.loads((tmp_path / "zero" / "finetune.json").read_text())
    assert "ctc_weight" not in record["settings"]  # so that records of older versions stay up to date
    assert record["history"][0].keys() == {"epoch", "loss", "training_accuracy", "steps"}
    one, other = (weights(tmp_path / name) for name in ("zero", "some"))
    assert any(not torch.equal(one[name], other[name]) for name in one)


def test_a_killed_run_resumes_and_ends_with_the_same_weights(spoken, tmp_path):
    """Kill a run with dropout and masks after one epoch of four steps, and one step more."""
    root, rows = spoken
    start = tiny.ctc_checkpoint("wav2vec2-group", tmp_path / "start")
    options = given(root, rows, checkpoint=str(start), of={"epochs": 2})
    options.pop("say")
    whole = finetune(**{**options, "out": tmp_path / "whole"}, say=lambda line: None)
    options["out"] = tmp_path / "killed"
    process = fork_server.start(interrupted_finetune.run, options, 5, signal.SIGKILL)
    process.join()
    assert process.exitcode == -signal.SIGKILL
    lines = []
    resumed = finetune(**options, say=lines.append)
    assert f"{tmp_path / 'killed'}.parts: resuming" in lines
    assert_same_weights(tmp_path / "whole", tmp_path / "killed")
    assert resumed.record["history"] == whole.record["history"]


@pytest.fixture(scope="module")
def vocabulary(spoken):
    root, _ = spoken
    return load_vocabulary(Checkpoint("", root / "start"))


@pytest.mark.parametrize(
    ("text", "spelled"),
    [
        ("Hello, it\u2019s low", "HELLO|IT'S|LOW"),
        ("  low \n\t - low ", "LOW|LOW"),
        ("qué", ""),
        ("", ""),
        ("weiß", "WEISS"),
        ("|<pad>", ""),
    ],
)
def test_words_are_spelled_in_the_case_of_the_vocabulary(vocabulary, text, spelled):
    symbols = ["<pad>", "<s>", "</s>", "<unk>", "|", *"'EHILNOSTW"]
    assert "".join(symbols[number] for number in vocabulary.spell(text)) == spelled


def test_characters_left_out_are_counted(vocabulary):
    assert vocabulary.count_unknown(["qué!", "low!", ""]) == Counter({"!": 2, "q": 1, "u": 1, "é": 1})


def test_a_lower_case_vocabulary_without_a_delimiter_spells_too(tmp_path):
    start = tiny.ctc_checkpoint("hubert", tmp_path, letters="elow")
    found = dataclasses.replace(load_vocabulary(Checkpoint("", start)), delimiter=None)
    assert found.spell("LOW lee") == [found.numbers[letter] for letter in "lowlee"]


def test_equal_neighbours_need_a_blank_between_them():
    assert [count_frames_needed(symbols) for symbols in ([], [5], [5, 5], [5, 6, 5, 5, 5])] == [0, 1, 3, 7]


def refused(root, rows, **changes):
    with pytest.raises((BadValue, Mismatch)) as raised:
        finetune(**given(root, rows, **changes))
    return str(raised.value)


def test_a_checkpoint_without_a_ctc_layer_is_refused(spoken, tmp_path):
    root, rows = spoken
    plain = tiny.checkpoint("wav2vec2-group", tmp_path / "plain")
    expected = (
        f"checkpoint {plain} {START}\n"
        "  expected: a network with an lm_head (Wav2Vec2ForCTC, HubertForCTC, WavLMForCTC, …) and its vocab.json\n"
        "  got: architecture Wav2Vec2Model\n"
        "  do: start from a CTC checkpoint, such as facebook/wav2vec2-base-960h, or leave --ctc-weight out"
    )
    assert refused(root, rows, checkpoint=str(plain), out=tmp_path / "out") == expected
    assert not (tmp_path / "out.parts").exists()


def test_a_checkpoint_without_letters_is_refused(spoken, tmp_path):
    root, rows = spoken
    bare = tiny.ctc_checkpoint("hubert", tmp_path / "bare")
    (bare / "vocab.json").unlink()
    assert f"{START}\n" in (text := refused(root, rows, checkpoint=str(bare), out=tmp_path / "out"))
    assert "got: no vocab.json" in text
    digits = tiny.ctc_checkpoint("hubert", tmp_path / "digits", letters="0123")
    text = refused(root, rows, checkpoint=str(digits), out=tmp_path / "out")
    assert "got: its vocabulary holds no letters" in text
    sounds = tiny.ctc_checkpoint("hubert", tmp_path / "sounds")
    settings = json.loads((sounds / "tokenizer_config.json").read_text())
    settings["tokenizer_class"] = "Wav2Vec2PhonemeCTCTokenizer"
    (sounds / "tokenizer_config.json").write_text(json.dumps(settings))
    assert "got: a vocabulary of phonemes" in refused(root, rows, checkpoint=str(sounds), out=tmp_path / "out")


def test_a_layer_that_is_missing_or_does_not_fit_is_refused(spoken, tmp_path):
    root, rows = spoken
    start = tiny.ctc_checkpoint("hubert", tmp_path / "start")
    found = load_file(start / "model.safetensors")
    short = found | {name: found[name][:-1].clone() for name in ("lm_head.weight", "lm_head.bias")}
    save_file(short, start / "model.safetensors", metadata={"format": "pt"})
    text = refused(root, rows, checkpoint=str(start), out=tmp_path / "out")
    assert text.startswith(f"the CTC layer of checkpoint {start} does not fit its network and vocabulary\n")
    assert "expected: width 16, 15 symbols or more\n  got: width 16, 14 symbols" in text
    rest = {name: value for name, value in found.items() if not name.startswith("lm_head")}
    save_file(rest, start / "model.safetensors", metadata={"format": "pt"})
    text = refused(root, rows, checkpoint=str(start), out=tmp_path / "out")
    assert text.startswith(f"checkpoint {start} does not hold the weights of its CTC layer\n")
    assert "got: neither" in text


def test_transcripts_that_cannot_be_spelled_are_refused(spoken, tmp_path):
    root, rows = spoken
    foreign = [dataclasses.replace(row, text="да") for row in rows]
    assert refused(root, foreign, out=tmp_path / "out") == (
        "none of 16 training utterances has a transcript that this checkpoint can spell\n"
        "  expected: transcripts in the column text, in the letters of the checkpoint's vocabulary\n"
        "  got: characters 'д' 16, 'а' 16\n"
        "  do: fill the column text and run cli prepare again, start from a checkpoint of this language, or leave "
        "--ctc-weight out"
    )


def test_a_text_encoder_and_a_weight_below_zero_are_refused(spoken, tmp_path):
    root, rows = spoken
    assert refused(root, rows, of={"ctc_weight": -1.0}) == "invalid --ctc-weight -1\n  expected: 0 or more"
    text = tiny.checkpoint("bert", tmp_path / "text")
    assert refused(root, rows, modality="text", checkpoint=str(text)) == (
        "only an audio encoder learns to spell its transcripts\n"
        "  expected: --ctc-weight with --modality audio\n"
        "  got: --ctc-weight 0.1 with --modality text\n"
        "  do: leave --ctc-weight out"
    )
