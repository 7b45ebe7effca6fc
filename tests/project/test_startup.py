"""Test that help, and the first line of every command, wait for no library whose import takes long."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cli import main

ROOT = Path(__file__).parents[2]
BEFORE = ROOT / "tests" / "compatibility" / "0.1.0"
# Libraries that take 0.2 s to several seconds to import.
HEAVY = {
    *("torch", "transformers", "peft", "sklearn", "scipy", "pandas", "matplotlib", "xgboost", "skops"),
    *("librosa", "numba", "opensmile", "datasets", "dask", "distributed", "ray", "jinja2"),
}
STORED = {"numpy", "h5py", "pyarrow"}  # what reading a store takes
# Run a command up to the first line that it writes, and print the libraries that are loaded then.
RUN = f"""
import json, os, sys
libraries = {sorted(HEAVY | STORED)}
class First:
    def __init__(self, file):
        self.file = file
    def write(self, text):
        if text.strip():
            found = [name for name in libraries if name in sys.modules]
            os.write(1, json.dumps([text, found]).encode())
            os._exit(0)
    def __getattr__(self, name):
        return getattr(self.file, name)
sys.stdout, sys.stderr = First(sys.stdout), First(sys.stderr)
from cli import main
main()
"""
# First line of a command on a small store, in the folder of a version; its libraries are those of `STORED` at most.
COMMANDS = {
    "benchmark": "--store store --heads prior,svm --features audio.mean --out results",
    "demo": "--store features/demo",
    "doctor": "",
    "explain": "--store store u00 audio.mean",
    "export": "--store store --features audio.mean --to features.npz",
    "extract": "--store store --encoder mfcc",
    "finetune": "--store store --modality text --checkpoint here --out tuned",
    "fit-head": "--store store --head svm --features audio.mean",
    "folds": "--store store --protocol holdout",
    "import": "none.npz --store store --name none --modality text",
    "inspect": "store",
    "list": "heads",
    "paper": "--store store",
    "predict": "bundles/svm --table corpus/table.csv",
    "prepare": "table corpus/table.csv --store new",
    "report": "benchmark",
    "shard": "store shards",
    "transcribe": "--store store --checkpoint here",
    "verify": "store",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Copy a version's files, whose clips lie where its store says."""
    copy = tmp_path_factory.mktemp("startup") / "files"
    shutil.copytree(BEFORE, copy)
    info = json.loads((copy / "store" / "corpus.json").read_text("utf-8"))
    (copy / "store" / "corpus.json").write_text(json.dumps(info | {"root": str(copy / "corpus")}), "utf-8")
    return copy


def start(folder, *words):
    """Run a command up to its first line, and return the line and the libraries that were loaded before it."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"}
    words = [sys.executable, "-c", RUN, *words]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, env=environment)
    assert done.stdout, done.stderr
    line, found = json.loads(done.stdout)
    return line, set(found)


def test_every_command_has_a_first_line_here():
    assert set(COMMANDS) == set(main.list_commands(None))


def test_help_loads_no_library(tmp_path):
    assert start(tmp_path, "--help")[1] == set()
    assert start(tmp_path, "--version")[1] == set()


def test_the_help_of_no_command_loads_a_library():
    code = f"""
import sys
from cli import main
for name in main.list_commands(None):
    main.main([name, "--help"], standalone_mode=False)
    found = [library for library in {sorted(HEAVY | STORED)} if library in sys.modules]
    assert not found, (name, found)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", COMMANDS)
def test_the_first_line_of_a_command_waits_for_no_heavy_library(folder, name):
    line, found = start(folder, name, *COMMANDS[name].split())
    assert not line.startswith(("Usage", "Error")), line
    assert found <= STORED
