"""Fine-tuning with context: a corpus where only the turn before tells, and what becomes of the checkpoint."""

import dataclasses

import numpy as np
import pytest

from benchmarks.fitting.fit import fit_and_save
from featurestore.commands.extract import extract
from featurestore.commands.finetune import finetune as finetune_store
from featurestore.encoders import identify
from featurestore.errors import BadValue, Mismatch
from featurestore.extraction.extract import extract_encoder
from featurestore.finetuning.finetune import finetune
from featurestore.finetuning.options.settings import AS_PUBLISHED
from featurestore.inspection.describe import describe, render
from featurestore.manifest import Utterance
from featurestore.networks.checkpoint import Checkpoint
from featurestore.prediction.predict import predict
from featurestore.spec import EncoderSpec
from featurestore.store import Store
from tests.featurestore.finetuning.texts import arguments
from tests.support import tiny

SETTINGS = {"epochs": 12, "learning_rate": 1e-2, "batch_size": 8, "micro_batch": 8, "labels": "all"}
SAID = {"ang": "never lost", "hap": "always found"}


def turns(count=40):
    """Return dialogues of two turns: a question without a label, and an answer whose class the question tells."""
    rows = []
    for number in range(count):
        label, speaker = ("ang", "hap")[number % 2], f"S{number % 4}"
        common = {"dialogue": f"d{number}", "speaker": speaker, "session": str(number % 4)}
        question = f"{SAID[label]} my {tiny.WORDS[10 + number % 10]}"
        rows.append(Utterance(f"q{number:02d}", text=question, start=1.0, end=2.0, **common))
        rows.append(Utterance(f"a{number:02d}", text="we saw the house", label=label, start=3.0, end=4.0, **common))
    return rows


@pytest.fixture(scope="module")
def tuned(tmp_path_factory):
    """Return a store and two checkpoints fine-tuned on it, with a context of one turn and without."""
    folder = tmp_path_factory.mktemp("context")
    store = tiny.store(folder / "store", turns(), folder)
    start = tiny.checkpoint("bert", folder / "start")
    for context in (0, 1):
        options = {"modality": "text", "checkpoint": str(start), "out": folder / f"tuned{context}", **SETTINGS}
        finetune_store(store.path, context=context, dev=0.0, select="last", say=lambda line: None, **options)
    return store, folder


def run(store, checkpoint, **options):
    lines = []
    done = extract(store.path, encoders=[f"text={checkpoint}"], jobs=1, device="cpu", say=lines.append, **options)
    return done[0], lines


def test_only_with_context_the_turn_before_is_learned_from(tuned):
    _, folder = tuned
    accuracy = {
        context: Checkpoint("", folder / f"tuned{context}").read_finetune_record()["test"]["accuracy"]
        for context in (0, 1)
    }
    assert accuracy == {0: 0.5, 1: 1.0}


def test_the_record_holds_a_context_and_none_where_there_is_none(tuned):
    _, folder = tuned
    settings = [Checkpoint("", folder / f"tuned{context}").read_finetune_record()["settings"] for context in (0, 1)]
    assert "context" not in settings[0]  # so that records of older versions stay up to date
    assert settings[1] == {**settings[0], "context": 1}
    assert "context: 1" in render(describe(folder / "tuned1"))
    assert identify(EncoderSpec("text", str(folder / "tuned1"))).context == 1


def test_extraction_reads_the_context_of_fine_tuning_and_refuses_another(tuned):
    store, folder = tuned
    _, lines = run(store, folder / "tuned1")
    assert f"text: --context 1, as {folder / 'tuned1'} was fine-tuned" in lines
    found = Store(store.path)
    assert found.describe("text")["context"] == 1
    X, _, ids = found.matrix(["text.logits"])
    answers = [name for name in ids if name.startswith("a")]
    right = [int(X[ids.index(name)].argmax()) == int(name[1:]) % 2 for name in answers]  # ang, hap
    assert np.mean(right) == 1.0
    assert run(store, folder / "tuned1", context=1)[0].reused == len(store.utterances)
    with pytest.raises(BadValue) as raised:
        run(store, folder / "tuned1", context=3)
    assert str(raised.value) == (
        f"checkpoint {folder / 'tuned1'} was fine-tuned with --context 1\n"
        "  expected: --context 1\n"
        "  got: --context 3\n"
        "  do: leave --context out, or fine-tune with --context 3"
    )
    with pytest.raises(BadValue, match=r"was fine-tuned without context\n  expected: --context 0\n  got: --context 1"):
        run(store, folder / "tuned0", context=1)


@pytest.fixture(scope="module")
def bundle(tuned):
    """Fit a head on features with context and without, of one store."""
    store, folder = tuned
    for name in ("tuned0", "tuned1"):
        spec = EncoderSpec(name, str(folder / name))
        extract_encoder(Store(store.path), spec, jobs=1, device="cpu", say=lambda line: None)
    features = "tuned1.mean,tuned0.mean"
    return fit_and_save(Store(store.path), head="svm", params=(), features=features, out=folder / "bundle")


def write_table(path, rows, columns):
    lines = [",".join(columns), *(",".join(str(getattr(row, column)) for column in columns) for row in rows)]
    path.write_text("\n".join(lines) + "\n")
    return path


def test_a_bundle_predicts_rows_of_a_table_with_their_context(tuned, bundle, tmp_path):
    store, _ = tuned
    X, _, ids = Store(store.path).matrix(["tuned1.mean", "tuned0.mean"])
    expected = dict(zip(ids, bundle.bundle.head.predict_proba(X), strict=True))
    rows = [*store.utterances[20:30], *store.utterances[:10]]
    shuffled = [rows[place] for place in np.random.default_rng(0).permutation(len(rows))]
    table = write_table(tmp_path / "timed.csv", shuffled, ("id", "text", "dialogue", "start", "end"))
    lines = []
    for found in predict(bundle.path, table=table, say=lines.append):
        np.testing.assert_allclose(list(found.probabilities.values()), expected[found.id], atol=1e-4)
    assert lines == []
    in_order = write_table(tmp_path / "ordered.csv", rows, ("id", "text", "dialogue"))
    for found in predict(bundle.path, table=in_order):
        np.testing.assert_allclose(list(found.probabilities.values()), expected[found.id], atol=1e-4)


def test_rows_and_utterances_without_context_are_predicted_with_one_line(tuned, bundle, tmp_path):
    store, _ = tuned
    table = write_table(tmp_path / "rows.csv", store.utterances[:4], ("id", "text"))
    lines = []
    alone = predict(bundle.path, table=table, say=lines.append)
    assert lines == [
        "this bundle reads 1 turn before each utterance: the table names no dialogue (column dialogue), so each row is "
        "read alone"
    ]
    lines.clear()
    (single,) = predict(bundle.path, text=store.utterances[1].text, say=lines.append)
    assert lines == ["this bundle reads 1 turn before each utterance: a single utterance is read alone"]
    assert single.probabilities == alone[1].probabilities


def test_an_ambiguous_order_in_a_table_is_refused(tuned, bundle, tmp_path):
    store, _ = tuned
    rows = [dataclasses.replace(row, start=1.0, end=2.0) for row in store.utterances[:2]]
    table = write_table(tmp_path / "rows.csv", rows, ("id", "text", "dialogue", "start", "end"))
    with pytest.raises(Mismatch, match="the order of q00 and a00 in dialogue d0 is ambiguous"):
        predict(bundle.path, table=table)


def test_turns_of_the_other_side_of_a_fold_are_counted(tmp_path):
    rows = [dataclasses.replace(row, label="ang" if row.id[0] == "q" else "hap") for row in turns(8)]
    # the answers are spoken by others than the questions, so that a fold by speaker cuts every dialogue
    rows = [dataclasses.replace(row, speaker=row.id[0] + row.id[2]) for row in rows]
    store = tiny.store(tmp_path / "store", rows, tmp_path)
    tiny.checkpoint("bert", tmp_path / "start")
    lines = []
    finetune_store(
        store.path,
        modality="text",
        checkpoint=str(tmp_path / "start"),
        out=tmp_path / "tuned",
        labels="all",
        protocol="leave-one-speaker-out",
        fold="q1",
        epochs=1,
        context=2,
        say=lines.append,
    )
    assert lines[0] == (
        "fold q1 cuts through dialogues: 1 of 15 training turns read the text (not the label) of held-out turns as "
        "context; a protocol that keeps dialogues together avoids it"
    )


def test_an_audio_encoder_has_no_context(tmp_path):
    tiny.checkpoint("hubert", tmp_path / "start")
    settings = dataclasses.replace(AS_PUBLISHED, context=2)
    with pytest.raises(BadValue) as raised:
        finetune(**arguments(tmp_path, modality="audio", settings=settings))
    assert str(raised.value) == (
        "only a text encoder is fine-tuned with context\n"
        "  expected: --context with --modality text\n"
        "  got: --context 2 with --modality audio\n"
        "  do: leave --context out"
    )


def test_a_classifier_on_the_end_token_is_refused_where_it_separates_turns(tmp_path):
    import transformers as hf

    tokenizer = hf.AutoTokenizer.from_pretrained(tiny.checkpoint("roberta", tmp_path / "roberta"))
    tokenizer.save_pretrained(tmp_path / "start")
    config = hf.BartConfig(
        vocab_size=len(tokenizer),
        d_model=16,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=16,
        decoder_ffn_dim=16,
        max_position_embeddings=64,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    hf.BartModel(config).save_pretrained(tmp_path / "start")
    with pytest.raises(BadValue) as raised:
        finetune(**arguments(tmp_path, settings=dataclasses.replace(AS_PUBLISHED, context=2)))
    assert str(raised.value) == (
        "a bart network cannot be fine-tuned with context: its classifier reads the end token, which also separates "
        "turns\n"
        "  do: start from another network, such as BERT, RoBERTa or DeBERTa, or leave --context out"
    )
