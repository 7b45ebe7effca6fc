"""Imported features through every command: the figures say what is unknown, and nothing pretends to be an encoder."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from cli import main
from featurestore.manifest import Utterance
from tests.support import tiny
from tests.support.report_schema import check_content

CLASSES = ("ang", "sad", "neu")
UNKNOWN = "whether the encoder of other saw these utterances is unknown"


def run(*words, code=0):
    done = CliRunner().invoke(main, list(map(str, words)))
    assert done.exit_code == code, done.output
    return done


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Make a store of 120 utterances, and an archive of features that tell the classes apart."""
    folder = tmp_path_factory.mktemp("imported")
    rows = [
        Utterance(f"u{number:03}", text=f"words {number}", label=CLASSES[number % 3], speaker=f"S{number % 10}")
        for number in range(120)
    ]
    tiny.store(folder / "store", rows, folder)
    codes = np.arange(120) % 3
    values = np.random.default_rng(0).standard_normal((120, 4)).astype(np.float32)
    values[:, 0] += 4 * codes
    np.savez(folder / "features.npz", id=[row.id for row in rows], value=values)
    return folder


@pytest.fixture
def store(folder):
    """Import the features without a statement about their encoder."""
    run("import", folder / "features.npz", "--store", folder / "store", "--name", "other", "--modality", "audio")
    return folder / "store"


def fit(store, *words, code=0):
    return run(
        *["fit-head", "--head", "svm", "--features", "other.mean", "--labels", "all"],
        "--store",
        store,
        *words,
        code=code,
    )


def test_the_command_imports_and_says_what_it_did(folder, store):
    words = ["import", folder / "features.npz", "--store", store, "--name", "other", "--modality", "audio"]
    done = run(*words)
    assert "other.h5 is up to date with the file, nothing was done: other.mean" in done.stdout
    answer = json.loads(run(*words, "--json").stdout)
    assert (answer["imported"], answer["missing"], answer["unchanged"]) == (120, {}, True)
    assert answer["exposure"] == UNKNOWN
    np.save(folder / "few.npy", np.zeros((2, 3)))
    (folder / "ids.txt").write_text("u000\nu001\n")
    few = ["import", folder / "few.npy", "--ids", folder / "ids.txt", "--store", store, "--name", "text-few"]
    done = run(*few, "--modality", "text", code=3)
    assert "2 utterances imported, 118 of the store missing" in done.stdout
    (store / "text-few.h5").unlink()
    done = run(*few, code=1)
    assert "the modality of text-few is unknown" in done.stderr


def test_fit_head_says_it_with_every_figure(store):
    done = fit(store)
    assert f"! {UNKNOWN}\n" in done.stdout
    assert f"! check training-unknown failed: {UNKNOWN}" in done.stdout
    answer = json.loads(fit(store, "--json").stdout)
    figures = [*answer["metrics"].values(), *(one for fold in answer["folds"] for one in fold["metrics"].values())]
    assert figures
    assert all(one["exposure"] == UNKNOWN for one in figures)
    assert answer["metrics"]["accuracy"]["value"] > 0.8


def test_a_statement_ends_the_note_and_guards_against_leaks(folder, store, tmp_path):
    words = ["import", folder / "features.npz", "--store", store, "--name", "other", "--modality", "audio"]
    (tmp_path / "none.txt").write_text("")
    run(*words, "--trained-on", tmp_path / "none.txt")
    assert "unknown" not in fit(store).stdout
    (tmp_path / "all.txt").write_text("\n".join(f"u{number:03}" for number in range(120)))
    run(*words, "--trained-on", tmp_path / "all.txt")
    assert "encoder other was fine-tuned on" in fit(store, code=1).stderr


def test_the_benchmark_says_it_in_report_and_files(store, tmp_path):
    out = tmp_path / "out"
    words = ["benchmark", "--heads", "prior,svm", "--features", "other.mean", "--labels", "all"]
    run(*words, "--store", store, "--out", out)
    content = json.loads((out / "results.json").read_text("utf-8"))
    check_content(content)
    assert [row["exposure"] for row in content["leaderboard"]] == [UNKNOWN] * 2
    assert UNKNOWN in content["notes"]
    assert {one["check"]: one["outcome"] for one in content["checks"]}["training-unknown"] == "failed"
    page = (out / "report.html").read_text("utf-8")
    assert page.count("(exposure unknown)") == 2
    assert page.count("? Exposure unknown.") == 1
    for place in ("pairs", "confusion", "calibration", "mistakes", "provenance"):
        section = page.split(f'<h2 id="{place}"')[1].split("<h2")[0]
        assert 'class="unknown" title="whether an encoder saw these utterances is unknown">?</span>' in section, place
    assert "exposure unknown" in page.split('<p class="lead">')[1].split("</p>")[0]
    assert "Whether it saw these utterances is unknown." in page
    assert f"Note: {UNKNOWN}." in (out / "report.md").read_text("utf-8")


def test_a_bundle_of_imported_features_cannot_predict_new_clips(store):
    fit(store)
    tiny.clip(store.parent / "clip.wav", 0.5, 0)
    done = run("predict", store / "bundles" / "svm", "--audio", store.parent / "clip.wav", code=1)
    assert "this bundle cannot predict new clips: features other were imported" in done.stderr


def test_verify_inspect_and_explain_say_where_the_features_come_from(folder, store):
    command = f"cli import --store {store} --name other --modality audio {folder / 'features.npz'}"
    done = run("verify", store, "--sample", 3)
    assert f"note: other.h5: imported, so no vector can be made again here; to import its file again: {command}" in (
        done.stdout
    )
    assert "no problems" in done.stdout
    assert "class: imported" in run("inspect", store / "other.h5").stdout
    assert UNKNOWN in run("inspect", store).stdout
    answer = json.loads(run("explain", store, "u003", "other.mean", "--json").stdout)
    assert answer["state"] == "fresh"
    assert answer["encoder"]["checkpoint"] == str(folder / "features.npz")
    assert answer["why"] == [
        f"its encoder could not be checked for changes: its features were imported from {folder / 'features.npz'}"
    ]


def test_another_manifest_asks_for_the_import_again(folder, tmp_path, store):
    moved = tmp_path / "store"
    moved.mkdir()
    for name in ("corpus.json", "utterances.csv", "other.h5"):
        (moved / name).write_bytes((store / name).read_bytes())
    with (moved / "utterances.csv").open("a") as file:
        file.write("new" + "," * 16 + "\n")
    done = fit(moved, code=1)
    assert f"do: cli import --store {moved} --name other --modality audio {folder / 'features.npz'}" in done.stderr


def test_a_missing_kind_is_not_to_be_extracted(store):
    words = ["fit-head", "--head", "svm", "--features", "other.frames", "--labels", "all"]
    done = run(*words, "--store", store, code=1)
    assert "unknown feature 'other.frames'" in done.stderr
    assert "cli extract" not in done.stderr


def test_export_and_import_through_the_commands(store, tmp_path):
    done = run("export", "--store", store, "--features", "other.mean", "--labels", "all", "--to", tmp_path / "o.npz")
    assert "120 utterances, 0 without every feature left out, 0 without a class" in done.stdout
    assert UNKNOWN in done.stderr
    run("import", tmp_path / "o.npz", "--store", store, "--name", "back", "--modality", "audio")
    with np.load(tmp_path / "o.npz") as found:
        assert found["other.mean"].shape == (120, 4)
    answer = json.loads(run("export", "--store", store, "--to", tmp_path / "o.parquet", "--json").stdout)
    assert answer["features"] == ["back.mean", "other.mean"]
    (store / "back.h5").unlink()


def test_an_extraction_never_replaces_imported_features(store):
    before = (store / "other.h5").read_bytes()
    done = run("extract", "--store", store, "--encoder", "other=mfcc", code=1)
    assert "other.h5 holds imported features" in done.stderr
    assert "do: name the new ones: --encoder NAME=mfcc; or move the file away" in done.stderr
    assert (store / "other.h5").read_bytes() == before
