"""Check whether the Hugging Face hub answers, and what its cache on this machine holds."""

import os
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from featurestore.diagnosis.machine_check import MachineCheck
from featurestore.diagnosis.store_disk import find_existing
from featurestore.errors import format_count, quote, summarize_error
from featurestore.networks.memory import format_bytes

GROUP = "hub"
_SECONDS = 3.0
_OFFLINE = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
_FOLDERS = "checkpoints are then read from the cache, or from a folder: --encoder NAME=FOLDER"


def check_connection(seconds: float = _SECONDS) -> Iterator[MachineCheck]:
    """Ask the hub for its headers, unless an environment variable says that this machine is offline.

    Args:
        seconds: to wait for an answer.
    """
    from huggingface_hub import constants

    set_here = [f"{name}={os.environ[name]}" for name in _OFFLINE if _is_set(name)]
    if set_here:
        names = " ".join(name.partition("=")[0] for name in set_here)
        line = f"offline, because {', '.join(set_here)} is set; {_FOLDERS}"
        yield MachineCheck(GROUP, "connection", "missing", line, f"unset {names}")
    elif reason := ask(constants.ENDPOINT, seconds):
        line = f"{constants.ENDPOINT} does not answer: {reason}; {_FOLDERS}"
        do = "check the network and $HTTPS_PROXY; for a mirror, set $HF_ENDPOINT"
        yield MachineCheck(GROUP, "connection", "missing", line, do)
    else:
        yield MachineCheck(GROUP, "connection", "ok", f"{constants.ENDPOINT} answers")


def check_cache() -> Iterator[MachineCheck]:
    """Check the folder of the hub's cache, and its size."""
    from huggingface_hub import CacheNotFound, constants, scan_cache_dir

    folder = Path(constants.HF_HUB_CACHE)
    try:
        found = scan_cache_dir(folder)
    except CacheNotFound:
        line = f"{folder}: empty"
    else:
        line = f"{folder}: {format_bytes(found.size_on_disk)} in {format_count(len(found.repos), 'repo')}"
    place = find_existing(folder)
    if os.access(place, os.W_OK):
        yield MachineCheck(GROUP, "cache", "ok", line)
    else:
        do = f"chmod u+w {quote(place)}, or export HF_HOME=FOLDER"
        yield MachineCheck(GROUP, "cache", "broken", f"{line}, not writable", do)


def ask(address: str, seconds: float) -> str:
    """Send a HEAD request, and return why there is no answer, or an empty text.

    A thread asks, because looking up a name on a broken network may block for longer than any timeout.
    """
    reasons: list[str] = []
    thread = threading.Thread(target=lambda: reasons.append(_ask(address, seconds)), daemon=True)
    thread.start()
    thread.join(seconds + 1)
    return reasons[0] if reasons else f"no answer within {seconds:g} s"


def _ask(address: str, seconds: float) -> str:
    try:
        request = urllib.request.Request(address, method="HEAD", headers={"User-Agent": "emofuse"})
        with urllib.request.urlopen(request, timeout=seconds):
            return ""
    except urllib.error.HTTPError as error:
        return f"status {error.code} {error.reason}"
    except urllib.error.URLError as error:
        return " ".join(str(error.reason).split())
    except (OSError, ValueError) as error:
        return summarize_error(error)


def _is_set(name: str) -> bool:
    return os.environ.get(name, "").upper() in {"1", "ON", "YES", "TRUE"}
