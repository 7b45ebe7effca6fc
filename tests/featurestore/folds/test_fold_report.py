import json

import pytest
from click.testing import CliRunner

import cli
from featurestore.folds import fold as folds
from featurestore.folds.fold_report import report_folds
from tests.support import fake_store, tiny


@pytest.fixture
def store(tmp_path):
    return tiny.store(tmp_path / "store", list(fake_store.corpus()), tmp_path).path


def run(*arguments):
    result = CliRunner().invoke(cli.main, ["folds", *map(str, arguments)])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_the_table_has_counts_and_the_digest(store):
    found = report_folds(store, protocol="leave-one-session-out", dev=True)
    assert run("--store", store, "--protocol", "leave-one-session-out", "--dev") == found.summary() + "\n"
    assert found.summary().splitlines()[:5] == [
        "protocol leave-one-session-out on table, labels all, seed 0",
        "fold 1",
        "  train      24 utterances    2 speakers  ang 8, hap 8, sad 8",
        "  dev        24 utterances    2 speakers  ang 8, hap 8, sad 8",
        "  test       24 utterances    2 speakers  ang 8, hap 8, sad 8",
    ]
    assert found.summary().splitlines()[-1] == f"digest {folds.digest(found.folds)}"


def test_the_file_reads_back(store, tmp_path):
    answer = json.loads(run("--store", store, "--protocol", "holdout", "--out", tmp_path / "f.json", "--json"))
    assert json.loads((tmp_path / "f.json").read_text("utf-8")) == answer
    assert folds.from_json(answer) == list(report_folds(store, protocol="holdout").folds)
    assert answer["seed"] == 0
    assert answer["labels"] == "all"
