"""Adding a corpus, encoder, head, baseline, protocol or check is one file, and the contract tests test it.

The files lie in a folder outside the package and are given by `--plugin`, or by `$EMOFUSE_PLUGINS` to the tests.
"""

import json
import os
import runpy
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner
from loky import get_reusable_executor

import cli
from featurestore.engines import loky
from featurestore.plugins import VARIABLE
from tests.support import fork_server, inline
from tests.support.contracts import run_session

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "tests" / "support" / "plugins"
# by file, how a test's name tells that it is of this plug-in, where those tests are, and how many there are at least
TESTED = {
    "tones": ("tones", "test_corpora", 19),
    "loudness": ("loudness", "test_encoders", 12),
    "nearest_mean": ("nearest-mean", "test_heads", 9),
    "chance": ("chance", "test_heads", 7),
    "nearest_ratings": ("nearest-ratings", "test_regressors", 9),
    "nearby_turns": ("nearby-turns", "test_context_heads", 16),
    "by_gender": ("by-gender", "test_protocols", 5),
    "genders_in_test": ("genders-in-test", "test_checks", 10),
    "tuned_on_tones": ("tuned-on-tones", "test_checkpoints", 4),
}
FOREST = "sklearn.ensemble.RandomForestClassifier"
FEATURES = ("--features", "loudness.functionals")


def run(words, home, plugins=(), code=0):
    """Run a command in the folder `home` with the plug-ins that it is given alone, and return what it wrote.

    Work that a user has done in worker processes runs in one.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loky, "open_pool", inline.open_worker_pool)
        patch.setenv(VARIABLE, "")
        patch.chdir(home)
        done = CliRunner().invoke(cli.main, [*give(plugins), *map(str, words)], catch_exceptions=False)
    assert done.exit_code == code, done.output
    return done


def give(plugins):
    return [word for plugin in plugins for word in ("--plugin", str(plugin))]


@pytest.fixture(scope="module", autouse=True)
def imported_anew():
    """Remove the imported plug-ins and the worker process, which other tests must not find."""
    yield
    for name in [name for name in sys.modules if name.startswith("emofuse_plugins")]:
        del sys.modules[name]
    get_reusable_executor().shutdown(kill_workers=True)


@pytest.fixture(scope="module")
def plugins(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mine")
    return [Path(shutil.copy(EXAMPLES / f"{name}.py", folder)) for name in TESTED]


@pytest.fixture(scope="module")
def home(tmp_path_factory, plugins):
    """Return a folder with a store of the corpus: prepared by a process of its own, encoded by a worker."""
    home = tmp_path_factory.mktemp("home")
    corpus = next(plugin for plugin in plugins if plugin.stem == "tones")
    runpy.run_path(str(corpus))["sample"](home / "release")
    prepare = [sys.executable, ROOT / "cli.py", *give(plugins), "prepare", "tones", "release", "--store", "store"]
    subprocess.run(prepare, cwd=home, check=True)
    run(["extract", "--store", "store", "--encoder", "loudness", "--jobs", "1"], home, plugins)
    return home


def test_the_store_holds_what_the_encoder_gives(home, plugins):
    told = run(["inspect", "store/loudness.h5", "--json"], home, plugins).stdout
    assert '"functionals"' in told
    assert len((home / "store" / "utterances.csv").read_text("utf-8").splitlines()) == 33


def test_a_head_is_fitted_by_the_protocol_and_judged_by_the_check(home, plugins):
    words = ["fit-head", "--store", "store", "--head", "nearest-mean", "--protocol", "by-gender", *FEATURES]
    found = json.loads(run([*words, "--out", "bundle", "--json"], home, plugins).stdout)
    assert {"genders-in-test": "passed"}.items() <= {one["check"]: one["outcome"] for one in found["checks"]}.items()
    bundle = json.loads((home / "bundle" / "head.json").read_text("utf-8"))
    assert bundle["source"].keys() == {"file", "sha256"}
    predict = ["predict", "bundle", "--audio", "release/0-F-A-0.wav"]
    assert "anger" in run(predict, home, plugins).stdout
    others = [plugin for plugin in plugins if plugin.stem != "nearest_mean"]
    told = run(predict, home, others, code=1).stderr
    assert "needs the plug-in of head 'nearest-mean', which is not given" in told
    assert f"expected: nearest_mean.py (sha256 {bundle['source']['sha256']})" in told
    assert "do: give the file: cli --plugin nearest_mean.py …" in told


def test_a_context_head_is_fitted_on_dialogues_and_predicts_a_table_of_them(home, plugins):
    words = ["fit-head", "--store", "store", "--head", "nearby-turns", "--protocol", "dialogue-kfold", *FEATURES]
    words += ["--param", "epochs=20", "--param", "validation_fraction=0", "--param", "learning_rate=0.01"]
    found = json.loads(run([*words, "--out", "context", "--json"], home, plugins).stdout)
    assert found["context"] == "whole dialogue"
    assert found["metrics"]["accuracy"]["value"] > 0.9
    rows = ["audio,dialogue", *(f"release/0-F-{'AN'[number % 2]}-{number}.wav,first" for number in range(4))]
    (home / "turns.csv").write_text("\n".join(rows), "utf-8")
    told = run(["predict", "context", "--table", "turns.csv", "--json"], home, plugins).stdout
    assert [one["emotion"] for one in json.loads(told)] == ["anger", "neutral"] * 2
    told = run(["predict", "context", "--audio", "release/0-F-A-0.wav"], home, plugins).stderr
    assert "no context: this bundle reads the turns around an utterance" in told


def test_heads_are_compared_in_a_worker_process(home, plugins):
    words = ["benchmark", "--store", "store", "--heads", f"nearest-mean,chance,{FOREST}", "--protocol", "by-gender"]
    words += [*FEATURES, "--param", f"{FOREST}.n_estimators=3", "--param", "nearest-mean.sharpness=2", "--jobs", "1"]
    run([*words, "--out", "benchmark"], home, plugins)
    found = json.loads((home / "benchmark" / "results.json").read_text("utf-8"))
    recall = {row["head"]: row["metrics"]["unweighted_average_recall"]["value"] for row in found["leaderboard"]}
    assert recall == {"nearest-mean": 1.0, "chance": 0.5, FOREST: 1.0}
    checks = {one["check"]: one for one in found["checks"]}
    assert checks["genders-in-test"]["outcome"] == "passed"
    assert "chance" not in checks["worse-than-prior"]["message"]  # a baseline, by its tag


def test_a_scikit_learn_classifier_is_a_head_by_its_dotted_path(home, plugins):
    words = ["fit-head", "--store", "store", "--head", FOREST, "--param", "n_estimators=3", *FEATURES]
    told = run([*words, "--out", "forest"], home, plugins).stdout
    assert "loading it trusts these types of its weights: sklearn.tree._tree.Tree" in told
    bundle = json.loads((home / "forest" / "head.json").read_text("utf-8"))
    assert bundle["trusted_types"] == ["sklearn.tree._tree.Tree"]
    assert bundle["source"]["distribution"].startswith("scikit-learn ")
    assert "anger" in run(["predict", "forest", "--audio", "release/0-F-A-0.wav"], home, plugins).stdout
    told = run([*words, "--search", "2"], home, plugins, code=1).stderr
    assert f"--search has no values to draw from for {FOREST}\n  expected: " in told


def test_they_are_listed_with_where_they_come_from(home, plugins):
    kinds = ("corpora", "encoders", "heads", "protocols", "checks", "checkpoints")
    told = "".join(run(["list", kind], home, plugins).stdout for kind in kinds)
    for plugin in plugins:
        assert plugin.stem.replace("_", "-") in told
        assert str(plugin.resolve()) in told


@pytest.mark.timeout(900)  # a session of pytest
def test_the_contract_tests_test_each(plugins, tmp_path):
    report, output = tmp_path / "report.xml", tmp_path / "output.txt"
    chosen = " or ".join(
        [*(name for name, _, _ in TESTED.values()), "NearestMeanHead", "ChanceHead", "NearbyTurnsHead"]
    )
    words = ["-n", "0", "-q", "-p", "no:cacheprovider", "-k", chosen, f"--junitxml={report}"]
    words += sorted({f"tests/contracts/{file}.py" for _, file, _ in TESTED.values()})
    session = fork_server.start(run_session, words, str(ROOT), os.pathsep.join(map(str, plugins)), str(output))
    session.join()
    assert session.exitcode == 0, output.read_text("utf-8")
    passed = Counter(
        name
        for case in ElementTree.parse(report).iter("testcase")
        if not [*case]  # neither failed nor skipped
        for name, (in_test, file, _) in TESTED.items()
        if in_test in case.get("name", "") and file in case.get("classname", "")
    )
    least = {name: count for name, (_, _, count) in TESTED.items()}
    assert {name: min(passed[name], count) for name, count in least.items()} == least, passed
