"""Test extraction and benchmarks on ray, where it is installed."""

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from benchmarks.grid import runner
from featurestore.extraction.extract import extract_encoder
from featurestore.spec import EncoderSpec
from featurestore.storage.feature_file import FeatureFile
from tests.featurestore.engines.test_benchmark_on_engines import SESSIONS, read_answers
from tests.support import tiny
from tests.support.fake_store import FakeStore

ROOT = Path(__file__).parents[3]
needs_ray = pytest.mark.skipif(not find_spec("ray"), reason="needs pip install 'emofuse[ray]'")


@needs_ray
def test_extraction_and_benchmark_on_ray(store, checkpoint, tmp_path):
    """Run in a separate process, because ray leaves threads, sockets and warnings behind."""
    program = (
        "import sys; from pathlib import Path; from featurestore.extraction.extract import extract_encoder;"
        "from featurestore.store import Store; from featurestore.spec import EncoderSpec;"
        "from featurestore.engines import Engine; from benchmarks.grid import runner;"
        "from tests.featurestore.engines.test_benchmark_on_engines import SESSIONS;"
        "from tests.support.fake_store import FakeStore;"
        "extract_encoder(Store(sys.argv[1]), EncoderSpec('', sys.argv[2]), engine='ray', jobs=2, device='cpu');"
        "runner.benchmark(FakeStore(), SESSIONS, Path(sys.argv[3]), engine=Engine('ray', 2))"
    )
    done = _run_with_ray(program, str(store.path), checkpoint, str(tmp_path / "out"))
    assert done.returncode == 0, done.stderr
    here = tiny.store(store.path.with_name("here"), list(store.utterances), store.root)
    extract_encoder(here, EncoderSpec("", checkpoint), jobs=1, device="cpu")
    np.testing.assert_allclose(
        FeatureFile(store.path / "text.h5")["mean"], FeatureFile(here.path / "text.h5")["mean"], rtol=1e-4, atol=1e-5
    )
    runner.benchmark(FakeStore(), SESSIONS, tmp_path / "here")
    assert read_answers(tmp_path / "out") == read_answers(tmp_path / "here")


@needs_ray
@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            "die",
            r"Unavailable: a worker process died, likely out of memory; finished work is kept\n  do: ",
        ),
        ("reject", r"UnknownName: unknown thing 'x'\n  expected: one of y, z\n  do: did you mean y\?$"),
    ],
)
def test_a_failing_call_on_ray_ends_in_a_message(call, message):
    program = (
        "from featurestore.engines.dispatch import dispatch; from featurestore.engines import Engine;"
        "from featurestore.errors import Problem; from tests.faults import calls\n"
        "try:\n"
        "    with Engine('ray', 2).open_pool() as pool:\n"
        f"        list(dispatch(pool, calls.{call}, [(0,), (1,)], say=print))\n"
        "except Problem as problem:\n"
        "    print(f'{type(problem).__name__}: {problem}')\n"
    )
    done = _run_with_ray(program)
    assert done.returncode == 0, done.stderr
    assert re.search(message, done.stdout.strip())


def _run_with_ray(program, *arguments):
    environment = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
    environment |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_memory_monitor_refresh_ms": "0", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=250)
