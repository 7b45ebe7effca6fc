"""A benchmark of regressors: its runs on disk, its report, and what it says of generated data of IEMOCAP's shape."""

import json
import re
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest

from benchmarks.evaluation.run import execute
from benchmarks.grid import run_records
from benchmarks.grid.config import BenchmarkConfig
from benchmarks.grid.plan import plan
from benchmarks.grid.runner import benchmark
from benchmarks.grid.value_records import read_value_run
from benchmarks.grid.value_results import read_any_results
from benchmarks.report.values.prediction_cells import BINS, describe_predictions
from benchmarks.report.values.value_types import ValueReportContent
from benchmarks.report.write_report import describe_results, make_report, write_report
from featurestore.engines import Engine
from featurestore.errors import BadValue, Mismatch
from tests.benchmarks.statistics.plain_value_metrics import PLAIN
from tests.support.rated_store import TARGETS, RatedStore, rate

ALONE = Engine("loky", 1, "", device="cpu")  # in this process
CCC = "mean_concordance_correlation"


def configure(heads=("prior", "ridge"), features="text,audio", **options):
    return BenchmarkConfig.parse(heads, features, **{"target": TARGETS, "protocol": "leave-one-session-out", **options})


def ran(out, config=None, store=None):
    benchmark(store or RatedStore(), config or configure(), out, engine=ALONE)
    return read_any_results(out)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Run a benchmark with every kind of control."""
    out = tmp_path_factory.mktemp("values")
    mlp = ("mlp.epochs=2", "mlp.device=cpu", "mlp.hidden=[8]")
    config = configure(
        ("prior", "ridge", "mlp"), "text,both", seeds=(0, 1), params=mlp, permute=True, train_sizes=(0.5,)
    )
    benchmark(RatedStore(), config, out, engine=ALONE)
    return out


@pytest.fixture(scope="module")
def read(folder):
    return read_any_results(folder)


@pytest.fixture(scope="module")
def content(read):
    return describe_results(read)[0]


@pytest.fixture(scope="module")
def page(folder):
    make_report(folder, folder / "out" / "report.html")
    return (folder / "out" / "report.html").read_text("utf-8")


def test_runs_come_back_from_disk_as_they_were_predicted(read):
    """The first run of the ridge head is fitted again, and its predictions compared."""
    config = configure(("prior", "ridge"), "text,both", params=())
    system = next(one for one in read.systems if one.name == "ridge on both")
    run = next(one for one in system.runs if one.record.fold == "2")
    (spec,) = [
        one
        for one in plan(RatedStore(), config, lambda line: None).specs
        if one.system == system.name and one.fold.name == "2"
    ]
    (predicted,) = execute(RatedStore(), spec).values
    np.testing.assert_array_equal(run.answers.prediction, predicted)
    ratings = {row.id: [getattr(row, target) for target in TARGETS] for row in rate()}
    assert run.answers.truth.tolist() == [ratings[one] for one in run.ids]
    assert (run.record.targets, run.record.classes) == (TARGETS, ())


def test_pooled_figures_are_those_of_all_test_utterances_and_the_mean_over_seeds(read, content):
    ratings = {row.id: [getattr(row, target) for target in TARGETS] for row in rate()}
    for system in read.systems:
        row = next(one for one in content["leaderboard"] if one["system"] == system.name)
        for place, target in enumerate(TARGETS):
            for name, plain in PLAIN.items():
                values = [
                    plain([ratings[one][place] for one in read.ids], answers.prediction[:, place].tolist())
                    for answers in system.pooled
                ]
                found = row["metrics"][f"{target}_{name}"]
                assert found["value"] == pytest.approx(np.mean(values), rel=1e-4, abs=1e-6)
                assert found["n"] == len(read.ids) == 140


def test_finished_runs_are_not_repeated_and_another_target_is_another_run(tmp_path):
    lines = []
    for target in (("valence",), ("valence",), ("activation",)):
        benchmark(
            RatedStore(), configure(features="audio", target=target, fold="1"), tmp_path, engine=ALONE, say=lines.append
        )
    counts = [line for line in lines if line.endswith("done already")]
    assert counts == [f"2 runs, {done} of them done already" for done in (0, 2, 0)]


def test_a_changed_table_is_noticed(tmp_path):
    found = ran(tmp_path, configure(features="audio", fold="1"))
    digest = found.systems[0].record.digest
    path = run_records.locate_table(tmp_path / "runs", digest)
    path.write_text(path.read_text().replace("Ses01F", "Ses09F", 1))
    with pytest.raises(Mismatch, match="is damaged or missing"):
        read_value_run(tmp_path / "runs", digest)


def test_ridge_beats_the_mean_and_the_difference_has_an_interval_above_zero(content):
    (pair,) = [one for one in content["pairs"] if {one["first"], one["second"]} == {"prior on text", "ridge on both"}]
    assert (
        pair["low" if pair["first"] == "ridge on both" else "high"] * (-1) ** (pair["first"] != "ridge on both") > 0.5
    )
    assert pair["p_holm"] < 0.001
    assert pair["mcnemar_p"] is None
    assert content["leaderboard"][0]["system"] == "ridge on both"
    assert "ridge on both wins with the highest mean concordance correlation" in content["sentence"]
    assert "targets valence, activation, dominance" in content["sentence"]


def test_the_baseline_is_counted_once_and_its_figures_below_zero_are_explained(content):
    (row,) = [one for one in content["leaderboard"] if one["head"] == "prior"]
    assert row["equals"] == ["prior on both"]
    assert -0.1 < row["metrics"][CCC]["value"] < 0
    assert any("the baseline predicts the mean of training" in note for note in content["notes"])


def test_controls_are_measured_against_their_system(content):
    by_name = {row["control"]: row["metrics"][CCC] for row in content["controls"]}
    assert by_name["ridge on both, text permuted"]["minus_system"] < -0.2
    assert by_name["ridge on both, train size 0.5"]["minus_system"] < 0
    assert {one["shuffled"] for one in content["shuffled"] if one["head"] == "ridge"} == {"text", "audio"}
    (curve,) = [one for one in content["sizes"] if one["system"] == "ridge on both"]
    assert [point["share"] for point in curve["points"]] == [0.5, 1.0]
    assert curve["points"][-1].keys() == {"share", "train", CCC}


def test_checks_of_values_run_and_those_of_classes_do_not_apply(content):
    outcome = {one["check"]: one["outcome"] for one in content["checks"]}
    assert outcome["class-missing"] == "not applicable"
    assert outcome["worse-than-prior"] == "failed"  # text says nothing of activation
    assert outcome["speaker-overlap"] == "passed"
    assert outcome["too-few-test"] == "failed"


def test_cells_count_every_utterance_at_its_place(read, content):
    system = read.systems[0]
    for target, found in describe_predictions(system)["targets"].items():
        place = TARGETS.index(target)
        for cells, columns in (
            (found["scatter"], (system.pooled[0].truth, system.pooled[0].prediction)),
            (found["residual"], (system.pooled[0].prediction, system.pooled[0].prediction - system.pooled[0].truth)),
        ):
            assert sum(count for *_, count in cells["counts"]) == 140
            assert all(0 <= x < BINS and 0 <= y < BINS for x, y, _ in cells["counts"])
            for ends, values in zip((cells["x"], cells["y"]), columns, strict=True):
                assert ends[0] <= values[:, place].min() <= values[:, place].max() <= ends[1]
    assert content["predictions"].keys() == {one.name for one in read.systems}


def test_the_largest_errors_are_those_of_the_best_system(read, content):
    errors = content["errors"]
    assert errors["system"] == "ridge on both"
    deviations = [row["deviations"] for row in errors["rows"]]
    assert deviations == sorted(deviations, reverse=True)
    (answers,) = next(one for one in read.systems if one.name == "ridge on both").pooled
    spread = np.abs(answers.prediction - answers.truth) / answers.truth.std(0)
    assert deviations[0] == pytest.approx(spread.max(), rel=1e-5)
    texts = {row.id: row.text for row in rate()}
    assert all(row["text"] == texts[row["id"]] for row in errors["rows"])


def test_the_content_is_of_its_type_and_is_what_is_written(folder, content, page):
    assert content.keys() == ValueReportContent.__required_keys__
    assert json.loads((folder / "out" / "results.json").read_text("utf-8")) == content


def test_the_page_shows_values_and_nothing_of_classes(page, folder):
    text = re.sub(r"<(svg|style|script).*?</\1>", "", page, flags=re.S)
    for word in ("McNemar", "onfusion", "accuracy", "macro F1", "alibration", "in points", "In percent"):
        assert word not in text, word
    titles = re.findall(r'<h2 id="\w+">(\d)\. ([\w ]+)</h2>', text)
    assert [int(number) for number, _ in titles] == list(range(1, len(titles) + 1))
    links, places = set(re.findall(r'href="#(\w+)"', text)), set(re.findall(r'<h2 id="(\w+)"', text))
    assert links == places
    assert "quarters of valence stand in for them" in text
    names = {path.stem for path in (folder / "out" / "figures").glob("*.svg")}
    assert {"leaderboard", "predictions-1", "epochs", "sizes"} <= names
    for name in names:
        assert f'id="figure-{name}"' in page


def test_exports_have_every_system_and_no_percent(folder, page, content):
    markdown = (folder / "out" / "report.md").read_text("utf-8")
    latex = (folder / "out" / "leaderboard.tex").read_text("utf-8")
    for row in content["leaderboard"]:
        assert f"| {row['system']} " in markdown
        assert row["system"] in latex
    assert "accuracy" not in markdown
    assert "In percent" not in latex
    assert "## Largest errors" in markdown


def test_a_figure_does_not_grow_with_the_number_of_utterances(tmp_path, content):
    many = json.loads(json.dumps(content)) | {"featured": content["featured"][:1]}
    for system in many["predictions"].values():
        for target in system["targets"].values():
            for part in ("scatter", "residual"):
                cells = [[x, y, 1 + 1000 * x] for x in range(BINS) for y in range(BINS)]
                target[part] = target[part] | {"counts": cells}
    write_report(many, tmp_path / "report.html")
    largest = max(path.stat().st_size for path in (tmp_path / "figures").glob("predictions-*.svg"))
    cells = 2 * BINS**2 * len(content["targets"])  # of predictions and of residuals
    assert largest < 150 * cells  # bytes
    ElementTree.parse(tmp_path / "figures" / "predictions-1.svg")


def test_a_benchmark_of_one_system_renders_what_there_is_and_the_same_again(tmp_path):
    ran(tmp_path, configure(("ridge",), "audio", target=("activation",), protocol="holdout"))
    found = make_report(tmp_path, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text("utf-8")
    assert re.findall(r'<h2 id="(\w+)"', page) == ["leaderboard", "predictions", "errors", "checks", "provenance"]
    files = ("report.html", "results.json", "report.md", "figures/predictions-1.svg")
    before = [(tmp_path / name).read_bytes() for name in files]
    make_report(tmp_path, tmp_path / "report.html")
    assert [(tmp_path / name).read_bytes() for name in files] == before
    assert found["sentence"].startswith("1 head on 1 feature set compared on rated, targets activation")


def test_settings_are_searched_by_concordance_and_the_report_says_so(tmp_path):
    found = ran(tmp_path, configure(("ridge",), "audio", search=3, fold="1", target=("activation",)))
    assert found.searched_metric == CCC
    notes = describe_results(found)[0]["notes"]
    assert any("3 drawn settings by mean concordance correlation on 4 inner folds" in note for note in notes)


def test_leaked_figures_are_marked_everywhere(tmp_path):
    store = RatedStore(tuned={"audio": frozenset(row.id for row in rate())})
    found = ran(tmp_path, configure(("ridge",), allow_leakage=True, fold="1"), store)
    content, text = describe_results(found)
    leaked = {row["system"]: bool(row["leak"]) for row in content["leaderboard"]}
    assert leaked == {"ridge on audio": True, "ridge on text": False}
    assert {name for name, one in content["predictions"].items() if one.get("leaked")} == {"ridge on audio"}
    assert "! leaked: ridge on audio: encoder audio was fine-tuned on 28 of the 28" in text
    assert content["errors"]["system"] == "ridge on text"


def test_two_protocols_are_compared_on_the_same_utterances_and_the_same_targets_only(tmp_path):
    for name, protocol in (("here", "random-utterance"), ("there", "leave-one-session-out")):
        ran(tmp_path / name, configure(("ridge",), "audio", protocol=protocol))
    found = make_report(tmp_path / "here", tmp_path / "report.html", tmp_path / "there")
    (row,) = found["against"]["systems"]
    assert row["value"] == pytest.approx(row["here"] - row["there"], abs=1e-5)
    assert "here minus there</th>" in (tmp_path / "report.html").read_text("utf-8")
    assert "## Against protocol leave-one-session-out" in (tmp_path / "report.md").read_text("utf-8")
    ran(tmp_path / "other", configure(("ridge",), "audio", target=("valence",)))
    with pytest.raises(
        BadValue, match="predict different targets\n  expected: valence, activation, dominance\n  got: valence"
    ):
        make_report(tmp_path / "here", tmp_path / "report.html", tmp_path / "other")


def test_the_command_that_is_recorded_names_the_targets(tmp_path):
    config = configure()
    assert "--target valence,activation,dominance" in config.command(tmp_path, tmp_path)
    assert "--metric" not in config.command(tmp_path, tmp_path)
    assert replace(config, metric="valence_pearson_correlation").headline == "valence_pearson_correlation"
