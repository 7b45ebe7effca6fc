"""Figures of leaked systems are marked in every output."""

import json
import re

import pytest

from benchmarks.grid import results
from benchmarks.report.analysis.leak_marks import find_leaks
from benchmarks.report.analysis.report_content import build_content
from benchmarks.report.render import exports
from benchmarks.report.render.figure_style import to_svg
from benchmarks.report.render.report_figures import draw_figures
from benchmarks.report.write_report import make_report, write_report
from tests.support.fake_results import Drawn, written


def test_leaked_figures_are_marked_everywhere(tmp_path):
    leaky = [Drawn("svm", leak="encoder text was tuned on 30 of them"), Drawn("mlp", seeds=2), Drawn("prior")]
    written(tmp_path, leaky, n=60)
    make_report(tmp_path, tmp_path / "out" / "report.html")
    page, text = ((tmp_path / "out" / name).read_text("utf-8") for name in ("report.html", "report.md"))
    assert "! Leaked figures." in page
    assert "svm on both: encoder text was tuned on 30 of them" in page
    assert page.count('class="leaked"') > 5
    assert "! leaked: svm on both" in text
    assert "svm on both (leaked)" in (tmp_path / "out" / "leaderboard.tex").read_text("utf-8")
    assert json.loads((tmp_path / "out" / "results.json").read_text("utf-8"))["mistakes"]["system"] == "mlp on both"


def test_every_entry_of_results_that_uses_a_leaked_system_is_marked(leaky, found):
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
        assert {system for system, one in leaky[name].items() if one.get("leaked")} == find_leaks(leaky) & {
            *leaky[name]
        }
    for row in leaky["leaderboard"]:
        assert all(one.get("leaked", False) is bool(row["leak"]) for one in row["per_class"].values())
    assert '"leaked"' not in json.dumps(found)


def test_mistakes_are_marked_where_every_system_leaks(tmp_path):
    found = build_content(results.read(written(tmp_path, [Drawn("svm", leak="tuned on 30 of them")], n=60)))
    assert found["mistakes"]["leaked"] is True
    text = exports.format_markdown(found, {})
    assert text.partition("\n")[0].endswith(": svm on both, by leaked figures")
    assert "wrong predictions of svm on both !.\n" in text
    assert "svm on both !: counts, the mean over seeds. Rows are true classes.\n" in text
    right = found | {"mistakes": found["mistakes"] | {"wrong": 0, "rows": []}}
    write_report(right, tmp_path / "right" / "report.html")
    page = (tmp_path / "right" / "report.html").read_text("utf-8")
    assert 'svm on both <span class="leaked" title="leaked">!</span> makes no mistake' in page


def test_differences_of_leaked_systems_are_marked_in_markdown(leaky):
    text = exports.format_markdown(leaky, {}).partition("## Modalities")[2].partition("## Calibration")[0]
    assert len(re.findall(r"\d! \[", text)) == len(leaky["modalities"]["differences"]) > 0


def test_labels_of_figures_name_the_leaked_systems(leaky, found):
    drawn = {one.name: one for one in draw_figures(leaky)}
    assert all("; leaked figures" in one.label for name, one in drawn.items() if "confusion" not in name), drawn
    assert not [one.label for one in draw_figures(found) if "leaked" in one.label]
    for number, name in enumerate(leaky["featured"], 1):
        one, leaks = drawn[f"confusion-{number}"], name in find_leaks(leaky)
        assert one.label == f"confusion matrix and figures by class of {name}" + leaks * "; leaked figures"
        assert one.figure.get_suptitle() == (f"leaked figures: {name} !" if leaks else "")
        assert leaks == ("leaked figures" in to_svg(one.figure, one.name, one.label).partition(">")[0])
    assert drawn["epochs"].label == "loss, accuracy over the epochs of training; leaked figures: mlp on both"
    assert f"![{drawn['epochs'].label}](" in exports.format_markdown(leaky, {"epochs": drawn["epochs"].label})


@pytest.mark.parametrize("leak", ["", "encoder text was tuned on 30 of them"])
def test_leaked_dots_are_ringed_in_figures_that_name_no_system(tmp_path, leak):
    kinds = [Drawn("svm", "text", leak=leak), Drawn("svm", "audio"), Drawn("svm", leak=leak)]
    layers = [Drawn("svm", f"text.layers[{n}]", (f"text.layers[{n}]",), leak=leak) for n in (0, 2, 10)]
    drawn = draw_figures(build_content(results.read(written(tmp_path, (*kinds, *layers), n=60))))
    places = {one.name: one.figure.axes[0] for one in drawn if one.name in ("modalities", "layers")}
    rings = [sum(line.get_label() == "leaked" for line in places[name].lines) for name in ("modalities", "layers")]
    assert rings == ([2, 3] if leak else [0, 0])
    legend = [text.get_text() for text in places["layers"].figure.legends[0].get_texts()]
    assert legend.count("leaked") == bool(leak)
