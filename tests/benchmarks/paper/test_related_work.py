"""Related work beside the paper: what the table says of each system, and what runs on the paper's encoders."""

import json
import re
import shlex
from collections import defaultdict
from dataclasses import asdict, replace
from importlib.metadata import PackageNotFoundError

import pytest

import cli
from benchmarks.commands import paper as paper_command
from benchmarks.evaluation.task import open_task
from benchmarks.grid import results as grid_results
from benchmarks.paper.paper_plan import Epochs, PaperPlan, read_published_figures
from benchmarks.paper.related_plan import locate_encoder, plan_related_work, shorten_training
from benchmarks.paper.related_stage import (
    compare_related_work,
    count_dialogues,
    extract_handmade,
    list_optional,
    write_command,
)
from benchmarks.paper.related_table import build_related_table
from benchmarks.paper.related_work import list_features, list_kinds, read_related_work
from benchmarks.paper.switches import MODES
from featurestore import registry
from featurestore.encoders import list_handmade
from featurestore.errors import Leakage, NotFound
from featurestore.exposure import Exposure
from featurestore.extraction.extract import extract_encoder
from featurestore.folds.fold import Fold
from featurestore.spec import EncoderSpec, parse_feature
from featurestore.store import Store
from heads import list_heads
from tests.support import tiny
from tests.support.quick_heads import quick_params

SYSTEMS = {one.system: one for one in read_related_work()}
WITH_HEAD = [one for one in SYSTEMS.values() if one.head]
TABLES = {"text": "Table II", "audio": "Table IV", "fusion": "Table VI"}


def quick(systems):
    """Return systems with settings for a corpus of noise, of which nothing can be learned."""
    return tuple(
        replace(one, params=quick_params(one.head, epochs=2) | dict(one.params)) if one in WITH_HEAD else one
        for one in systems
    )


def plan(store):
    return PaperPlan(Store(store), MODES["fixed"], Epochs(1, 1, 1), {"text": "t", "audio": "a"})


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Write a store with the features of untuned encoders, under the names of the paper's."""
    root = tmp_path_factory.mktemp("related")
    rows = tiny.utterances(48, root / "clips")
    # of each dialogue of six turns the last has no class
    rows = [
        replace(row, dialogue=f"d{index // 6}", label="xxx" if index % 6 == 5 else row.label)
        for index, row in enumerate(rows)
    ]
    tiny.store(root / "store", rows, root / "clips", corpus="iemocap")
    for name, family in (("text", "deberta-v2"), ("audio", "wav2vec2-group")):
        spec = EncoderSpec(f"{name}@paper-fixed", str(tiny.checkpoint(family, root / name)))
        kinds = list_optional(read_related_work(), name)
        extract_encoder(Store(root / "store"), spec, optional=kinds, jobs=1, say=lambda line: None)
    extract_handmade(plan(root / "store"), read_related_work(), lambda line: None)
    return root


@pytest.fixture(scope="module")
def related(root):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("benchmarks.compare.write_report", lambda content, path: None)
        found = compare_related_work(plan(root / "store"), quick(SYSTEMS.values()), root / "out/related", print)
    return json.loads(json.dumps(found))


@pytest.mark.parametrize("one", SYSTEMS.values(), ids=lambda one: one.system)
def test_every_system_has_its_place_what_its_source_says_and_the_source(one):
    assert re.fullmatch(r"Table (II|IV|VI)|Section II\.[A-D]|Cited in II\.D, not quoted|Not in the paper", one.place)
    assert bool(one.quoted) <= bool(one.labels)
    assert one.quoted or not one.place.startswith("Table")
    assert one.head or one.here
    assert one.source
    for text in filter(None, (one.says, one.here)):
        assert len(text) > 15
        assert not text[0].islower()
        assert text.endswith(".")


@pytest.mark.parametrize("stage", TABLES)
def test_the_quoted_figures_are_those_of_the_papers_tables(stage):
    found = {one.system: (one.quoted, int(one.labels)) for one in SYSTEMS.values() if one.place == TABLES[stage]}
    quoted = read_published_figures()["quoted"][stage]
    assert found == {f"{row['model']} ({row['year']})": (row["accuracy"], row["labels"]) for row in quoted}


def test_the_figures_of_the_papers_section_on_related_work_are_quoted():
    found = {one.place: one.quoted for one in SYSTEMS.values() if one.place.startswith("Section") and one.quoted}
    assert found == {"Section II.A": 93.1, "Section II.B": 64.78, "Section II.C": 45.0, "Section II.D": 91.2}


def test_every_head_is_one_of_the_projects():
    assert {one.head for one in WITH_HEAD} <= set(list_heads())


def test_every_feature_is_of_the_papers_encoders_or_hand_made():
    assert {feature.encoder for feature in list_features(WITH_HEAD)} - {"text", "audio"} <= set(list_handmade())
    assert list_kinds(WITH_HEAD, "text") == {"cls", "frames"}
    assert list_kinds(WITH_HEAD, "audio") == {"mean", "frames", "layers"}


@pytest.mark.parametrize("one", WITH_HEAD, ids=lambda one: one.system)
def test_a_head_gets_the_features_that_it_reads(one):
    head = registry.load("heads", one.head)(**one.params)
    features = [parse_feature(feature) for feature in one.features]
    modalities = {"text" if feature.encoder == "text" else "audio" for feature in features}
    assert set(head.list_modalities() if features else ()) <= modalities
    assert any(feature.is_ragged for feature in features) == ("frames" in head.takes and head.KIND == "frames")
    assert bool(features) != ("words" in head.takes)
    if head.KIND:
        assert head.KIND in {feature.kind for feature in features} or not features


def test_every_system_with_a_head_runs_on_the_same_turns(related):
    rows = {row["system"]: row for row in related["systems"]}
    assert list(rows) == list(SYSTEMS)
    assert {name for name, row in rows.items() if "metrics" in row} == {one.system for one in WITH_HEAD}
    assert {row["metrics"]["accuracy"]["n"] for row in rows.values() if "metrics" in row} == {
        related["baseline"]["accuracy"]["n"]
    }
    assert {row["leak"] for row in rows.values() if "metrics" in row} == {""}
    assert rows["bc-LSTM (2017)"]["context"] == "whole dialogue"
    assert rows["Attention over frames"]["context"] == ""


def test_a_system_without_a_head_is_quoted_with_what_is_known(related):
    rows = {row["system"]: row for row in related["systems"]}
    assert rows["SYSCOMB (2020)"]["not_run"] == "Quoted only: it is not known what to run."
    assert "cli finetune --modality text --context 3" in rows["BERT on the joined context (2020)"]["not_run"]
    assert "--ctc-weight 0.1" in rows["SER with MTL (2021)"]["not_run"]


@pytest.mark.parametrize("one", SYSTEMS.values(), ids=lambda one: one.system)
def test_the_commands_that_run_a_system_exist(one):
    for words in map(shlex.split, re.findall("`(cli [^`]+)`", one.here)):
        command = cli.main.get_command(None, words[1])
        if words[2:]:
            command.make_context(words[1], words[2:])
        assert command is not None


def test_an_accuracy_is_the_share_of_right_turns(root, related):
    benchmark = grid_results.read(root / "out/related")
    shares = {
        system.name: sum(
            truth == prediction
            for run in system.runs
            for truth, prediction in zip(run.answers.truth, run.answers.prediction, strict=True)
        )
        / sum(len(run.ids) for run in system.runs)
        for system in benchmark.systems
    }
    found = {row["system"]: row["metrics"]["accuracy"]["value"] for row in related["systems"] if "metrics" in row}
    assert shares.pop("most frequent class") == pytest.approx(related["baseline"]["accuracy"]["value"], abs=1e-5)
    assert found == pytest.approx(shares, abs=1e-5)


def test_the_dialogues_that_the_fold_cuts_are_counted(root, related):
    rows = {row.id: row for row in Store(root / "store").utterances}
    (fold,) = grid_results.read(root / "out/related").folds
    sides = defaultdict(set)
    for side, ids in (("train", fold.train), ("test", fold.test)):
        for one in ids:
            sides[rows[one].dialogue].add(side)
    assert related["dialogues"] == {"total": len(sides), "cut": sum(len(found) == 2 for found in sides.values())}
    task = open_task(Store(root / "store"), labels=None, protocol="holdout")
    assert count_dialogues(task, Fold("f", ("u000", "u006"), ("u001",))) == {"total": 2, "cut": 1}


def test_the_table_has_the_figures_settings_and_words_of_every_system(related):
    table = build_related_table({"related": related})
    assert [row.system for row in table.rows] == list(SYSTEMS)
    rows = {row.system: row for row in table.rows}
    assert (rows["SYSCOMB (2020)"].quoted, rows["SYSCOMB (2020)"].labels) == ("74", "4 labels")
    assert (rows["SYSCOMB (2020)"].measured, rows["SYSCOMB (2020)"].runs) == ("–", "")
    assert rows["bc-LSTM (2017)"].here == "Sees: whole dialogue."
    assert rows["MDREA (2018)"].runs.startswith("mdre (")
    assert "variant=mdrea) on audio.frames + text.frames" in rows["MDREA (2018)"].runs
    assert rows["Text_Model3 (2018)"].runs.endswith("on transcripts")
    value = next(row for row in related["systems"] if row["system"] == "MMER (2022)")["metrics"]["accuracy"]
    shown = f"{100 * value['value']:.1f} [{100 * value['low']:.1f}, {100 * value['high']:.1f}]"
    assert rows["MMER (2022)"].measured == shown
    cut, total = related["dialogues"]["cut"], related["dialogues"]["total"]
    assert f"cuts {cut} of {total} dialogues into training and test" in table.notes[-1]


def test_a_figure_that_leaks_is_marked(related):
    one = next(row for row in related["systems"] if row["system"] == "MMER (2022)")
    table = build_related_table({"related": related | {"systems": [one | {"leak": "encoder text saw it"}]}})
    assert " ! [" in table.rows[0].measured


def test_the_papers_files_are_no_default_features(root):
    store = Store(root / "store")
    assert store.encoders() == ["audio@paper-fixed", "logmel@paper", "mfcc@paper", "text@paper-fixed"]
    with pytest.raises(NotFound, match="holds no features yet"):
        store.default_features()


def test_without_its_package_a_hand_made_encoder_is_left_out(root, monkeypatch):
    def fail(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr("featurestore.encoders._librosa.version", fail)
    lines = []
    assert extract_handmade(plan(root / "store"), read_related_work(), lines.append) == []
    assert lines[0] == (
        "related work without mfcc: encoder mfcc needs the package librosa\n  do: pip install 'emofuse[handmade]'"
    )
    monkeypatch.setattr(Store, "encoders", lambda store: ["audio@paper-fixed", "text@paper-fixed"])
    obstacles = plan_related_work(plan(root / "store"), quick(SYSTEMS.values()), print).obstacles
    assert obstacles["1-D DCNN over MFCC, pitch and energy (2023)"] == "The store has no features of mfcc."
    assert "bc-LSTM (2017)" not in obstacles


def test_without_dialogues_heads_that_read_them_do_not_run(root, monkeypatch):
    rows = tuple(replace(row, dialogue="") for row in Store(root / "store").utterances)
    monkeypatch.setattr(Store, "utterances", rows)
    one = plan_related_work(plan(root / "store"), quick(SYSTEMS.values()), print)
    assert one.obstacles["bc-LSTM (2017)"] == ("Head bc-lstm reads dialogues, and no utterance of iemocap names one.")
    assert "MDRE (2018)" not in one.obstacles


def test_a_leak_is_refused_unless_the_split_is_the_published_one(root, monkeypatch):
    everything = Exposure({row.id: "id" for row in Store(root / "store").utterances})
    monkeypatch.setattr(Store, "exposure", lambda store, encoder: everything)
    with pytest.raises(Leakage, match="encoder text@paper-fixed was fine-tuned on"):
        plan_related_work(plan(root / "store"), quick(SYSTEMS.values()), print)


def test_hand_made_features_are_the_same_in_every_mode(root):
    assert locate_encoder(plan(root / "store"), "text") == "text@paper-fixed"
    assert locate_encoder(plan(root / "store"), "mfcc") == "mfcc@paper"


def test_slow_heads_train_for_few_epochs_on_the_demos_own_networks_alone(root):
    own = PaperPlan(Store(root / "store"), MODES["fixed"], Epochs(), {"text": "", "audio": ""})
    slow, fast, quoted = (SYSTEMS[name] for name in ("MMER (2022)", "bc-LSTM (2017)", "SYSCOMB (2020)"))
    assert shorten_training(own, slow).params == {"epochs": 5, "max_tokens": 128}
    assert [shorten_training(own, one) for one in (fast, quoted)] == [fast, quoted]
    assert [shorten_training(plan(root / "store"), one) for one in SYSTEMS.values()] == list(SYSTEMS.values())


def test_the_recorded_command_repeats_the_run(root):
    one = PaperPlan(Store(root / "store"), MODES["exact"], Epochs(9, 2, 6), {"text": "my text", "audio": ""})
    words = shlex.split(write_command(one, root / "out"))
    assert words[:2] == ["cli", "paper"]
    params = paper_command.command.make_context("paper", words[2:]).params
    found = {name: params[name] for name in ("store", "out", "mode", "text", "audio", "related")}
    assert found == {
        "store": root / "store",
        "out": root / "out",
        "mode": "exact",
        "text": "my text",
        "audio": "",
        "related": True,
    }
    assert {f"epochs_{stage}": count for stage, count in asdict(one.epochs).items()}.items() <= params.items()


def test_a_run_without_related_work_has_no_table_of_it():
    assert build_related_table({"related": None}) is None
