"""Page, figures and exports: complete, escaped, and the same bytes for the same predictions."""

import csv
import hashlib
import io
import json
import re
import warnings
from dataclasses import replace
from pathlib import Path

import matplotlib
import pytest
from click.testing import CliRunner

import cli
from benchmarks.grid import results
from benchmarks.report import write_report as write_module
from benchmarks.report.analysis.report_content import build_content
from benchmarks.report.render import exports
from benchmarks.report.render.figure_style import to_svg
from benchmarks.report.render.report_figures import draw_figures
from benchmarks.report.render.report_lookups import select_comparable
from benchmarks.report.write_report import OWN, make_report
from benchmarks.statistics.formatting import format_p_value
from tests.support.fake_results import Drawn, written
from tests.support.report_page import render

PAGE_SHA256 = "36da47cb5dcbcef10728c3ee6af4fb1ffcd282019fc457c63727919158277061"


@pytest.mark.parametrize(
    ("protocol", "mark"),
    [("speaker-kfold", ""), ("holdout", " (protocol holdout)"), ("", " (another protocol)")],
)
def test_a_published_figure_of_another_protocol_is_marked_and_not_drawn(read, protocol, mark):
    figures = [{**one, "protocol": protocol} for one in read.about["published"]]
    found = build_content(replace(read, about={**read.about, "published": figures}))
    page, _ = render(found)
    assert ("Dotted: published figures." in page) == (not mark)
    assert f"published: the paper{mark}</th>" in page
    assert len(select_comparable(found)) == (0 if mark else len(figures))


def test_a_published_figure_without_a_column_stands_with_the_name(read):
    figures = [{**one, "metric": "weighted_f1"} for one in read.about["published"]]
    found = build_content(replace(read, about={**read.about, "published": figures}))
    assert "published: the paper, weighted f1 59.1 %</th>" in render(found)[0]
    assert r"the paper, weighted f1 59.1 \% (published)" in exports.format_latex(found)
    row = list(csv.DictReader(io.StringIO(exports.format_csv(found))))[-1]
    assert (row["kind"], row["protocol"], row["weighted_f1"]) == ("published", "speaker-kfold", "0.59078")


def test_figures_of_an_earlier_report_are_removed_and_other_files_kept(tmp_path):
    folder = tmp_path / "figures"
    folder.mkdir()
    for name in ("confusion-7.png", "layers.svg", "mine.png"):
        (folder / name).write_text("old")
    make_report(written(tmp_path / "b", [Drawn("svm"), Drawn("prior")], n=60), tmp_path / "report.html")
    assert {path.name for path in folder.iterdir()} >= {"mine.png", "confusion-1.png", "leaderboard.svg"}
    assert not (folder / "confusion-7.png").exists()
    assert not (folder / "layers.svg").exists()


def test_a_later_report_can_remove_every_figure(report):
    assert all(re.fullmatch(OWN, path.name) for path in (report / "figures").iterdir())


def test_long_names_are_shortened_in_figures(tmp_path):
    long = "svm on " + "+".join(f"encoder{number}@a-long-fold.mean" for number in range(9))
    found = build_content(
        results.read(written(tmp_path, (Drawn("prior"), Drawn("svm", long[7:], ("text.mean",))), n=60))
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        drawn = {one.name: to_svg(one.figure, one.name, one.label) for one in draw_figures(found)}
    assert f"{long[:28]}…{long[-27:]}" in drawn["leaderboard"]


def test_results_match_the_schema(report, found, leaky):
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads((Path(write_module.__file__).parent / "results.schema.json").read_text("utf-8"))
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


def test_normalization_and_logits_are_in_the_csv(found):
    first = found["leaderboard"][0] | {"normalize": "speaker", "logits": "cross-fitted"}
    (row,) = csv.DictReader(io.StringIO(exports.format_csv(found | {"leaderboard": [first], "published": []})))
    assert (row["normalize"], row["logits"]) == ("speaker", "cross-fitted")


def test_chosen_settings_are_in_markdown_with_their_number_of_fits(found):
    first, prior = found["leaderboard"][0], next(row for row in found["leaderboard"] if row["head"] == "prior")
    chosen = [{"params": {"C": 3.0, "class_weight": None}, "runs": ["1/0"]}]
    chosen += [{"params": {"C": 0.1, "class_weight": "balanced"}, "runs": ["2/0", "1/1", "2/1"]}]
    rows = [first | {"settings": chosen}, prior | {"settings": [{"params": {}, "runs": ["1/0", "2/0"]}]}]
    text = exports.format_markdown(found | {"tune": 3, "leaderboard": rows}, {})
    section = text.partition("## Settings\n")[2].partition("\n## ")[0]
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in section.splitlines() if "|" in line]
    assert lines[2:] == [
        [first["system"], 'C 0.1, class_weight "balanced"', "3 of 4"],
        [first["system"], "C 3.0, class_weight null", "1 of 4"],
    ]
    assert "## Settings" not in exports.format_markdown(found, {})


def test_the_expected_calibration_error_is_a_point_estimate_everywhere(report, found):
    for row in [*found["leaderboard"], *found["controls"]]:
        one = row["metrics"]["expected_calibration_error"]
        assert (one["low"], one["high"]) == (None, None)
        assert row["metrics"]["brier_score"]["low"] < row["metrics"]["brier_score"]["high"]
    first = found["leaderboard"][0]
    value = first["metrics"]["expected_calibration_error"]["value"]
    (row, *_) = csv.DictReader(io.StringIO(exports.format_csv(found)))
    assert [row[f"expected_calibration_error{end}"] for end in ("", "_low", "_high")] == [str(value), "", ""]
    assert re.search(rf"\| {re.escape(first['system'])} +\| {100 * value:.1f} +\| ", exports.format_markdown(found, {}))
    page = (report / "report.html").read_text("utf-8")
    assert f'<td data-value="{value}">{100 * value:.1f}</td>' in page


def test_latex_is_a_booktabs_table_with_everything_escaped(found):
    text = exports.format_latex(found)
    assert all(f"\\{rule}" in text for rule in ("toprule", "midrule", "bottomrule"))
    assert "95 \\% expanded" in text
    changed = {**found, "corpus": "a_b", "sentence": "100 % of a_b & #1", "leaderboard": found["leaderboard"][:1]}
    changed["leaderboard"] = [found["leaderboard"][0] | {"system": "svm_$x"}]
    text = exports.format_latex(changed)
    assert "100 \\% of a\\_b \\& \\#1" in text
    assert "svm\\_\\$x" in text


def test_transcripts_are_escaped_in_markdown_and_html(report):
    for name in ("report.md", "report.html"):
        text = (report / name).read_text("utf-8")
        assert "<script>alert" not in text
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text


def test_every_figure_is_written_as_png_and_svg_and_in_the_page(report):
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


def test_the_page_loads_nothing(report):
    page = (report / "report.html").read_text("utf-8")
    assert "default-src 'none'" in page
    assert not [word for word in ("src=", "@import", "<link", "url(http") if word in page]


def test_the_command_writes_the_same_bytes_again(folder, report, tmp_path):
    done = CliRunner().invoke(cli.main, ["report", str(folder), "--out", str(tmp_path / "again" / "report.html")])
    assert done.exit_code == 0, done.output
    assert done.stdout.endswith(f"page {tmp_path / 'again' / 'report.html'}\n")
    names = [path.relative_to(report) for path in sorted(report.rglob("*.*"))]
    assert [path.relative_to(tmp_path / "again") for path in sorted((tmp_path / "again").rglob("*.*"))] == names
    for name in names:
        assert (tmp_path / "again" / name).read_bytes() == (report / name).read_bytes(), name


@pytest.mark.skipif(
    matplotlib.__version__ != "3.11.2", reason="figures are pinned for the matplotlib of constraints.txt"
)
def test_the_page_is_pinned_to_the_byte(report):
    raw = (report / "report.html").read_bytes()
    assert hashlib.sha256(raw).hexdigest() == PAGE_SHA256, "look at the page, then pin it again"


def test_a_folder_without_a_benchmark_is_an_error(tmp_path):
    missing = CliRunner().invoke(cli.main, ["report", str(tmp_path)])
    assert missing.exit_code == 1
    assert f"there is no benchmark in {tmp_path}" in missing.output


@pytest.mark.parametrize("name", ["benchmark.json", "folds.json"])
def test_a_damaged_benchmark_is_an_error(tmp_path, name):
    path = written(tmp_path, (Drawn("svm"),), n=60) / name
    path.write_text(path.read_text("utf-8")[:-20], "utf-8")
    done = CliRunner().invoke(cli.main, ["report", str(tmp_path)])
    assert done.exit_code == 1
    assert f"{path} is damaged" in done.output
    assert "do: run the same cli benchmark again" in done.output
    path.unlink()
    assert "Error: there is no" in CliRunner().invoke(cli.main, ["report", str(tmp_path)]).output


@pytest.mark.parametrize(("value", "text"), [(0.0004, "< 0.001"), (0.9996, "1"), (0.05, "0.050")])
def test_p_values_are_never_0(value, text):
    assert format_p_value(value) == text
