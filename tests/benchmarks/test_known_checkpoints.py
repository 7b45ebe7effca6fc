"""The guard from end to end on public checkpoints: by their card, figures are refused, marked or named."""

import csv
import json

import pytest
from click.testing import CliRunner

from benchmarks.evaluation.pair import Pair
from benchmarks.fitting.fit import fit_head
from cli import main
from featurestore.errors import Leakage
from featurestore.extraction.extract import extract_encoder
from featurestore.finetuning.by_fold import finetune_folds
from featurestore.networks.checkpoint import Checkpoint
from featurestore.preparation.prepare import prepare
from featurestore.spec import EncoderSpec
from featurestore.store import Store
from tests.support import tiny

COUNT = 24
MELD = "j-hartmann/emotion-english-distilroberta-base"
PODCAST = "audeering/wav2vec2-large-robust-12-ft-emotion-msp-dim"


def write_table(path, mark=""):
    """Write a table of texts: the first two thirds train, the others test. The mark makes other speakers."""
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["id", "text", "label", "partition", "speaker"])
        for number in range(COUNT):
            part = "train" if number < 16 else "test"
            words = f"{tiny.WORDS[number % 20]} {tiny.WORDS[(3 * number + 1) % 20]}"
            rows.writerow([f"u{number}", words, ("joy", "anger")[number % 2], part, f"{mark}{part}{number % 3}"])
    return path


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    return write_table(tmp_path_factory.mktemp("table") / "texts.csv")


@pytest.fixture(scope="module")
def download(tmp_path_factory):
    """Return a function that makes an untrained checkpoint in a folder of the hub's cache, as if of some model."""

    def make(name):
        cache = tmp_path_factory.mktemp("hub") / f"models--{name.replace('/', '--')}" / "snapshots"
        return tiny.checkpoint("bert", cache / "0b5b8e8", ("joy", "anger"))

    return make


def make_store(table, folder, corpus, checkpoint):
    prepare("table", table, folder / corpus, name=corpus.upper())  # the reader's own name is not free
    store = Store(folder / corpus)
    extract_encoder(store, EncoderSpec("text", str(checkpoint)), jobs=1, device="cpu", say=lambda line: None)
    return Store(folder / corpus)


def fit(store, **options):
    return fit_head(store, head="prior", features=["text.mean"], protocol="official", **options)


def test_labels_of_the_corpus_are_refused_and_marked(table, download, tmp_path):
    store = make_store(table, tmp_path, "MELD", download(MELD))
    with pytest.raises(Leakage) as caught:
        fit(store)
    assert str(caught.value) == (
        "encoder text was fine-tuned on 8 of the 8 test utterances of fold test (8 known by the card of its "
        "checkpoint)\n  expected: test utterances that no encoder has seen\n"
        "  do: the card of its checkpoint names this corpus (cli list checkpoints): use a checkpoint of other data, or "
        "test a partition that it was not trained on; or evaluate anyway and mark every figure: --allow-leakage"
    )
    fitted = fit(store, allow_leakage=True)
    assert all(one["leaked"] for one in fitted.to_json()["metrics"].values())
    assert {one.check: one.outcome for one in fitted.checks}["encoder-tuned-on-test"] == "failed"
    assert fitted.bundle.trained_on["text"]["count"] == COUNT


def test_another_corpus_with_the_same_checkpoint_is_free(table, download, tmp_path):
    fitted = fit(make_store(table, tmp_path, "mine", download(MELD)))
    assert not fitted.pooled.leak
    assert {one.check: one.outcome for one in fitted.checks}["corpus-seen-before"] == "passed"


def test_pretraining_is_named_and_not_refused(table, download, tmp_path):
    fitted = fit(make_store(table, tmp_path, "cmu-mosei", download("emotion2vec/emotion2vec_base")))
    assert not fitted.pooled.leak
    (check,) = [one for one in fitted.checks if one.check == "corpus-seen-before"]
    assert check.outcome == "failed"
    assert "emotion2vec/emotion2vec_base was trained on cmu-mosei (pretraining), see https://" in check.message
    assert "! check corpus-seen-before failed: " in fitted.table()


def test_partitions_that_the_checkpoint_did_not_see_are_free(table, download, tmp_path):
    store = make_store(table, tmp_path, "msp-podcast", download(PODCAST))
    assert not fit(store).pooled.leak
    with pytest.raises(Leakage, match=r"known by the card"):
        fit_head(store, head="prior", features=["text.mean"], protocol="holdout")


def test_what_is_tuned_here_keeps_the_card_of_its_start(table, download, tmp_path):
    prepare("table", table, tmp_path / "other", name="other")
    (tuned,) = finetune_folds(
        Store(tmp_path / "other"),
        out=tmp_path / "tuned",
        modality="text",
        checkpoint=str(download(MELD)),
        epochs=1,
        protocol="official",
        say=lambda line: None,
    )
    record = Checkpoint(str(tuned.folder), tuned.folder).read_finetune_record()
    assert record["origins"] == [MELD]
    store = make_store(table, tmp_path, "meld", tuned.folder)
    assert store.describe("text")["origins"] == [MELD]
    exposure = store.exposure("text")
    assert set(exposure.known) == {f"u{number}" for number in range(COUNT)}
    assert {exposure.known["u0"], exposure.known["u20"]} == {"id", "card"}


def test_the_origins_are_no_part_of_the_fingerprint(table, download, tmp_path):
    first = make_store(table, tmp_path, "one", download(MELD)).file("text").header
    second = make_store(table, tmp_path, "two", tiny.checkpoint("bert", tmp_path / "bert", ("joy", "anger"))).file(
        "text"
    )
    assert first.fingerprint == second.header.fingerprint
    assert "origins" in first.encoder
    assert "origins" not in second.header.encoder


@pytest.mark.parametrize(
    ("checkpoint", "corpus", "known", "notes"), [(MELD, "meld", COUNT, 0), ("iic/emotion2vec_base", "mead", 0, 1)]
)
def test_the_card_counts_for_a_side_of_a_pair(table, download, tmp_path, checkpoint, corpus, known, notes):
    other, folder = write_table(tmp_path / "other.csv", mark="other-"), download(checkpoint)
    pair = Pair(make_store(table, tmp_path, "mine", folder), make_store(other, tmp_path, corpus, folder))
    found = pair.exposure("text")
    assert set(found.known) == {f"tested:u{number}" for number in range(known)}
    assert len(found.notes) == notes


def test_the_commands_say_what_the_card_says(table, download, tmp_path):
    checkpoint, run = download(MELD), CliRunner()
    prepare("table", table, tmp_path / "meld", name="MELD")
    words = ["extract", "--store", str(tmp_path / "meld"), "--encoder", f"text={checkpoint}", "--jobs", "1"]
    told = run.invoke(main, words)
    line = f"text: checkpoint {MELD} was trained on meld (emotion labels), see https://huggingface.co/{MELD}"
    assert line in told.output
    for path in (tmp_path / "meld" / "text.h5", checkpoint):
        found = json.loads(run.invoke(main, ["inspect", str(path), "--json"]).output)
        assert "meld (emotion labels)" in found["known training"][MELD]
    assert "meld (emotion labels)" in run.invoke(main, ["inspect", str(tmp_path / "meld")]).output
