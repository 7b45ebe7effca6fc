"""The paper as one command, on a corpus of noise: its output, its leaks, and what a second run reuses."""

import json
import re
from dataclasses import fields, replace
from xml.etree import ElementTree

import numpy as np
import pytest
from click.testing import CliRunner

import cli
from benchmarks.paper import fusion_stage
from benchmarks.paper.paper_plan import Epochs, PaperPlan
from benchmarks.paper.paper_run import run_paper
from benchmarks.paper.related_work import read_related_work
from benchmarks.paper.stage_result import StageResult, reuse_or_make
from benchmarks.paper.store_rows import StoreRows
from benchmarks.paper.switches import MODES, Switches, describe_switches
from featurestore.errors import Leakage, Mismatch
from featurestore.exposure import Exposure
from featurestore.store import Store
from tests.support import tiny
from tests.support.quick_heads import quick_params

EPOCHS = Epochs(text=1, audio=1, fusion=4)
CODES = ("ang", "hap", "sad", "sur", "xxx")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("paper")
    rows = tiny.utterances(60, root / "clips")
    # surprise, which only the text model learns, is at the end, so that the splits of text and fusion disagree
    labels = [CODES[3 + index % 2] if index >= 45 else CODES[index % 3] for index in range(60)]
    rows = [replace(row, label=label) for row, label in zip(rows, labels, strict=True)]
    tiny.store(root / "store", rows, root / "clips", corpus="iemocap")
    for name, family in (("text", "deberta-v2"), ("audio", "wav2vec2-group")):
        tiny.checkpoint(family, root / name)
    return root


def plan(root, switches, **checkpoints):
    found = {"text": str(root / "text"), "audio": str(root / "audio")} | checkpoints
    return PaperPlan(Store(root / "store"), switches, EPOCHS, found)


def paper(root, mode, *options):
    words = ["paper", "--store", root / "store", "--out", root / mode, "--mode", mode, "--text", root / "text"]
    words += ["--audio", root / "audio", "--epochs-text", 1, "--epochs-audio", 1, "--epochs-fusion", 4]
    words += options
    done = CliRunner().invoke(cli.main, list(map(str, words)))
    assert done.exit_code == 0, done.output
    return done


@pytest.fixture(scope="module")
def exact(root):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("benchmarks.paper.paper_plan.CUT", 9_600)  # a part of these clips, as of the paper's
        patch.setattr("benchmarks.paper.paper_plan.FRAMES", 20)
        return paper(root, "exact", "--no-related")


@pytest.fixture(scope="module")
def fixed(root):
    return fixed_paper(root)


def fixed_paper(root):
    """Run the paper with one system of related work that runs, and one that does not."""
    systems = {one.system: one for one in read_related_work()}
    running = replace(systems["Attention over frames"], params=quick_params("attention", epochs=2))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("benchmarks.paper.related_work.read_related_work", lambda: (systems["SYSCOMB (2020)"], running))
        return paper(root, "fixed")


@pytest.fixture(scope="module")
def results(root, exact):
    return json.loads((root / "exact/results.json").read_text("utf-8"))


def test_a_run_prints_its_figures_beside_the_published_and_the_place_of_the_page(root, fixed):
    lines = fixed.stdout.splitlines()
    assert lines[0] == "the paper's experiment, mode fixed, protocol holdout"
    assert re.fullmatch(r"  fusion  accuracy \d+\.\d % \[.*\], n = 9; published 59\.078 %", lines[3])
    assert lines[-1] == f"page {root / 'fixed/paper.html'}"


def test_a_second_run_reuses_everything_and_gives_the_same_bytes(root, fixed):
    def content():
        files = [path for path in sorted((root / "fixed").rglob("*")) if path.is_file()]
        kept = [path for path in files if path.suffix in (".safetensors", ".h5") or path.name == "fusion.json"]
        return {path: path.read_bytes() for path in files}, {path: path.stat().st_mtime_ns for path in kept}

    before = content()
    again = fixed_paper(root)
    assert content() == before
    assert "2 runs, 2 of them done already" in again.stderr
    assert "fusion.json: up to date" in again.stderr
    assert again.stderr.count("0 encoded now") == 2


def test_exact_marks_every_figure_that_leaks(results):
    """The text model's last fifth is of 52 turns, the fusion's of 45: test turns of the fusion were in its training."""
    stages = results["stages"]
    assert [stages[name]["test"] for name in stages] == [11, 9, 9]
    seen = "encoder text@paper-exact was fine-tuned on 5 of the 9 test utterances of fold tail"
    assert stages["fusion"]["leak"] == seen
    assert results["differences"][-1].endswith(f"as in the published code: {seen}.")
    leaks = {(row["modality"], row["leak"]) for row in results["heads"]}
    assert leaks == {("text only", seen), ("audio only", ""), ("text + audio", seen)}


def test_exact_marks_them_on_the_page_too(root, exact):
    page = (root / "exact/paper.md").read_text("utf-8")
    section = page[page.index("**Table V.") : page.index("**Table VI.")]
    rows = re.findall(r"^\| \d.*$", section, re.M)
    assert [row.count("!") for row in rows] == [2, 2]
    assert "!" not in page[page.index("**Table III.") : page.index("**Table IV.")]


def test_fixed_does_not_leak(root, fixed):
    found = json.loads((root / "fixed/results.json").read_text("utf-8"))
    assert {row["leak"] for row in found["heads"]} == {""}
    assert found["stages"]["fusion"]["leak"] == ""
    classes = {name: stage["classes"] for name, stage in found["stages"].items()}
    assert classes["text"] == classes["audio"] == classes["fusion"] == ["angry", "happy", "sad"]


def test_a_leak_is_refused_unless_the_split_is_the_published_one(root, fixed, monkeypatch, tmp_path):
    everything = Exposure({row.id: "id" for row in Store(root / "store").utterances})
    monkeypatch.setattr(Store, "exposure", lambda store, encoder: everything)
    with pytest.raises(Leakage, match="encoder audio@paper-fixed was fine-tuned on 9 of the 9 test utterances"):
        fusion_stage.train_fusion(plan(root, MODES["fixed"]), tmp_path / "fusion.json", print)


def test_another_mode_in_the_same_folder_is_refused(root, fixed):
    with pytest.raises(Mismatch) as problem:
        run_paper(Store(root / "store"), out=root / "fixed", switches=MODES["exact"], epochs=EPOCHS, say=print)
    assert str(problem.value) == (
        f"{root / 'fixed'} holds a run of the paper in another mode\n  expected: exact\n  got: fixed\n"
        "  do: choose another --out"
    )


@pytest.mark.parametrize("mode", ["exact", "fixed"])
def test_the_page_has_every_table_and_figure_and_needs_nothing_else(root, exact, fixed, mode):
    page = (root / mode / "paper.html").read_text("utf-8")
    for number in ("I", "II", "III", "IV", "V", "VI"):
        assert f"<caption>Table {number}." in page
    for number in (1, 5, 8, 11, 12):  # one epoch of the encoders is one block, four of the fusion two
        assert f"Fig. {number}." in page
    assert page.count("<svg") == 5
    assert not re.search(r'(src|href)="(?!#|data:)', page)
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert "<script" not in page
    assert len(page) < 400_000


def test_each_figure_is_well_formed_and_labelled(root, exact):
    found = {path.stem: ElementTree.parse(path).getroot() for path in (root / "exact/figures").iterdir()}
    assert set(found) == {"distribution", "text0", "audio0", "fusion0", "fusion1"}
    words = {name: " ".join(svg.itertext()) for name, svg in found.items()}
    for word in ("angry", "surprised", "no agreement between the raters", "15"):
        assert word in words["distribution"]
    for word in ("loss, nats", "accuracy, %", "epochs done", "predicted", "true", "angry", "test, after"):
        assert word in words["fusion1"]


def test_both_pages_have_the_same_figures(root, exact, results):
    markdown, html = ((root / "exact" / name).read_text("utf-8") for name in ("paper.md", "paper.html"))
    value = results["stages"]["audio"]["blocks"][0]["metrics"]["accuracy"]
    measured = f"{100 * value['value']:.1f} [{100 * value['low']:.1f}, {100 * value['high']:.1f}]"
    assert f"| 1–1 | – | {measured} | – | 9 |" in markdown
    assert f"<td>1–1</td><td>–</td><td>{measured}</td><td>–</td>" in html
    assert "| Wav2Vec2.0 (published; here) | 6; here 3 | Accuracy | 45.461 |" in markdown
    assert "| SYSCOMB (2020) | 4 | Unweighted Accuracy | 74.000 | – | – | – |" in markdown
    assert "| COGMEN (2022) | 6 | Unweighted Average | 68.200 |" in markdown


def test_related_work_stands_on_both_pages_and_leaves_the_papers_tables_as_they_are(root, fixed):
    assert f"report of related work {root / 'fixed/related/report.html'}" in fixed.stdout.splitlines()
    markdown, html = ((root / "fixed" / name).read_text("utf-8") for name in ("paper.md", "paper.html"))
    section = markdown[markdown.index("## Related work, run here") : markdown.index("## Other heads")]
    assert "| SYSCOMB (2020) (Table IV) | 74, 4 labels | – | Quoted only: it is not known what to run. |" in section
    row = json.loads((root / "fixed/results.json").read_text("utf-8"))["related"]["systems"][1]
    value = row["metrics"]["accuracy"]
    measured = f"{100 * value['value']:.1f} [{100 * value['low']:.1f}, {100 * value['high']:.1f}]"
    assert re.search(
        rf"\| Attention over frames .* \| {re.escape(measured)} \| `attention \(.*on audio.frames`", section
    )
    for text in (measured, *(row[name] for name in ("system", "place", "says", "source"))):
        assert text in html
    assert "cuts" not in section  # this corpus has no dialogues
    assert "| SYSCOMB (2020) | 4 | Unweighted Accuracy | 74.000 | – | – | – |" in markdown


def test_without_related_work_there_is_no_section_of_it(root, exact, results):
    assert results["related"] is None
    assert not (root / "exact/related").exists()
    assert "report of related work" not in exact.stdout
    for name in ("paper.md", "paper.html"):
        assert "Related work" not in (root / "exact" / name).read_text("utf-8")


def test_the_fusion_network_is_the_published_one(root, exact, results):
    settings = results["plan"]["settings"]["fusion"]
    assert settings["features"] == [
        "audio@paper-exact.frames[20]",
        "audio@paper-exact.logits",
        "text@paper-exact.cls",
        "text@paper-exact.logits",
    ]
    shown = {name: settings[name] for name in ("activation", "extra_outputs", "double_softmax", "learning_rate")}
    assert shown == {"activation": "identity", "extra_outputs": 1, "double_softmax": True, "learning_rate": 1e-5}
    assert settings["standardize"] is False
    history = results["stages"]["fusion"]["history"]
    assert [entry["epoch"] for entry in history] == [1, 2, 3, 4]
    assert all(1.0 < entry["loss"] < 1.6 for entry in history)  # the softmax of a softmax over four is near ln 4


def test_rows_equal_those_of_the_store(root, exact):
    store = Store(root / "store")
    features, ids = ["audio@paper-exact.frames[20]", "text@paper-exact.cls"], ["u003", "u001", "u010"]
    rows = StoreRows(store, features, ids)
    whole = store.matrix(features, ids)[0]
    assert rows.shape == (3, 20 * 16 + 16)
    assert not hasattr(rows, "__array__")
    np.testing.assert_array_equal(rows[np.array([2, 0])], whole[[2, 0]])
    np.testing.assert_array_equal(rows[1:], whole[1:])


def facts(one):
    return {
        "protocol": one.protocol,
        "audio": one.settings("audio").fixed_length,
        "text": one.settings("text").fixed_length,
        "labels": one.scheme("text").name,
        "others": [one.scheme(stage).name for stage in ("audio", "fusion")],
        "features": [feature.partition(".")[2] for feature in one.fusion_features()],
        **{
            name: one.fusion_params()[name]
            for name in ("activation", "extra_outputs", "double_softmax", "standardize", "learning_rate")
        },
    }


ALONE = {
    "sequential_split": {"protocol": "paper-tail"},
    "cut_audio": {"audio": 54_622},
    "flattened_frames": {
        "features": ["frames[170]", "logits", "cls", "logits"],
        "standardize": False,
        "learning_rate": 1e-5,
    },
    "unmasked_text": {"text": 63},
    "every_text_label": {"labels": "iemocap-10"},
    "linear_fusion": {"activation": "identity"},
    "extra_output": {"extra_outputs": 1},
    "double_softmax": {"double_softmax": True},
}


@pytest.mark.parametrize("name", [entry.name for entry in fields(Switches)])
def test_each_switch_changes_one_thing(root, name):
    repaired = facts(plan(root, Switches()))
    found = facts(plan(root, Switches(**{name: True})))
    longest = max(len(row.text) for row in Store(root / "store").utterances)
    expected = {key: longest if key == "text" else value for key, value in ALONE[name].items()}
    assert {key: value for key, value in found.items() if value != repaired[key]} == expected


def test_exact_is_every_switch_and_every_switch_has_a_reason(root):
    expected = {key: value for change in ALONE.values() for key, value in change.items()}
    found = facts(plan(root, MODES["exact"]))
    assert {key: found[key] for key in expected if key != "text"} == {k: v for k, v in expected.items() if k != "text"}
    for switch in describe_switches(MODES["exact"]):
        assert switch["as_published"] is True
        assert all(len(str(switch[name])) > 15 for name in ("published", "repaired", "reason"))


def test_each_mixture_of_switches_has_a_different_name():
    names = {Switches(**{entry.name: True}).mode for entry in fields(Switches)}
    assert len(names) == len(fields(Switches))
    assert all(re.fullmatch(r"mixed-[0-9a-f]{8}", name) for name in names)


def test_the_page_names_the_demos_own_networks(root, results):
    from benchmarks.paper.differences_from_paper import list_differences

    own = plan(root, MODES["exact"], text="", audio="")
    lines = list_differences(results | {"corpus": results["corpus"] | {"name": "demo", "title": "Demo"}}, own)
    assert lines[0].startswith("The corpus is not IEMOCAP but: Demo (")
    assert lines[1] == (
        "The text encoder is the demo's small untrained network, not the pretrained microsoft/deberta-v3-small."
    )
    assert "Epochs: text 1 instead of 9, audio 1 instead of 9, fusion 4 instead of 6." in lines
    assert "fusion 0.001 instead of 1e-5." in lines[4]


def test_a_figure_is_the_state_after_the_last_epoch_of_its_block():
    confusions = [[[5, 5], [5, 5]], [[10, 0], [0, 10]], [[9, 1], [1, 9]], [[6, 4], [2, 8]]]
    history = [{"epoch": index + 1, "confusion": table} for index, table in enumerate(confusions)]
    blocks = StageResult("audio", ["happy", "sad"], 80, 20, history).to_json()["blocks"]
    assert [block["epochs"] for block in blocks] == [[1, 3], [4, 4]]
    assert [block["metrics"]["accuracy"]["value"] for block in blocks] == [0.9, 0.7]
    assert [block["metrics"]["accuracy"]["n"] for block in blocks] == [20, 20]


def test_an_answer_is_made_again_where_its_request_or_its_file_changed(tmp_path):
    path, made, lines = tmp_path / "a.json", [], []

    def make():
        made.append(1)
        return {"made": len(made)}

    assert reuse_or_make(path, {"a": 1}, make, lines.append) == {"made": 1}
    assert reuse_or_make(path, {"a": 1}, make, lines.append) == {"made": 1}
    assert lines == [f"{path}: up to date"]
    assert reuse_or_make(path, {"a": 2}, make, lines.append) == {"made": 2}
    path.write_text(path.read_text("utf-8")[:20])
    assert reuse_or_make(path, {"a": 2}, make, lines.append) == {"made": 3}
