"""Extraction of text encoders that read the turns before an utterance."""

import dataclasses

import numpy as np
import pytest
import torch
import transformers as hf

from featurestore import encoders
from featurestore.commands.extract import extract
from featurestore.errors import BadValue, Mismatch
from featurestore.extraction.extract import extract_encoder
from featurestore.inspection.explain import explain
from featurestore.inspection.verify import verify
from featurestore.spec import EncoderSpec, restore_encoder
from featurestore.storage.feature_file import FeatureFile
from featurestore.store import Store
from tests.support import tiny

# id, dialogue, start, text
TURNS = (
    ("b1", "b", None, "you told my sister"),
    ("a2", "a", 2.0, "my dog"),
    ("a1", "a", 1.0, "we lost the money"),
    ("alone", "", None, "my dog"),
    ("a4", "a", 9.0, "my dog"),
    ("a3", "a", 3.0, ""),
    ("b2", "b", None, "my dog"),
)
CONTEXTS = {  # of two turns; a3 has no text
    "b1": (),
    "a2": ("we lost the money",),
    "a1": (),
    "alone": (),
    "a4": ("my dog",),
    "a3": ("we lost the money", "my dog"),
    "b2": ("you told my sister",),
}


@pytest.fixture(scope="module")
def bert(tmp_path_factory):
    return str(tiny.checkpoint("bert", tmp_path_factory.mktemp("bert"), ("x", "y")))


@pytest.fixture
def dialogues(tmp_path):
    """Prepare a store of two dialogues and an utterance in none, without labels."""
    made = tiny.utterances(len(TURNS), tmp_path / "corpus")
    rows = [
        dataclasses.replace(row, id=name, dialogue=dialogue, start=start, text=text, label="xxx")
        for row, (name, dialogue, start, text) in zip(made, TURNS, strict=True)
    ]
    return tiny.store(tmp_path / "store", rows, tmp_path / "corpus")


def run(store, checkpoint, context=2, name="text", **options):
    spec = EncoderSpec(name, checkpoint, context)
    return extract_encoder(Store(store.path), spec, jobs=1, device="cpu", say=lambda line: None, **options)


def rewrite(store, **changes):
    rows = [dataclasses.replace(row, **changes.get(row.id, {})) for row in Store(store.path).utterances]
    return tiny.store(store.path, rows, store.root)


def test_a_vector_is_that_of_the_joined_text_and_frames_are_the_turns_own(dialogues, bert):
    result = run(dialogues, bert, optional=["frames", "layers"])
    assert dict(result.failed) == {"a3": "no transcript"}
    file = FeatureFile(dialogues.path / "text.h5")
    tokenizer, model = (
        hf.AutoTokenizer.from_pretrained(bert),
        hf.AutoModelForSequenceClassification.from_pretrained(bert),
    )
    texts = {row.id: row.text for row in dialogues.utterances}
    for name in file.ids:
        joined = " [SEP] ".join((*CONTEXTS[name], texts[name]))
        with torch.inference_mode():
            output = model.eval()(**tokenizer(joined, return_tensors="pt"), output_hidden_states=True)
        own = len(tokenizer(texts[name])["input_ids"]) - 1
        states = [np.r_[state[0, :1].numpy(), state[0, -own:].numpy()] for state in output.hidden_states]
        row = file.rows[name]
        np.testing.assert_allclose(file.frames(row), states[-1], atol=1e-5)
        np.testing.assert_allclose(file["mean"][row], states[-1].mean(0), atol=1e-5)
        np.testing.assert_allclose(file["cls"][row], states[-1][0], atol=1e-5)
        np.testing.assert_allclose(file["logits"][row], output.logits[0].numpy(), atol=1e-5)
        np.testing.assert_allclose(file["layers"][row], [state.mean(0) for state in states], atol=2e-3)


def test_a_vector_does_not_depend_on_its_batch(dialogues, bert):
    identity = encoders.identify(EncoderSpec("text", bert, 2))
    encoder = encoders.load(identity, "cpu")
    items = [
        dataclasses.replace(dialogues.item(row), context=CONTEXTS[row.id]) for row in dialogues.utterances if row.text
    ]
    kinds = frozenset(["mean", "std", "cls", "logits"])
    together = encoders.encode(encoder, [encoder.load(item) for item in items], kinds)
    for item, row in zip(items, together, strict=True):
        (alone,) = encoders.encode(encoder, [encoder.load(item)], kinds)
        for kind in kinds:
            np.testing.assert_allclose(row[kind], alone[kind], atol=1e-5)


def test_no_context_gives_the_fingerprint_that_it_always_had(bert):
    plain, zero, two = (encoders.identify(EncoderSpec("text", bert, context)) for context in (None, 0, 2))
    assert plain.description == zero.description
    assert "context" not in plain.description
    assert "context" not in plain.description["preprocessing"]
    assert two.description["context"] == two.context == 2
    assert len({one.fingerprint() for one in (plain, two, encoders.identify(EncoderSpec("text", bert, 3)))}) == 3
    assert encoders.identify(restore_encoder("text", two.description)).fingerprint() == two.fingerprint()


def test_a_changed_turn_is_encoded_again_with_the_turns_that_read_it(dialogues, bert, encoded):
    run(dialogues, bert)
    encoded.clear()
    result = run(rewrite(dialogues, a1={"text": "we lost the house"}), bert)
    assert sorted(encoded) == ["a1", "a2", "a3"]  # a4 is three turns later
    assert dict(result.failed) == {"a3": "no transcript"}
    encoded.clear()
    run(rewrite(dialogues, a2={"start": 0.0}), bert)
    assert sorted(encoded) == ["a1", "a3"]  # what a2 and a4 read now is on disk under other ids


def test_a_label_does_not_decide_whether_a_turn_is_context(dialogues, bert, encoded):
    run(dialogues, bert)
    encoded.clear()
    run(rewrite(dialogues, a1={"label": "ang"}, b1={"label": ""}), bert)
    assert encoded == []


def test_turns_of_one_text_and_one_context_are_encoded_once(dialogues, bert, encoded):
    run(dialogues, bert)
    assert len(encoded) == 7  # every "my dog" has a context of its own
    encoded.clear()
    run(dialogues, bert, context=0, name="plain")
    assert len(encoded) == 4


def test_an_utterance_is_recognized_by_its_own_words(dialogues, bert):
    run(dialogues, bert)
    contents = Store(dialogues.path).contents("text")
    assert len({contents[name] for name in ("a2", "alone", "a4", "b2")}) == 1


def test_verify_and_explain_know_the_context(dialogues, bert):
    run(dialogues, bert)
    checked = verify(dialogues.path, sample=9)
    assert checked.is_intact, checked.summary()
    assert "text.h5: 6 utterances encoded again, equal" in checked.summary()
    told = explain(dialogues.path, "a4", "text.mean")
    assert told["state"] == "fresh"
    assert told["utterance"]["context"] == {"a2": "my dog", "a3": ""}
    assert told["encoder"]["context"] == 2
    rewrite(dialogues, a1={"text": "we lost the house"})
    lines = verify(dialogues.path).problems
    assert any("2 utterances with a stale vector (the text or the context has changed" in line for line in lines)
    told = explain(dialogues.path, "a2", "text.mean")
    assert told["why"][0] == "its text or its context has changed"
    assert told["do"].endswith(f"--encoder text={bert} --context 2")


def test_a_manifest_whose_order_became_ambiguous_is_reported(dialogues, bert):
    run(dialogues, bert)
    changed = rewrite(dialogues, a1={"start": None})
    reason = "some turns of dialogue a have no start, so their order is unknown"
    with pytest.raises(Mismatch, match=reason):
        run(changed, bert)
    assert any(f"the context of its utterances is unknown: {reason}" in line for line in verify(changed.path).problems)
    assert f"its context is unknown: {reason}" in explain(changed.path, "b2", "text.mean")["why"]


def test_extract_takes_a_context_and_the_shown_command_reuses_everything(dialogues, bert):
    lines = []
    (first,) = extract(dialogues.path, encoders=[f"text={bert}"], context=2, jobs=1, device="cpu", say=lines.append)
    assert first.encoded == 6
    assert lines == []
    command = FeatureFile(first.path).update_command
    assert command == f"cli extract --store {dialogues.path} --encoder text={bert} --context 2"
    (again,) = extract(dialogues.path, encoders=[f"text={bert}"], context=2, jobs=1, device="cpu", say=lines.append)
    assert (again.encoded, again.reused) == (0, 6)
    (plain,) = extract(dialogues.path, encoders=[f"text={bert}"], jobs=1, device="cpu", say=lines.append)
    assert plain.encoded == 6
    assert "context: 2 -> None" in lines[0]


def test_an_encoder_of_another_kind_has_no_context(dialogues, models):
    for encoder in (f"audio={models['audio']}", "egemaps"):
        name = encoder.partition("=")[0]
        with pytest.raises(BadValue) as raised:
            extract(dialogues.path, encoders=[encoder], context=1, jobs=1, device="cpu")
        assert str(raised.value) == (
            f"encoder {name} reads audio alone, without the turns before it\n"
            "  expected: --context with text encoders of transformers\n"
            "  do: extract it in a separate command, without --context"
        )


def test_a_store_without_dialogues_is_refused(store, bert):
    with pytest.raises(BadValue) as raised:
        extract(store.path, encoders=[f"text={bert}"], context=3, jobs=1, device="cpu")
    assert str(raised.value) == (
        f"no utterance of {store.path / 'utterances.csv'} is in a dialogue, so none has a context of 3 turns\n"
        "  expected: the dialogue of each turn in the column dialogue\n"
        f"  do: fill the column dialogue in the corpus and run cli prepare again (--store {store.path}), or leave "
        "--context out"
    )


def test_a_context_below_zero_is_refused(dialogues, bert):
    with pytest.raises(BadValue, match=r"^invalid context -1\n  expected: a number of turns, 0 or more"):
        extract(dialogues.path, encoders=[f"text={bert}"], context=-1, jobs=1, device="cpu")
