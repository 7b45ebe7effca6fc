"""GPU, cores, memory, threads, the store's disk and the hub, with what could be wrong of each."""

import errno
import http.server
import os
import shutil
import socket
import threading
import time
from types import SimpleNamespace

import pytest

from featurestore.diagnosis import gpu, hub, resources, store_disk
from featurestore.diagnosis.imports import ImportReport
from featurestore.diagnosis.machine_check import run_check
from featurestore.errors import Unavailable
from featurestore.networks import memory

TORCH = {"built_for": "12.6", "gpus": [], "mps": False, "reasons": []}
H100 = {"name": "NVIDIA H100", "memory": 85_000_000_000}


@pytest.mark.parametrize(
    ("found", "driver", "state", "line"),
    [
        ({"gpus": [H100]}, True, "ok", "NVIDIA H100 with 85.0 GB (torch for 12.6)"),
        ({"mps": True}, False, "ok", "Apple's, by mps"),
        ({}, False, "missing", "no driver of a GPU on this machine; encoders run on the CPU"),
        ({"built_for": ""}, True, "missing", "there is a driver, but torch is built for the CPU"),
        (
            {"reasons": ["The NVIDIA driver\non your system is too old"]},
            True,
            "broken",
            "torch for 12.6 cannot use the GPU of this machine: The NVIDIA driver on your system is too old",
        ),
    ],
)
def test_a_gpu_or_the_reason_for_none(monkeypatch, found, driver, state, line):
    monkeypatch.setattr(gpu, "has_driver", lambda: driver)
    (check,) = gpu.check_gpu(ImportReport(torch={**TORCH, **found}))
    assert (check.state, check.line, check.required) == (state, line, False)
    assert bool(check.do) == (state != "ok" and driver)


def test_a_gpu_is_unknown_without_torch():
    (check,) = gpu.check_gpu(ImportReport("ImportError: libcudart.so.12"))
    assert (check.state, check.line) == ("broken", "unknown, because torch cannot be imported")


def test_cores_that_are_held_back_are_named(monkeypatch):
    monkeypatch.setattr(resources, "count_cores", lambda: 2)
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    (check,) = resources.check_cores()
    assert check.line == "2 of 64: an affinity or a container's limit holds back the others"


def test_the_limit_of_a_container_is_named(monkeypatch, tmp_path):
    (tmp_path / "memory.max").write_text("1500000000\n")
    (tmp_path / "memory.current").write_text("500000000\n")
    monkeypatch.setattr(memory, "_CGROUP", tmp_path)
    (check,) = resources.check_memory()
    assert check.state == "broken"
    assert check.line.startswith("0.8 GB usable now, of ")
    assert check.line.endswith(", a container's limit of 1.5 GB: too little for a network of base size")
    (tmp_path / "memory.max").write_text("max\n")
    (check,) = resources.check_memory()
    assert "container" not in check.line


@pytest.mark.parametrize(
    ("value", "state"), [("1", "ok"), ("2", "ok"), ("64", "broken"), ("many", "broken"), ("0", "broken")]
)
def test_numbers_of_threads_are_checked(monkeypatch, value, state):
    monkeypatch.setattr(resources, "count_cores", lambda: 2)
    monkeypatch.setenv("OMP_NUM_THREADS", value)
    (check,) = resources.check_threads()
    assert check.state == state
    assert f"OMP_NUM_THREADS={value}" in check.line
    assert check.do == ("" if state == "ok" else "unset OMP_NUM_THREADS")


def test_no_numbers_of_threads(monkeypatch):
    for name in resources._THREADS:
        monkeypatch.delenv(name, raising=False)
    (check,) = resources.check_threads()
    assert (check.state, check.line) == ("ok", "chosen by the libraries")


def test_a_store_that_does_not_exist_yet_is_checked_above_it(tmp_path):
    (check,) = store_disk.check_writing(tmp_path / "features" / "mine")
    assert (check.state, check.line) == (
        "ok",
        f"{tmp_path}: a feature file is written, mapped into memory and locked",
    )
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_broken(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", refuse)
    (check,) = run_check("store", "writing", lambda: store_disk.check_writing(tmp_path), required=True)
    assert (check.state, check.required) == ("broken", True)
    assert "No space left on device" in check.line
    assert check.do.startswith("make room")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_broken(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "mkdir", refuse)  # root may write everywhere
    (check,) = store_disk.check_writing(tmp_path)
    assert (check.state, check.required) == ("broken", True)
    assert check.line == f"cannot write into {tmp_path}: Permission denied"
    assert check.do.startswith(f"chmod u+w {tmp_path}; --store FOLDER")


def test_a_file_system_without_locks_is_broken(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", refuse)
    (check,) = run_check("store", "writing", lambda: store_disk.check_writing(tmp_path))
    assert check.line.startswith("the file system of ")
    assert "has no locks" in check.line
    assert "mount it with locks" in check.do


def test_little_space_is_broken_and_a_network_file_system_is_named(tmp_path, monkeypatch):
    (check,) = store_disk.check_space(tmp_path)
    assert check.line.endswith(f" free at {tmp_path} ({store_disk.read_file_system(tmp_path)})")
    monkeypatch.setattr(store_disk, "read_file_system", lambda _: "nfs4")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=5_000_000_000))
    (check,) = store_disk.check_space(tmp_path)
    assert (check.state, check.line) == ("ok", f"5.0 GB free at {tmp_path} (nfs4), a network file system")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=40_000_000))
    (check,) = store_disk.check_space(tmp_path)
    assert (check.state, check.line, check.required) == ("broken", f"40 MB free at {tmp_path} (nfs4)", True)


def test_the_file_system_is_that_of_the_closest_mount(tmp_path, monkeypatch):
    mounts = [SimpleNamespace(mountpoint="/", fstype="ext4"), SimpleNamespace(mountpoint=str(tmp_path), fstype="nfs4")]
    monkeypatch.setattr("psutil.disk_partitions", lambda **_: mounts)
    (tmp_path / "a").mkdir()
    assert store_disk.read_file_system(tmp_path / "a") == "nfs4"
    assert store_disk.read_file_system(tmp_path.parent) == "ext4"


class Answer(http.server.BaseHTTPRequestHandler):
    status = 200

    def do_HEAD(self):
        assert self.headers["User-Agent"] == "emofuse"
        self.send_response(self.status)
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch):
    """Serve on this machine in the hub's place."""
    found = http.server.HTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=found.serve_forever)
    thread.start()
    for name in ("http_proxy", "HTTP_PROXY", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", f"http://127.0.0.1:{found.server_port}")
    yield found
    found.shutdown()
    found.server_close()
    thread.join()


def test_a_hub_that_answers(server):
    (check,) = hub.check_connection()
    assert (check.state, check.line) == ("ok", f"http://127.0.0.1:{server.server_port} answers")


def test_a_hub_that_refuses_is_missing(server, monkeypatch):
    monkeypatch.setattr(Answer, "status", 403)
    (check,) = hub.check_connection()
    assert check.state == "missing"
    assert "does not answer: status 403 Forbidden" in check.line


def test_a_hub_that_is_not_there_is_missing(server, monkeypatch):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", f"http://127.0.0.1:{free.getsockname()[1]}")
        (check,) = hub.check_connection()
    assert check.state == "missing"
    assert "Connection refused" in check.line
    assert "$HTTPS_PROXY" in check.do


def test_a_hub_that_hangs_is_given_up(monkeypatch):
    monkeypatch.setattr(hub, "_ask", lambda *_: time.sleep(5))
    start = time.monotonic()
    assert hub.ask("http://hub", -0.9) == "no answer within -0.9 s"
    assert time.monotonic() - start < 2


@pytest.mark.parametrize("name", ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"])
def test_offline_asks_nothing(server, monkeypatch, name):
    monkeypatch.setenv(name, "1")
    monkeypatch.setattr(hub, "ask", lambda *_: pytest.fail("asked"))
    (check,) = hub.check_connection()
    assert check.state == "missing"
    assert check.line.startswith(f"offline, because {name}=1 is set; ")
    assert check.do == f"unset {name}"


def test_the_cache_is_measured(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    (check,) = hub.check_cache()
    assert (check.state, check.line) == ("ok", f"{tmp_path / 'hub'}: empty")
    blobs = tmp_path / "hub" / "models--a--b"
    for folder in ("blobs", "refs", "snapshots/0"):
        (blobs / folder).mkdir(parents=True)
    (blobs / "refs" / "main").write_text("0")
    (blobs / "blobs" / "x").write_bytes(bytes(3_000_000))
    (blobs / "snapshots" / "0" / "weights").symlink_to(blobs / "blobs" / "x")
    (check,) = hub.check_cache()
    assert check.line == f"{tmp_path / 'hub'}: 3 MB in 1 repo"
    monkeypatch.setattr(os, "access", lambda *_: False)
    (check,) = hub.check_cache()
    assert (check.state, check.line) == ("broken", f"{tmp_path / 'hub'}: 3 MB in 1 repo, not writable")


def test_an_error_of_a_check_is_its_outcome():
    def fail():
        raise AttributeError("module 'h5py' has no attribute 'File'")

    def refuse():
        raise Unavailable("no locks", do="mount it with locks")

    (check,) = run_check("store", "writing", fail, required=True)
    assert (check.state, check.required) == ("broken", True)
    assert check.line == "cannot be checked: AttributeError: module 'h5py' has no attribute 'File'"
    (check,) = run_check("store", "writing", refuse)
    assert (check.line, check.do, check.required) == ("no locks", "mount it with locks", False)
