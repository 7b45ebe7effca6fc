"""The report's content equals plain computation."""

import json
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.grid import results
from benchmarks.report.analysis import report_content
from benchmarks.report.analysis.report_content import FEATURED, build_content
from benchmarks.report.analysis.summary import summarize
from benchmarks.report.render import exports
from benchmarks.statistics.formatting import format_percent
from benchmarks.statistics.metrics import METRIC
from featurestore import registry
from tests.support.fake_results import CLASSES, Drawn, written
from tests.support.report_page import render


def system(read, name):
    return next(one for one in read.systems if one.name == name)


def test_the_sentence_names_what_was_compared_and_that_there_is_no_significant_winner(found):
    assert found["sentence"].startswith(
        "4 heads on 3 feature sets (9 systems) compared on fake, 6 classes, by protocol speaker-kfold (2 folds), "
        "n = 120 test utterances: no significant winner; "
    )
    best = found["leaderboard"][0]
    apart = {frozenset((one["first"], one["second"])) for one in found["pairs"] if one["p_holm"] < 0.05}
    equal = [row for row in found["leaderboard"][1:] if frozenset((row["system"], best["system"])) not in apart]
    assert f"and {len(equal)} of the 8 others do not differ from it significantly." in found["sentence"]
    assert found["best"] == [best["system"], *(row["system"] for row in equal)]


def test_a_winner_is_named(tmp_path):
    written(tmp_path, [Drawn("svm", skill=2.5), Drawn("prior")], n=200)
    assert (
        ": svm on both wins with the highest unweighted average recall, "
        in build_content(results.read(tmp_path))["sentence"]
    )


def test_few_or_unnamed_speakers_are_in_the_notes(tmp_path):
    written(tmp_path, [Drawn("svm"), Drawn("prior")], n=60, speakers=3)
    read = results.read(tmp_path)
    found = build_content(read)
    method = "95 % Student's t interval with the bootstrap standard error"
    assert found["interval"] == f"{method} over 3 speakers, 2000 resamples"
    rows = tuple(replace(row, speaker="") if place < 2 else row for place, row in enumerate(read.utterances))
    found = build_content(replace(read, utterances=rows))
    expected = [
        "only 3 speakers in test, too few to show a difference",
        "2 of 60 test utterances name no speaker and are resampled one by one",
    ]
    assert found["notes"][:2] == expected
    assert f"Note: {expected[0]}.\nNote: {expected[1]}." in exports.format_markdown(found, {})


@pytest.mark.parametrize("count", [2, 4, 5, 6])
def test_the_sentence_names_too_few_speakers(tmp_path, count):
    systems = [Drawn("svm", skill=9.0), Drawn("prior")]
    found = build_content(results.read(written(tmp_path, systems, speakers=count)))
    page, text = render(found)
    few = f"only {count} speakers in test, too few to show a difference"
    assert (found["few"], found["clusters"]) == (few if count < 6 else "", count)
    assert (f"test utterances: {few}; svm on both has the highest unweighted average" in found["sentence"]) == (
        count < 6
    )
    assert ("wins" in found["sentence"]) == (count >= 6)
    assert text.splitlines()[0].endswith(few if count < 6 else "svm on both is best")
    assert (f"Note: {few}." in text) == (f"<b>Note: {few}.</b>" in page) == (count < 6)
    assert f"<dt>speakers in test</dt><dd>{count}</dd>" in page
    assert {one["p_holm"] < 0.05 for one in found["pairs"]} == {count >= 6}


def test_the_sentence_of_a_single_system_names_too_few_speakers(tmp_path):
    found = build_content(results.read(written(tmp_path, [Drawn("svm")], n=60, speakers=2)))
    assert found["sentence"].endswith("]; only 2 speakers in test, too few to show a difference.")


def test_a_baseline_below_chance_is_explained(tmp_path):
    written(tmp_path, [Drawn("svm"), Drawn("prior")], n=60)
    read = results.read(tmp_path)
    assert not [note for note in build_content(read)["notes"] if "floor" in note]
    (prior,) = [system for system in read.systems if system.name == "prior on both"]
    runs = [
        replace(
            run,
            answers=replace(run.answers, prediction=["fru" if name == "ang" else "ang" for name in run.answers.truth]),
        )
        for run in prior.runs
    ]
    (note,) = [
        note
        for note in build_content(replace(read, systems=(replace(prior, runs=tuple(runs)),)))["notes"]
        if "floor" in note
    ]
    assert note == (
        "the baseline predicts another class from fold to fold and reaches 0.0 %; a constant prediction has an "
        "unweighted average recall of 16.7 %, which is the floor"
    )


def test_a_second_baseline_head_is_reported_as_a_baseline(tmp_path, monkeypatch):
    names, load = registry.names, registry.load
    monkeypatch.setattr(registry, "names", lambda kind: [*names(kind), *(["chance"] if kind == "heads" else [])])
    monkeypatch.setattr(registry, "load", lambda kind, name: load(kind, "prior" if name == "chance" else name))
    systems = [Drawn("svm"), Drawn("svm", "text"), Drawn("prior"), Drawn("chance", skill=0.0)]
    found = build_content(results.read(written(tmp_path, systems, n=60)))
    checks = {one["check"]: one for one in found["checks"]}
    assert checks["worse-than-prior"]["message"].startswith("all 2 systems are above 16.7 %")
    assert checks["in-sample-logits"]["message"].startswith("every system with logits takes")
    assert found["mistakes"]["others"] == 1
    assert [row["head"] for row in found["modalities"]["heads"]] == ["svm"]
    assert render(found)[0].count(" (baseline)") == 2


def test_an_interval_of_width_0_is_explained(tmp_path, found):
    sure = [Drawn("svm", skill=50.0), Drawn("prior"), Drawn("svm", train_size=0.5, skill=50.0), Drawn("xgb")]
    notes = summarize(results.read(written(tmp_path, sure, n=60)))["notes"]
    assert notes[-1] == (
        "an interval of svm on both, svm on both, train size 0.5 has no width because every resample gives the same "
        "value: it does not show how other speakers would differ"
    )
    (floor,) = [row["metrics"][METRIC] for row in found["leaderboard"] if row["head"] == "prior"]
    assert floor["low"] == floor["high"]  # 1 / classes whoever speaks
    assert not [note for note in found["notes"] if "no width" in note]


@pytest.mark.parametrize(
    ("protocol", "partition", "expected"),
    [
        ("official", "Validation", "on the corpus's own dev partition, then fitted on training and dev together"),
        ("official", "train", "on a dev part cut from training by the protocol's own grouping, then"),
        ("holdout", "dev", "on a dev part cut from training by the protocol's own grouping, then"),
    ],
)
def test_the_notes_say_how_dev_was_made(read, protocol, partition, expected):
    fold = read.folds[0]
    dev = fold.train[:10]
    rows = [replace(row, partition=partition if row.id in dev else "train") for row in read.utterances]
    folds = (replace(fold, train=fold.train[10:], dev=dev), read.folds[1])
    about = {**read.about, "protocol": protocol, "tune": 3}
    notes = summarize(replace(read, about=about, folds=folds, utterances=tuple(rows)))["notes"]
    assert [expected in note for note in notes if note.startswith("settings: ")] == [True]


@pytest.mark.parametrize(
    ("protocol", "tune", "expected"), [("script-disjoint", 3, 1), ("script-disjoint", 0, 0), ("x", 3, 0)]
)
def test_the_notes_name_settings_that_were_chosen_with_copies_of_texts_known(read, protocol, tune, expected):
    notes = summarize(replace(read, about={**read.about, "protocol": protocol, "tune": tune}))["notes"]
    assert sum(note.startswith("dev parts are whole scripts, but copies") for note in notes) == expected


def test_the_class_of_each_label_is_reported(read):
    maps = {"trained": None, "tested": {"joy": "hap", "bored": None}}
    found = build_content(replace(read, about={**read.about, "label_maps": maps}))
    page, text = render(found)
    assert "<p>Labels of tested: joy → hap, bored → left out.</p>" in page
    assert "- labels of tested: joy → hap, bored → left out\n" in text
    assert json.loads(json.dumps(found))["provenance"]["label_maps"] == maps


def test_a_single_system_does_not_win(tmp_path):
    written(tmp_path, [Drawn("svm")], n=60)
    found = build_content(results.read(tmp_path))
    assert ": svm on both reaches an unweighted average recall, " in found["sentence"]
    page, _ = render(found)
    for way in (
        "--heads a,b",
        "--features text,audio,both",
        "--permute",
        "--features layers",
        "--train-sizes 0.1",
        "mlp",
    ):
        assert f"<code>{way}" in page.replace("<code>--heads mlp", "<code>mlp"), way
    assert "No baseline was run" in page


def test_the_confusion_matrix_is_the_mean_over_seeds(read, found):
    name = "mlp on both"
    counts = np.zeros((6, 6))
    for answers in system(read, name).pooled:
        for truth, prediction in zip(answers.truth, answers.prediction, strict=True):
            counts[CLASSES.index(truth), CLASSES.index(prediction)] += 1
    np.testing.assert_allclose(found["confusion"][name]["counts"], counts / 2, rtol=1e-5)
    recall = [found["leaderboard"][0]["per_class"][one]["recall"] for one in CLASSES]
    first = found["confusion"][found["leaderboard"][0]["system"]]
    np.testing.assert_allclose(np.diag(first["shares"]), recall, rtol=1e-4)


def test_reliability_gives_the_expected_calibration_error(found):
    for row in found["leaderboard"]:
        if len(row["seeds"]) == 1:
            bins = found["calibration"][row["system"]]["bins"]
            assert sum(one["n"] for one in bins) == 120
            error = sum(one["n"] * abs(one["confidence"] - one["accuracy"]) for one in bins) / 120
            assert error == pytest.approx(row["metrics"]["expected_calibration_error"]["value"], abs=1e-5)


def test_selective_accuracy_is_that_of_the_most_confident_utterances(read, found):
    (answers,) = system(read, "svm on both").pooled
    order = np.argsort(-answers.probabilities.max(1))
    right = (np.array(answers.truth) == np.array(answers.prediction))[order]
    for point in found["calibration"]["svm on both"]["selective"]:
        k = round(point["coverage"] * 120)
        assert point["accuracy"] == pytest.approx(right[:k].mean(), abs=1e-5)


def test_equal_confidence_makes_a_flat_selective_curve(found):
    curve = found["calibration"]["prior on both"]["selective"]
    (row,) = [row for row in found["leaderboard"] if row["system"] == "prior on both"]
    assert {round(point["accuracy"], 4) for point in curve} == {round(row["metrics"]["accuracy"]["value"], 4)}


def test_modalities_are_compared_pair_by_pair(found):
    both = {row["system"]: row["metrics"]["unweighted_average_recall"]["value"] for row in found["leaderboard"]}
    one = next(row for row in found["modalities"]["differences"] if (row["head"], row["of"]) == ("svm", "both"))
    assert (one["first"], one["second"]) == ("svm on both", "svm on text")
    assert one["value"] == pytest.approx(both["svm on both"] - both["svm on text"], abs=1e-5)
    assert one["low"] < one["value"] < one["high"]
    kinds = {row["head"]: set(row["systems"]) for row in found["modalities"]["heads"]}
    assert kinds["svm"] == {"text", "audio", "both"}


def test_permutation_importance_and_train_sizes_are_compared_with_the_system(found):
    (shuffled,) = found["shuffled"]
    control = next(row for row in found["controls"] if row["shuffled"])
    lost = control["metrics"]["unweighted_average_recall"]["minus_system"]
    assert shuffled["value"] == pytest.approx(lost, abs=1e-5)
    (curve,) = found["sizes"]
    assert [point["share"] for point in curve["points"]] == [0.25, 0.5, 1.0]
    assert [point["train"] for point in curve["points"]] == [15, 30, 60]


def test_among_several_feature_sets_of_a_kind_none_is_selected_by_its_result(tmp_path):
    sets = {"text.mean": ("text.mean",), "text.logits": ("text.logits",), "audio": ("audio.mean",)}
    written(tmp_path, [Drawn("svm", name, features) for name, features in sets.items()], n=60)
    found = build_content(results.read(tmp_path))
    (row,) = found["modalities"]["heads"]
    assert row["systems"] == {"audio": "svm on audio"}
    assert row["unclear"] == {"text": ["svm on text.logits", "svm on text.mean"]}
    assert not found["modalities"]["differences"]
    page, _ = render(found)
    assert "Not compared: svm on text, because 2 feature sets are of that kind (svm on text.logits; svm on " in page
    text = Drawn("svm", "text", ("text.mean",))
    written(tmp_path / "named", [text, Drawn("svm", "text.logits", ("text.logits",)), Drawn("svm", "audio")], n=60)
    (row,) = build_content(results.read(tmp_path / "named"))["modalities"]["heads"]
    assert row["systems"] == {"text": "svm on text", "audio": "svm on audio"}


def test_layers_give_a_curve(tmp_path):
    layers = [Drawn("svm", f"text.layers[{number}]", (f"text.layers[{number}]",)) for number in (10, 2, 0)]
    found = build_content(results.read(written(tmp_path, layers, n=60)))
    (curve,) = found["layers"]
    assert [point["layer"] for point in curve["points"]] == [0, 2, 10]
    assert not found["modalities"]["heads"]


def test_training_curves_are_means_over_runs(read, found):
    (curve,) = [one for one in found["epochs"] if one["system"] == "mlp on both"]
    losses = [run.record.history["loss"] for run in system(read, "mlp on both").runs]
    assert curve["runs"] == len(losses) == 4
    np.testing.assert_allclose(curve["curves"]["loss"]["mean"], np.mean(losses, axis=0), rtol=1e-5)
    np.testing.assert_allclose(curve["curves"]["loss"]["high"], np.max(losses, axis=0), rtol=1e-5)


def test_sentence_and_table_have_the_same_figures(read, monkeypatch):
    def round_down(results):
        summary = summarize(results)
        best = summary["leaderboard"][0]["metrics"][METRIC]
        best["low"] = 0.5174999999  # 51.7 %, and 51.8 % once six digits are left of it
        return summary

    monkeypatch.setattr(report_content, "summarize", round_down)
    found = build_content(read)
    low = found["leaderboard"][0]["metrics"][METRIC]["low"]
    assert f"[{format_percent(low)}, " in found["sentence"]


def test_mistakes_are_wrong_and_the_most_confident_first(read, found):
    mistakes = found["mistakes"]
    answers = system(read, mistakes["system"]).pooled
    mean = np.mean([one.probabilities for one in answers], axis=0)
    wrong = {
        name: mean[row].max()
        for row, name in enumerate(read.ids)
        if answers[0].classes[mean[row].argmax()] != answers[0].truth[row]
    }
    assert mistakes["wrong"] == len(wrong)
    assert [row["id"] for row in mistakes["rows"]] == sorted(wrong, key=lambda name: (-wrong[name], name))
    assert mistakes["others"] == 7  # nine systems minus this one and the baseline
    assert max(row["also_wrong"] for row in mistakes["rows"]) <= 7


def test_every_head_is_featured_and_at_most_eight_systems(found):
    assert len(found["featured"]) == FEATURED
    assert {name.partition(" ")[0] for name in found["featured"]} == {"prior", "svm", "mlp", "xgb"}
