"""Import installed distributions, and print what became of each as a line of JSON.

A script of its own, run in a process of its own: importing a broken library may end the process.
"""

import contextlib
import ctypes
import importlib
import json
import os
import re
import sys
import warnings
from importlib.metadata import packages_distributions
from typing import Any


def _find_module(name: str, modules: dict[str, list[str]]) -> str:
    """Find the module of a distribution that has its name, else its first public one. Empty if it has none."""
    found = [module for module, owners in modules.items() if name in map(_normalize, owners) and module.isidentifier()]
    found.sort(key=lambda module: (_normalize(module) != name, module.startswith("_"), module))
    return found[0] if found else ""


def _normalize(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _read_espeak(module: Any) -> str:
    info = ctypes.CDLL(module.get_library_path()).espeak_Info
    info.restype = ctypes.c_char_p
    return f"eSpeak NG {info(None).decode()}"


def _list_gpus(torch: Any) -> list[dict[str, Any]]:
    properties = map(torch.cuda.get_device_properties, range(torch.cuda.device_count()))
    return [{"name": one.name, "memory": one.total_memory} for one in properties]


def _describe_torch(torch: Any) -> dict[str, Any]:
    """Describe the GPUs that torch can use, or its reasons why not."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        usable = torch.cuda.is_available()
    built = torch.version.cuda or torch.version.hip or ""
    return {
        "built_for": built,
        "gpus": _list_gpus(torch) if usable else [],
        "mps": torch.backends.mps.is_available(),
        "reasons": [str(one.message) for one in told],
    }


# The version of the library that a package wraps.
_LIBRARIES = {
    "soundfile": lambda module: f"libsndfile {module.__libsndfile_version__}",
    "h5py": lambda module: f"HDF5 {module.version.hdf5_version}",
    "av": lambda module: f"FFmpeg {module.ffmpeg_version_info}",
    "espeakng_loader": _read_espeak,
}


def _try(name: str, modules: dict[str, list[str]]) -> dict[str, Any]:
    report: dict[str, Any] = {"name": name, "error": "", "library": ""}
    try:
        if found := _find_module(_normalize(name), modules):
            module = importlib.import_module(found)
            report["library"] = _LIBRARIES[found](module) if found in _LIBRARIES else ""
            report["torch"] = _describe_torch(module) if found == "torch" else {}
    except BaseException as error:  # SystemExit too
        report["error"] = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
    return report


def main(names: list[str]) -> None:
    """Import each distribution, in order, and print its report before the next one is imported."""
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as answers:
        os.dup2(2, 1)  # some libraries print when they are imported
        modules = {name: list(owners) for name, owners in packages_distributions().items()}
        for name in names:
            answers.write(json.dumps(_try(name, modules)) + "\n")
            answers.flush()


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        main(sys.argv[1:])
