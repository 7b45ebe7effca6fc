"""Check cores, memory and the settings of threads."""

import os
from collections.abc import Iterator

from featurestore.diagnosis.machine_check import MachineCheck
from featurestore.networks.device import count_cores
from featurestore.networks.memory import format_bytes, measure_container_limit, measure_free_memory

GROUP = "machine"
_LITTLE = 2_000_000_000  # bytes; a base-size network takes 1 to 2 GB with a clip of half a minute
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def check_cores() -> Iterator[MachineCheck]:
    """Count the cores that this process may use."""
    usable, all_cores = count_cores(), os.cpu_count() or 1
    limit = "" if usable == all_cores else f" of {all_cores}: an affinity or a container's limit holds back the others"
    yield MachineCheck(GROUP, "cores", "ok", f"{usable}{limit}")


def check_memory() -> Iterator[MachineCheck]:
    """Measure how much memory is free, within the limits of a container."""
    import psutil

    total, limit, free = psutil.virtual_memory().total, measure_container_limit(), measure_free_memory()
    within = f", a container's limit of {format_bytes(int(limit))}" if limit < total else ""
    line = f"{format_bytes(free)} usable now, of {format_bytes(total)}{within}"
    if free >= _LITTLE:
        yield MachineCheck(GROUP, "memory", "ok", line)
    else:
        do = "end other programs, or raise the limit; --jobs 1 takes least"
        yield MachineCheck(GROUP, "memory", "broken", f"{line}: too little for a network of base size", do)


def check_threads() -> Iterator[MachineCheck]:
    """Check the environment variables that set numbers of threads."""
    values = {name: os.environ[name] for name in _THREADS if name in os.environ}
    cores = count_cores()
    wrong = [name for name, value in values.items() if not value.isdecimal() or not 0 < int(value) <= cores]
    line = ", ".join(f"{name}={value}" for name, value in values.items()) or "chosen by the libraries"
    if wrong:
        do = f"unset {' '.join(wrong)}"
        yield MachineCheck(GROUP, "threads", "broken", f"{line}: not a number from 1 to {cores}, the cores", do)
    else:
        yield MachineCheck(GROUP, "threads", "ok", line)
