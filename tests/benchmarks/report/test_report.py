"""The report's content against plain computation; its exports; the same input, the same bytes."""

import csv
import hashlib
import io
import json
import re
import warnings
from dataclasses import replace
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from click.testing import CliRunner

import cli
from benchmarks.grid import results
from benchmarks.report import write
from benchmarks.report.analysis import content as report_content
from benchmarks.report.analysis.content import FEATURED, content
from benchmarks.report.analysis.summary import summarise
from benchmarks.report.render import drawing, exports, figures, tables
from benchmarks.statistics.formatting import format_percent
from benchmarks.statistics.metrics import METRIC
from tests.support.fake_results import CLASSES, SEVERAL, Drawn, written

PAGE_SHA256 = "b38b198180052d087b120ac1bcc74246be68a6113c074647627c9fd33e5fd9f3"
HOSTILE = "<script>alert(1)</script> `[x](y)` | & \\input{z} $1"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return written(tmp_path_factory.mktemp("report"), texts=dict.fromkeys(range(0, 120, 2), HOSTILE))


@pytest.fixture(scope="module")
def read(folder):
    return results.read(folder)


@pytest.fixture(scope="module")
def found(read):
    return content(read)


@pytest.fixture(scope="module")
def report(folder):
    write.report(folder, folder / "out" / "report.html")
    return folder / "out"


def system(read, name):
    return next(one for one in read.systems if one.name == name)


def test_the_sentence_says_what_was_compared_and_that_nobody_wins(found):
    assert found["sentence"].startswith(
        "4 heads on 3 feature sets (9 systems) compared on fake, 6 classes, by protocol speaker-kfold (2 folds), "
        "n = 120 test utterances: nobody wins; "
    )
    best = found["leaderboard"][0]
    apart = {frozenset((one["first"], one["second"])) for one in found["pairs"] if one["p_holm"] < 0.05}
    equal = [row for row in found["leaderboard"][1:] if frozenset((row["system"], best["system"])) not in apart]
    assert f"and {len(equal)} of the 8 others cannot be told apart from it." in found["sentence"]
    assert found["best"] == [best["system"], *(row["system"] for row in equal)]


def test_a_winner_is_named(tmp_path):
    written(tmp_path, [Drawn("svm", skill=2.5), Drawn("prior")], n=200)
    assert (
        ": svm on both wins with the highest unweighted average recall, " in content(results.read(tmp_path))["sentence"]
    )


def test_few_or_unnamed_speakers_are_said_beside_the_intervals(tmp_path):
    written(tmp_path, [Drawn("svm"), Drawn("prior")], n=60, speakers=3)
    read = results.read(tmp_path)
    found = content(read)
    method = "95 % Student's t interval with the bootstrap standard error"
    assert found["interval"] == f"{method} over 3 speakers, 2000 resamples"
    rows = tuple(replace(row, speaker="") if place < 2 else row for place, row in enumerate(read.utterances))
    found = content(replace(read, utterances=rows))
    said = [
        "only 3 speakers in test, too few to show a difference",
        "2 of 60 test utterances name no speaker and are resampled one by one",
    ]
    assert found["notes"][:2] == said
    assert f"Note: {said[0]}.\nNote: {said[1]}." in exports.markdown(found, {})


@pytest.mark.parametrize("count", [2, 4, 5, 6])
def test_of_few_speakers_the_sentence_says_that_nothing_can_be_shown(tmp_path, count):
    systems = [Drawn("svm", skill=9.0), Drawn("prior")]
    write.write(found := content(results.read(written(tmp_path, systems, speakers=count))), tmp_path / "report.html")
    page, text = ((tmp_path / f"report.{end}").read_text("utf-8") for end in ("html", "md"))
    few = f"only {count} speakers in test, too few to show a difference"
    assert (found["few"], found["clusters"]) == (few if count < 6 else "", count)
    assert (f"test utterances: {few}; svm on both has the highest unweighted average" in found["sentence"]) == (
        count < 6
    )
    assert ("wins" in found["sentence"]) == (count >= 6)
    assert text.splitlines()[0].endswith(few if count < 6 else "svm on both is best")
    assert (f"Note: {few}." in text) == (f"<b>Here {few}</b>" in page) == (count < 6)
    assert f"<dt>speakers tested</dt><dd>{count}</dd>" in page
    assert {one["p_holm"] < 0.05 for one in found["pairs"]} == {count >= 6}


def test_a_single_system_on_few_speakers_says_so_too(tmp_path):
    found = content(results.read(written(tmp_path, [Drawn("svm")], n=60, speakers=2)))
    assert found["sentence"].endswith("]; only 2 speakers in test, too few to show a difference.")


def test_a_prior_below_chance_is_no_floor(tmp_path):
    written(tmp_path, [Drawn("svm"), Drawn("prior")], n=60)
    read = results.read(tmp_path)
    assert not [note for note in content(read)["notes"] if "floor" in note]
    (prior,) = [system for system in read.systems if system.name == "prior on both"]
    runs = [
        replace(
            run,
            answers=replace(run.answers, prediction=["fru" if name == "ang" else "ang" for name in run.answers.truth]),
        )
        for run in prior.runs
    ]
    (note,) = [
        note for note in content(replace(read, systems=(replace(prior, runs=tuple(runs)),)))["notes"] if "floor" in note
    ]
    assert note == (
        "the prior answers another class from fold to fold and reaches 0.0 %; the same answer to all has an unweighted "
        "average recall of 16.7 %, and that is the floor"
    )


@pytest.mark.parametrize(("protocol", "drawn"), [("", True), ("speaker-kfold", True), ("holdout", False)])
def test_a_published_figure_of_another_protocol_is_named_so_and_not_drawn(read, tmp_path, protocol, drawn):
    figures = [{**one, "protocol": protocol} for one in read.about["published"]]
    found = content(replace(read, about={**read.about, "published": figures}))
    write.write(found, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text("utf-8")
    assert ("Dotted: published figures." in page) == drawn
    assert f"published: the paper{'' if drawn else ' (protocol holdout)'}</th>" in page
    assert len(tables.comparable(found)) == (len(figures) if drawn else 0)


def test_an_interval_without_width_says_that_it_tells_nothing(tmp_path, found):
    sure = [Drawn("svm", skill=50.0), Drawn("prior"), Drawn("svm", share=0.5, skill=50.0), Drawn("xgb")]
    notes = summarise(results.read(written(tmp_path, sure, n=60)))["notes"]
    assert notes[-1] == (
        "an interval of svm on both, svm on both, 0.5 of training has no width because every resample gives the same "
        "figure: it says nothing of other speakers"
    )
    (floor,) = [row["metrics"][METRIC] for row in found["leaderboard"] if row["head"] == "prior"]
    assert floor["low"] == floor["high"]  # 1 / classes whoever speaks
    assert not [note for note in found["notes"] if "no width" in note]


@pytest.mark.parametrize(
    ("protocol", "partition", "said"),
    [
        ("official", "Validation", "on the corpus's own dev partition, then fitted on training and dev together"),
        ("official", "train", "on a dev part cut from training by the protocol's own grouping, then"),
        ("holdout", "dev", "on a dev part cut from training by the protocol's own grouping, then"),
    ],
)
def test_the_dev_part_is_said_as_it_was_made(read, protocol, partition, said):
    fold = read.folds[0]
    dev = fold.train[:10]
    rows = [replace(row, partition=partition if row.id in dev else "train") for row in read.utterances]
    folds = (replace(fold, train=fold.train[10:], dev=dev), read.folds[1])
    about = {**read.about, "protocol": protocol, "tune": 3}
    notes = summarise(replace(read, about=about, folds=folds, utterances=tuple(rows)))["notes"]
    assert [said in note for note in notes if note.startswith("settings: ")] == [True]


@pytest.mark.parametrize(
    ("protocol", "tune", "said"), [("script-disjoint", 3, 1), ("script-disjoint", 0, 0), ("x", 3, 0)]
)
def test_settings_that_were_chosen_knowing_copies_of_the_texts_are_said(read, protocol, tune, said):
    notes = summarise(replace(read, about={**read.about, "protocol": protocol, "tune": tune}))["notes"]
    assert sum(note.startswith("a dev part is of whole scripts, but copies") for note in notes) == said


def test_what_became_of_each_label_is_said(read, tmp_path):
    maps = {"trained": None, "tested": {"joy": "hap", "bored": None}}
    write.write(content(replace(read, about={**read.about, "label_maps": maps})), tmp_path / "report.html")
    assert "<p>Labels of tested: joy → hap, bored → left out.</p>" in (tmp_path / "report.html").read_text("utf-8")
    assert "- labels of tested: joy → hap, bored → left out\n" in (tmp_path / "report.md").read_text("utf-8")
    assert json.loads((tmp_path / "results.json").read_text("utf-8"))["provenance"]["label_maps"] == maps


def test_a_single_system_wins_nothing(tmp_path):
    written(tmp_path, [Drawn("svm")], n=60)
    found = content(results.read(tmp_path))
    assert ": svm on both reaches an unweighted average recall, " in found["sentence"]
    write.write(found, tmp_path / "out" / "report.html")
    page = (tmp_path / "out" / "report.html").read_text("utf-8")
    for way in ("--heads a,b", "--features text,audio,both", "--shuffle", "--features layers", "--shares 0.1", "mlp"):
        assert f"<code>{way}" in page.replace("<code>--heads mlp", "<code>mlp"), way
    assert "The prior was not run" in page


def test_the_confusion_matrix_is_counted_over_seeds(read, found):
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


def test_selective_accuracy_is_that_of_the_surest(read, found):
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


def test_shuffled_and_smaller_are_set_beside_the_whole(found):
    (shuffled,) = found["shuffled"]
    control = next(row for row in found["controls"] if row["shuffled"])
    lost = control["metrics"]["unweighted_average_recall"]["minus_system"]
    assert shuffled["value"] == pytest.approx(lost, abs=1e-5)
    (curve,) = found["sizes"]
    assert [point["share"] for point in curve["points"]] == [0.25, 0.5, 1.0]
    assert [point["train"] for point in curve["points"]] == [15, 30, 60]


def test_of_several_sets_of_a_kind_none_is_chosen_by_its_figure(tmp_path):
    sets = {"text.mean": ("text.mean",), "text.logits": ("text.logits",), "audio": ("audio.mean",)}
    written(tmp_path, [Drawn("svm", name, features) for name, features in sets.items()], n=60)
    found = content(results.read(tmp_path))
    (row,) = found["modalities"]["heads"]
    assert row["systems"] == {"audio": "svm on audio"}
    assert row["unclear"] == {"text": ["svm on text.logits", "svm on text.mean"]}
    assert not found["modalities"]["differences"]
    write.write(found, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text("utf-8")
    assert "Not compared: svm on text, because 2 feature sets are of that kind (svm on text.logits; svm on " in page
    text = Drawn("svm", "text", ("text.mean",))
    written(tmp_path / "named", [text, Drawn("svm", "text.logits", ("text.logits",)), Drawn("svm", "audio")], n=60)
    (row,) = content(results.read(tmp_path / "named"))["modalities"]["heads"]
    assert row["systems"] == {"text": "svm on text", "audio": "svm on audio"}


def test_figures_of_an_earlier_report_go_and_others_stay(tmp_path):
    folder = tmp_path / "figures"
    folder.mkdir()
    for name in ("confusion-7.png", "layers.svg", "mine.png"):
        (folder / name).write_text("old")
    write.report(written(tmp_path / "b", [Drawn("svm"), Drawn("prior")], n=60), tmp_path / "report.html")
    assert {path.name for path in folder.iterdir()} >= {"mine.png", "confusion-1.png", "leaderboard.svg"}
    assert not (folder / "confusion-7.png").exists()
    assert not (folder / "layers.svg").exists()


def test_every_figure_is_one_that_a_later_report_can_take_away(report):
    assert all(re.fullmatch(write.OWN, path.name) for path in (report / "figures").iterdir())


def test_layers_make_a_curve(tmp_path):
    layers = [Drawn("svm", f"text.layers[{number}]", (f"text.layers[{number}]",)) for number in (10, 2, 0)]
    found = content(results.read(written(tmp_path, layers, n=60)))
    (curve,) = found["layers"]
    assert [point["layer"] for point in curve["points"]] == [0, 2, 10]
    assert not found["modalities"]["heads"]


def test_curves_along_training_are_means_over_runs(read, found):
    (curve,) = [one for one in found["epochs"] if one["system"] == "mlp on both"]
    losses = [run.card.history["loss"] for run in system(read, "mlp on both").runs]
    assert curve["runs"] == len(losses) == 4
    np.testing.assert_allclose(curve["curves"]["loss"]["mean"], np.mean(losses, axis=0), rtol=1e-5)
    np.testing.assert_allclose(curve["curves"]["loss"]["high"], np.max(losses, axis=0), rtol=1e-5)


def test_the_sentence_has_the_figures_of_the_table(read, monkeypatch):
    def halves(results):
        summary = summarise(results)
        best = summary["leaderboard"][0]["metrics"][METRIC]
        best["low"] = 0.5174999999  # 51.7 %, and 51.8 % once six digits are left of it
        return summary

    monkeypatch.setattr(report_content, "summarise", halves)
    found = content(read)
    low = found["leaderboard"][0]["metrics"][METRIC]["low"]
    assert f"[{format_percent(low)}, " in found["sentence"]


def test_mistakes_are_wrong_and_the_surest_first(read, found):
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
    assert mistakes["others"] == 7  # nine systems less this one and the prior
    assert max(row["also_wrong"] for row in mistakes["rows"]) <= 7


def test_every_head_is_drawn_and_at_most_eight_systems(found):
    assert len(found["featured"]) == FEATURED
    assert {name.partition(" ")[0] for name in found["featured"]} == {"prior", "svm", "mlp", "xgb"}


def test_long_names_leave_room_for_the_figures(tmp_path):
    long = "svm on " + "+".join(f"encoder{number}@a-long-fold.mean" for number in range(9))
    found = content(results.read(written(tmp_path, (Drawn("prior"), Drawn("svm", long[7:], ("text.mean",))), n=60)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        drawn = {one.name: drawing.svg(one.figure, one.name, one.label) for one in figures.drawings(found)}
    assert f"{long[:28]}…{long[-27:]}" in drawn["leaderboard"]


def test_leaked_figures_are_marked_everywhere(tmp_path):
    leaky = [Drawn("svm", leak="encoder text was tuned on 30 of them"), Drawn("mlp", seeds=2), Drawn("prior")]
    written(tmp_path, leaky, n=60)
    write.report(tmp_path, tmp_path / "out" / "report.html")
    page, text = ((tmp_path / "out" / name).read_text("utf-8") for name in ("report.html", "report.md"))
    assert "! Leaked figures." in page
    assert "svm on both: encoder text was tuned on 30 of them" in page
    assert page.count('class="leaked"') > 5
    assert "! leaked: svm on both" in text
    assert "svm on both (leaked)" in (tmp_path / "out" / "leaderboard.tex").read_text("utf-8")
    assert json.loads((tmp_path / "out" / "results.json").read_text("utf-8"))["mistakes"]["system"] == "mlp on both"


@pytest.fixture(scope="module")
def leaky(tmp_path_factory):
    """The content of a benchmark of everything, where text leaks and audio does not."""
    layers = [Drawn("svm", f"text.layers[{number}]", (f"text.layers[{number}]",)) for number in (0, 2)]
    drawn = [
        replace(one, leak="" if one.feature_set == "audio" else "tuned on 30 of them") for one in (*SEVERAL, *layers)
    ]
    return content(results.read(written(tmp_path_factory.mktemp("leaky"), drawn)))


def test_every_entry_of_results_that_rests_on_a_leaked_system_is_marked(leaky, found):
    def is_marked(one):
        names = {one[key] for key in ("system", "first", "second") if key in one}
        assert one.get("leaked", False) is any(not name.endswith("on audio") for name in names), one
        return "leaked" in one

    lists = {name: leaky[name] for name in ("pairs", "shuffled", "epochs", "sizes")}
    lists |= {"modalities": leaky["modalities"]["differences"], "layers": leaky["layers"][0]["points"]}
    marks = {name: [is_marked(one) for one in entries] for name, entries in lists.items()}
    assert all(map(any, marks.values()))
    assert not all(marks["pairs"] + marks["epochs"])
    for name in ("confusion", "calibration"):
        assert {system for system, one in leaky[name].items() if one.get("leaked")} == tables.leaked(leaky) & {
            *leaky[name]
        }
    for row in leaky["leaderboard"]:
        assert all(one.get("leaked", False) is bool(row["leak"]) for one in row["per_class"].values())
    assert '"leaked"' not in json.dumps(found)


def test_mistakes_are_marked_where_every_system_leaks(tmp_path):
    found = content(results.read(written(tmp_path, [Drawn("svm", leak="tuned on 30 of them")], n=60)))
    assert found["mistakes"]["leaked"] is True
    text = exports.markdown(found, {})
    assert text.partition("\n")[0].endswith(": svm on both, by leaked figures")
    assert "wrong answers of svm on both !.\n" in text
    assert "rows are true classes. Of svm on both !.\n" in text
    right = found | {"mistakes": found["mistakes"] | {"wrong": 0, "rows": []}}
    write.write(right, tmp_path / "right" / "report.html")
    page = (tmp_path / "right" / "report.html").read_text("utf-8")
    assert 'svm on both <span class="leaked" title="leaked">!</span> makes no mistake' in page


def test_differences_of_leaked_systems_are_marked_in_markdown(leaky):
    text = exports.markdown(leaky, {}).partition("## What each modality brings")[2].partition("## Calibration")[0]
    assert len(re.findall(r"\d! \[", text)) == len(leaky["modalities"]["differences"]) > 0


def test_figures_say_in_words_which_systems_leak(leaky, found):
    drawn = {one.name: one for one in figures.drawings(leaky)}
    assert all("; leaked figures" in one.label for name, one in drawn.items() if "confusion" not in name), drawn
    assert not [one.label for one in figures.drawings(found) if "leaked" in one.label]
    for number, name in enumerate(leaky["featured"], 1):
        one, leaks = drawn[f"confusion-{number}"], name in tables.leaked(leaky)
        assert one.label == f"confusion matrix and figures by class of {name}" + leaks * "; leaked figures"
        assert one.figure.get_suptitle() == (f"leaked figures: {name} !" if leaks else "")
        assert leaks == ("leaked figures" in drawing.svg(one.figure, one.name, one.label).partition(">")[0])
    assert drawn["epochs"].label == "loss, accuracy over the epochs of training; leaked figures: mlp on both"
    assert f"![{drawn['epochs'].label}](" in exports.markdown(leaky, {"epochs": drawn["epochs"].label})


@pytest.mark.parametrize("leak", ["", "encoder text was tuned on 30 of them"])
def test_leaked_dots_are_ringed_in_figures_that_name_no_system(tmp_path, leak):
    kinds = [Drawn("svm", "text", leak=leak), Drawn("svm", "audio"), Drawn("svm", leak=leak)]
    layers = [Drawn("svm", f"text.layers[{n}]", (f"text.layers[{n}]",), leak=leak) for n in (0, 2, 10)]
    drawn = figures.drawings(content(results.read(written(tmp_path, (*kinds, *layers), n=60))))
    places = {one.name: one.figure.axes[0] for one in drawn if one.name in ("modalities", "layers")}
    rings = [sum(line.get_label() == "leaked" for line in places[name].lines) for name in ("modalities", "layers")]
    assert rings == ([2, 3] if leak else [0, 0])
    legend = [text.get_text() for text in places["layers"].figure.legends[0].get_texts()]
    assert legend.count("leaked") == bool(leak)


def test_results_are_as_the_schema_says(report, found, leaky):
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads((Path(write.__file__).parent / "results.schema.json").read_text("utf-8"))
    stored = json.loads((report / "results.json").read_text("utf-8"))
    assert stored == found
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(stored, schema)
    jsonschema.validate(leaky, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(stored | {"n": "many"}, schema)


def test_the_leaderboard_as_csv_reads_back(report, found):
    rows = list(csv.DictReader(io.StringIO((report / "leaderboard.csv").read_text("utf-8"))))
    assert [row["system"] for row in rows] == [row["system"] for row in found["leaderboard"]] + ["the paper"]
    for row, one in zip(rows, found["leaderboard"], strict=False):
        assert float(row["macro_f1_low"]) == one["metrics"]["macro_f1"]["low"]
        assert (row["protocol"], row["interval"], row["n"]) == ("speaker-kfold", found["interval"], "120")
        assert (row["normalize"], row["logits"]) == ("none", one["logits"])
    assert (rows[-1]["kind"], rows[-1]["accuracy"], rows[-1]["macro_f1"]) == ("published", "0.59078", "")


def test_ways_of_normalising_and_of_taking_logits_are_in_the_csv(found):
    first = found["leaderboard"][0] | {"normalize": "speaker", "logits": "cross-fitted"}
    (row,) = csv.DictReader(io.StringIO(exports.csv_table(found | {"leaderboard": [first], "published": []})))
    assert (row["normalize"], row["logits"]) == ("speaker", "cross-fitted")


def test_the_settings_that_were_chosen_are_in_markdown_with_how_often(found):
    first, prior = found["leaderboard"][0], next(row for row in found["leaderboard"] if row["head"] == "prior")
    chosen = [{"params": {"C": 3.0, "class_weight": None}, "runs": ["1/0"]}]
    chosen += [{"params": {"C": 0.1, "class_weight": "balanced"}, "runs": ["2/0", "1/1", "2/1"]}]
    rows = [first | {"settings": chosen}, prior | {"settings": [{"params": {}, "runs": ["1/0", "2/0"]}]}]
    text = exports.markdown(found | {"tune": 3, "leaderboard": rows}, {})
    section = text.partition("## Settings\n")[2].partition("\n## ")[0]
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in section.splitlines() if "|" in line]
    assert lines[2:] == [
        [first["system"], 'C 0.1, class_weight "balanced"', "3 of 4"],
        [first["system"], "C 3.0, class_weight null", "1 of 4"],
    ]
    assert "## Settings" not in exports.markdown(found, {})


def test_the_expected_calibration_error_has_no_interval_anywhere(report, found):
    for row in [*found["leaderboard"], *found["controls"]]:
        one = row["metrics"]["expected_calibration_error"]
        assert (one["low"], one["high"]) == (None, None)
        assert row["metrics"]["brier_score"]["low"] < row["metrics"]["brier_score"]["high"]
    first = found["leaderboard"][0]
    value = first["metrics"]["expected_calibration_error"]["value"]
    (row, *_) = csv.DictReader(io.StringIO(exports.csv_table(found)))
    assert [row[f"expected_calibration_error{end}"] for end in ("", "_low", "_high")] == [str(value), "", ""]
    assert re.search(rf"\| {re.escape(first['system'])} +\| {100 * value:.1f} +\| ", exports.markdown(found, {}))
    page = (report / "report.html").read_text("utf-8")
    assert f'<td data-value="{value}">{100 * value:.1f}</td>' in page


def test_latex_is_a_booktabs_table_with_everything_escaped(found):
    text = exports.tex(found)
    assert all(f"\\{rule}" in text for rule in ("toprule", "midrule", "bottomrule"))
    assert "95 \\% expanded" in text
    spoiled = {**found, "corpus": "a_b", "sentence": "100 % of a_b & #1", "leaderboard": found["leaderboard"][:1]}
    spoiled["leaderboard"] = [found["leaderboard"][0] | {"system": "svm_$x"}]
    text = exports.tex(spoiled)
    assert "100 \\% of a\\_b \\& \\#1" in text
    assert "svm\\_\\$x" in text


def test_transcripts_are_text_in_markdown_and_html(report):
    for name in ("report.md", "report.html"):
        text = (report / name).read_text("utf-8")
        assert "<script>alert" not in text
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text


def test_every_figure_is_there_as_png_and_svg_and_in_the_page(report):
    names = {path.stem for path in (report / "figures").iterdir()}
    assert {path.name for path in (report / "figures").iterdir()} == {
        f"{n}.{kind}" for n in names for kind in ("png", "svg")
    }
    assert {
        "leaderboard",
        "confusion-1",
        "confusion-8",
        "modalities",
        "reliability",
        "selective",
        "epochs",
        "sizes",
    } == {name for name in names if not name.startswith("confusion") or name[-1] in "18"}
    page = (report / "report.html").read_text("utf-8")
    assert page.count("<svg ") == page.count('role="img" aria-label=') == len(names)
    assert "svg" in (report / "figures" / "sizes.svg").read_text("utf-8")[:10]


def test_the_page_needs_nothing_from_elsewhere(report):
    page = (report / "report.html").read_text("utf-8")
    assert "default-src 'none'" in page
    assert not [word for word in ("src=", "@import", "<link", "url(http") if word in page]


def test_the_same_predictions_give_the_same_bytes(folder, report):
    write.report(folder, folder / "again" / "report.html")
    for path in sorted(report.rglob("*.*")):
        assert (folder / "again" / path.relative_to(report)).read_bytes() == path.read_bytes(), path.name


@pytest.mark.skipif(
    matplotlib.__version__ != "3.11.2", reason="figures are pinned for the matplotlib of constraints.txt"
)
def test_the_page_is_pinned_to_the_byte(report):
    raw = (report / "report.html").read_bytes()
    assert hashlib.sha256(raw).hexdigest() == PAGE_SHA256, "look at the page, then pin it anew"


def test_the_command_makes_the_report_again(folder, report, tmp_path):
    done = CliRunner().invoke(cli.main, ["report", str(folder), "--out", str(tmp_path / "r.html")])
    assert done.exit_code == 0, done.output
    assert done.stdout.endswith(f"page {tmp_path / 'r.html'}\n")
    assert (tmp_path / "r.html").read_bytes() == (report / "report.html").read_bytes()
    missing = CliRunner().invoke(cli.main, ["report", str(tmp_path)])
    assert missing.exit_code == 1
    assert f"there is no benchmark in {tmp_path}" in missing.output


@pytest.mark.parametrize("name", ["benchmark.json", "folds.json"])
def test_a_damaged_benchmark_is_told(tmp_path, name):
    path = written(tmp_path, (Drawn("svm"),), n=60) / name
    path.write_text(path.read_text("utf-8")[:-20], "utf-8")
    done = CliRunner().invoke(cli.main, ["report", str(tmp_path)])
    assert done.exit_code == 1
    assert f"{path} is damaged" in done.output
    assert "do: run the same cli benchmark again" in done.output
    path.unlink()
    assert "Error: there is no" in CliRunner().invoke(cli.main, ["report", str(tmp_path)]).output


@pytest.mark.parametrize(("value", "text"), [(0.0004, "< 0.001"), (0.9996, "1"), (0.05, "0.050")])
def test_p_values_are_never_nought(value, text):
    assert tables.p_value(value) == text
