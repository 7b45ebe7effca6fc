"""Encoders tuned fold by fold, and logits of encoders that did not see the utterance, from tuning to the table."""

import numpy as np
import pytest
from click.testing import CliRunner

import cli
from benchmarks import compare
from benchmarks.evaluation.feature_sets import name_features
from benchmarks.evaluation.fold_features import resolve
from benchmarks.fitting.fit import fit_head
from benchmarks.grid import results
from benchmarks.grid.config import BenchmarkConfig
from benchmarks.grid.runner import benchmark
from featurestore.errors import BadValue, Leakage, Mismatch
from featurestore.folds.fold import Fold, split
from featurestore.spec import parse_feature
from featurestore.store import Store
from heads import Block
from tests.support import tiny
from tests.support.fake_store import FakeStore, corpus

SESSIONS = "leave-one-session-out"
IDS = [row.id for row in corpus() if row.label]


def session(name):
    return frozenset(other for other in IDS if other.startswith(f"Ses0{name}"))


def per_fold(crossfit=False):
    """Make a store whose text encoder is fine-tuned per session fold, and cross-fitted in two parts if asked."""
    tuned = {f"text@{name}": frozenset(IDS) - session(name) for name in "123"}
    if crossfit:
        for name in "123":
            first, second = (session(other) for other in "123" if other != name)
            tuned |= {f"text@{name}-x1": first, f"text@{name}-x2": second}
    return FakeStore(tuned=tuned, extra=tuple(tuned))


def resolved(store, features, folds, *logits):
    return resolve(store, name_features(map(parse_feature, features)), folds, *logits)


def test_each_fold_reads_its_own_encoder():
    store = per_fold()
    folds = split(SESSIONS, store.utterances, dict.fromkeys(IDS, "sad"))
    found = resolved(store, ["audio.mean", "text.mean"], folds).folds
    assert [tuple(map(str, one.files)) for one in found] == [("audio.mean", f"text@{name}.mean") for name in "123"]
    result = fit_head(store, head="logistic", features=["text.mean", "text.logits"], protocol=SESSIONS)
    assert not result.to_json()["leaked"]
    assert result.bundle.fold == "1"  # no encoder has seen everything
    assert result.bundle.features == ("text.mean", "text.logits")
    assert result.bundle.encoders["text"]["checkpoint"] == "text@1"


def test_a_fold_without_its_encoder_is_refused_with_count_and_remedy():
    store = per_fold()
    store.extra = ("text@1", "text@3")
    with pytest.raises(Mismatch) as caught:
        fit_head(store, head="prior", features=["text.mean"], protocol=SESSIONS)
    assert str(caught.value) == (
        "encoder text is fine-tuned per fold and lacks 1 of 3 folds\n"
        "  expected: text@2 in nowhere\n"
        "  do: cli finetune --all-folds --out D, then cli extract --all-folds --encoder NAME=D"
    )


def test_an_encoder_of_another_fold_is_a_leak():
    store = per_fold()
    store.tuned["text@2"] = session(2)
    with pytest.raises(Leakage, match="encoder text@2 was fine-tuned on 24 of the 24 test utterances of fold 2"):
        fit_head(store, head="prior", features=["text.mean"], protocol=SESSIONS)


def test_training_utterances_get_the_logits_of_the_encoder_that_did_not_see_them():
    store = per_fold(crossfit=True)
    fold = Fold("1", tuple(sorted(session(2) | session(3))), tuple(sorted(session(1))))
    folds = [fold, Fold("2", fold.test, fold.train), Fold("3", fold.test, fold.train)]
    seen, honest, mean = (
        resolved(store, ["text.mean", "text.logits"], folds, way).folds[0]
        for way in ("in-sample", "cross-fitted", "cross-fitted-mean")
    )
    inputs = honest.read(store, fold.train)
    X = inputs.X
    assert inputs.blocks == (Block("text.mean", "text", (4,)), Block("text.logits", "text", (3,)))
    for row, name in enumerate(fold.train):
        other = "text@1-x2" if name in session(2) else "text@1-x1"  # the first saw session 2, the second session 3
        assert np.array_equal(X[row, 4:], store.matrix([f"{other}.logits"], [name])[0][0])
    full = store.matrix(["text@1.mean", "text@1.logits"], fold.test)[0]
    assert np.array_equal(X[:, :4], store.matrix(["text@1.mean"], fold.train)[0])
    assert np.array_equal(honest.read(store, fold.test).X, full)
    assert np.array_equal(seen.read(store, fold.test).X, full)
    parts = [store.matrix([f"text@1-x{number}.logits"], fold.test)[0] for number in (1, 2)]
    np.testing.assert_allclose(mean.read(store, fold.test).X[:, 4:], np.mean(parts, axis=0))
    assert np.array_equal(mean.read(store, fold.train).X, X)


def test_an_utterance_that_every_part_saw_is_refused():
    store = per_fold(crossfit=True)
    store.tuned |= {f"text@1-x{number}": frozenset(IDS) - session(1) for number in (1, 2)}
    with pytest.raises(Mismatch, match="48 training utterances have no cross-fitted text.logits"):
        fit_head(store, head="prior", features=["text.logits"], protocol=SESSIONS)


def test_the_table_compares_in_sample_with_cross_fitted_logits(tmp_path):
    ways = ("cross-fitted", "cross-fitted-mean", "in-sample")
    asked = BenchmarkConfig.parse(("logistic",), "text.logits,text.mean", protocol=SESSIONS, logits=ways)
    benchmark(per_fold(crossfit=True), asked, tmp_path)
    assert [system.name for system in results.read(tmp_path).systems] == [
        *(f"logistic on text.logits, {way} logits" for way in ways),
        "logistic on text.mean",
    ]
    summary, _ = compare.read_summary(tmp_path)
    (check,) = [one for one in summary["checks"] if one["check"] == "in-sample-logits"]
    assert check["outcome"] == "failed"
    assert check["message"].startswith("1 of 3 systems with logits learn from in-sample ones (logistic on text.logits,")
    assert any(
        {"cross-fitted logits" in pair["first"], "in-sample" in pair["second"]} == {True} for pair in summary["pairs"]
    )


def test_partly_cross_fitted_logits_are_called_so():
    store = per_fold(crossfit=True)
    folds = split(SESSIONS, store.utterances, dict.fromkeys(IDS, "sad"))

    def way(*features, asked="cross-fitted"):
        return resolved(store, features, folds, asked).logits

    assert way("text.logits") == way("text.logits", "audio.logits") == "cross-fitted"
    assert way("text.logits", asked="in-sample") == "in-sample"
    assert way("text.mean") == way("audio.logits") == ""
    store.tuned |= {"audio": session(1)}  # which the first fold does not train on
    assert way("audio.logits") == "in-sample"
    assert way("text.logits", "audio.logits") == "partly cross-fitted"


def test_a_fitted_head_shows_how_its_logits_were_taken():
    fitted = fit_head(per_fold(), head="prior", features=["text.logits"], protocol=SESSIONS)
    assert "\nlogits: in-sample, overconfident on training utterances (see cli finetune" in fitted.table()
    assert fitted.to_json()["logits"] == "in-sample"
    honest = fit_head(per_fold(crossfit=True), head="prior", features=["text.logits"], protocol=SESSIONS)
    assert "\nlogits: cross-fitted\n" in honest.table()
    assert fit_head(per_fold(), head="prior", features=["text.mean"], protocol=SESSIONS).logits == ""


def test_a_dev_part_that_an_encoder_saw_has_a_note(tmp_path):
    note = "an encoder was fine-tuned on the utterances that settings were chosen on"
    benchmark(
        per_fold(), BenchmarkConfig.parse(("logistic",), "text.mean", protocol=SESSIONS, search=1), tmp_path / "seen"
    )
    assert note in compare.read_summary(tmp_path / "seen")[1]
    benchmark(
        per_fold(), BenchmarkConfig.parse(("logistic",), "audio.mean", protocol=SESSIONS, search=1), tmp_path / "unseen"
    )
    assert note not in compare.read_summary(tmp_path / "unseen")[1]


def run(*arguments, code=0):
    result = CliRunner().invoke(cli.main, list(map(str, arguments)))
    assert result.exit_code == code, result.output
    return result.output


def test_from_fine_tuning_to_the_figures(tmp_path):
    rows = tiny.utterances(24, tmp_path / "clips")
    store = tiny.store(tmp_path / "store", rows, tmp_path / "clips").path
    start = tiny.checkpoint("bert", tmp_path / "start")
    by = ["--store", store, "--protocol", SESSIONS]
    tuned = tmp_path / "tuned"
    run(
        "finetune",
        *by,
        "--modality",
        "text",
        "--checkpoint",
        start,
        "--all-folds",
        "--crossfit",
        2,
        "--epochs",
        1,
        "--out",
        tuned,
        code=1,
    )  # a training part is one session, and sessions stay together
    by = ["--store", store, "--protocol", "holdout"]
    again = [
        "finetune",
        *by,
        "--modality",
        "text",
        "--checkpoint",
        start,
        "--crossfit",
        2,
        "--epochs",
        1,
        "--out",
        tuned,
    ]
    run(*again)
    assert sorted(path.name for path in tuned.iterdir()) == ["holdout", "holdout-x1", "holdout-x2"]
    assert "nothing done" in run(*again)
    run("extract", "--store", store, "--all-folds", "--encoder", f"text={tuned}", "--jobs", 1)
    opened = Store(store)
    assert opened.encoders() == ["text@holdout", "text@holdout-x1", "text@holdout-x2"]
    assert opened.default_features() == ["text.mean", "text.logits"]
    whole, first, second = (opened.trained_on(name) for name in opened.encoders())
    assert first | second == whole
    assert not first & second
    out = ["--logits", "cross-fitted,in-sample", "--features", "logits", "--out", tmp_path / "r"]
    text = run("benchmark", *by, "--heads", "logistic", *out)
    assert "logistic on logits, cross-fitted logits" in text
    assert "Leakage" not in run("fit-head", *by, "--head", "logistic")


def test_a_folder_without_folds_is_refused(tmp_path):
    store = tiny.store(tmp_path / "store", tiny.utterances(3, tmp_path / "clips"), tmp_path / "clips").path
    message = run("extract", "--store", store, "--all-folds", "--encoder", f"text={tmp_path}", code=1)
    assert "\n  expected: NAME=FOLDER with one checkpoint per fold" in message


def test_too_many_parts_are_refused(tmp_path):
    from featurestore.finetuning.by_fold import finetune_folds

    store = tiny.store(tmp_path / "store", tiny.utterances(24, tmp_path / "clips"), tmp_path / "clips")
    with pytest.raises(
        BadValue, match="the training part of fold 0 cannot be split into 2 parts\n  expected: --crossfit 2 to 1"
    ):
        finetune_folds(
            store, modality="text", checkpoint="x", out=tmp_path / "o", protocol=SESSIONS, fold="0", crossfit=2
        )
