"""Fixtures of tests on real engines: a store to encode, and dask clusters."""

import pytest

from tests.support import tiny
from tests.support.cluster import Cluster

COUNT = 60


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return str(tiny.checkpoint("bert", tmp_path_factory.mktemp("model") / "text"))


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return tmp_path_factory.mktemp("corpus")


@pytest.fixture(scope="module")
def rows(corpus):
    return tiny.utterances(COUNT, corpus)


@pytest.fixture
def store(tmp_path, corpus, rows):
    return tiny.store(tmp_path / "store", rows, corpus)


@pytest.fixture
def clusters(tmp_path):
    """Start clusters that end with the test."""
    started = []

    def start(workers=0, failures=3, *, nanny=False):
        folder = tmp_path / f"cluster{len(started)}"
        folder.mkdir()
        started.append(Cluster(folder, failures))
        started[-1].pids = started[-1].add(workers, nanny=nanny) if workers else []
        return started[-1]

    yield start
    for cluster in started:
        cluster.close()


@pytest.fixture(scope="module")
def steady(tmp_path_factory):
    """Start a cluster of one worker that no test kills."""
    cluster = Cluster(tmp_path_factory.mktemp("steady"))
    cluster.pids = cluster.add()
    yield cluster
    cluster.close()
