"""Fixtures of extraction tests: tiny networks, a store to encode, and a record of what is encoded."""

import pytest

from featurestore.extraction import worker
from tests.support import tiny


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    return {
        "audio": str(tiny.checkpoint("wav2vec2-group", folder / "audio", ("a", "b"))),
        "other": str(tiny.checkpoint("wav2vec2-group", folder / "other", ("a", "b"), seed=1)),
        "text": str(tiny.checkpoint("deberta-v2", folder / "text")),
    }


@pytest.fixture
def store(tmp_path):
    return tiny.store(tmp_path / "store", tiny.utterances(9, tmp_path / "corpus"), tmp_path / "corpus")


@pytest.fixture
def encoded(monkeypatch):
    """Record the ids of the utterances that workers encode in this process."""
    seen = []
    original = worker.encode_part

    def spy(task):
        seen.extend(work.item.id for work in task.part.work)
        return original(task)

    monkeypatch.setattr(worker, "encode_part", spy)
    return seen
