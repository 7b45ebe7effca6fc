"""Test how many folds `cli finetune` trains at once."""

import pytest

from featurestore.commands.finetune import finetune
from featurestore.finetuning import by_fold
from tests.support import tiny


@pytest.mark.parametrize(
    ("engine", "jobs", "expected"),
    [("loky", None, 1), ("loky", 2, 2), ("dask", None, 0), ("dask", 1, 1), ("ray", 3, 3)],
)
def test_jobs_are_those_that_are_asked_for(tmp_path, monkeypatch, engine, jobs, expected):
    store = tiny.store(tmp_path / "store", tiny.utterances(2, tmp_path), tmp_path)
    engines = []
    monkeypatch.setattr(by_fold, "finetune_folds", lambda *_, **options: engines.append(options["engine"]) or [])
    finetune(store.path, modality="text", checkpoint="c", out=tmp_path / "out", engine=engine, jobs=jobs)
    assert [(one.name, one.jobs) for one in engines] == [(engine, expected)]
