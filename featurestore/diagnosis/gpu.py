"""Check which GPU networks run on, or why there is none."""

from collections.abc import Iterator

from featurestore.diagnosis.imports import ImportReport
from featurestore.diagnosis.machine_check import MachineCheck
from featurestore.networks.device import has_driver
from featurestore.networks.memory import format_bytes

GROUP = "machine"
_GET = "pip install torch as https://pytorch.org/get-started says for your driver"


def check_gpu(report: ImportReport) -> Iterator[MachineCheck]:
    """Check the GPUs that torch can use. Without one, encoders run on the CPU.

    Args:
        report: of importing torch.
    """
    found = report.torch
    if gpus := found.get("gpus"):
        names = ", ".join(f"{one['name']} with {format_bytes(one['memory'])}" for one in gpus)
        yield MachineCheck(GROUP, "gpu", "ok", f"{names} (torch for {found['built_for']})")
    elif found.get("mps"):
        yield MachineCheck(GROUP, "gpu", "ok", "Apple's, by mps")
    elif report.error or not found:
        yield MachineCheck(GROUP, "gpu", "broken", "unknown, because torch cannot be imported")
    elif not has_driver():
        yield MachineCheck(GROUP, "gpu", "missing", "no driver of a GPU on this machine; encoders run on the CPU")
    elif not found["built_for"]:
        yield MachineCheck(GROUP, "gpu", "missing", "there is a driver, but torch is built for the CPU", _GET)
    else:
        reasons = " ".join(" ".join(found["reasons"]).split())[:300] or "torch finds no device"
        built = f"torch for {found['built_for']} cannot use the GPU of this machine: {reasons}"
        yield MachineCheck(GROUP, "gpu", "broken", built, f"update the driver, or {_GET}")
