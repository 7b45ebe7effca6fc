import gc
import os
import sys

import pytest
from hypothesis import HealthCheck, settings
from loky import get_reusable_executor

from featurestore.engines import loky
from tests.support import inline, recognizers

# Nothing here may wait for a network; and two processes of two threads each would wait for each other.
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")  # transformers' bars too: reports stay readable
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

# How long an example takes says how busy the machine is, not whether the code is right.
settings.register_profile("any-machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any-machine")


_known_modules = pytest.StashKey[int]()


def pytest_runtest_setup(item):
    """Leave what imports have made out of garbage collections, of which accelerate makes several for each training.

    `gc.get_freeze_count` is not asked: it walks through all that is frozen, which would be most of the time of a test.
    """
    if len(sys.modules) > item.config.stash.get(_known_modules, 0):
        item.config.stash[_known_modules] = len(sys.modules)
        gc.collect()
        gc.freeze()


@pytest.fixture(autouse=True, scope="session")
def work_runs_here():
    """Run work in the test's process, unless the test asks for several jobs or uses `worker_processes`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loky, "open_pool", inline.open_pool)
        patch.setattr("joblib.cpu_count", lambda: 1)
        yield


@pytest.fixture
def worker_processes(monkeypatch):
    """Have every extraction in worker processes, as users have it, and end them with the test."""
    monkeypatch.setattr(loky, "open_pool", inline.open_worker_pool)
    yield
    get_reusable_executor().shutdown(kill_workers=True)


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """Train the tiny recognizers, which takes seconds."""
    pytest.importorskip("espeakng_loader")
    return recognizers.train_both(tmp_path_factory.mktemp("recognizers"))
