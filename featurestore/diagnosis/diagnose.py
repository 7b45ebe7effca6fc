"""Run every check of this machine."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import import_module
from itertools import chain, groupby
from pathlib import Path
from typing import Any

from featurestore.diagnosis.imports import ImportReport
from featurestore.diagnosis.machine_check import MachineCheck, run_check
from featurestore.errors import format_count


@dataclass(frozen=True)
class Diagnosis:
    """Outcome of all checks.

    Args:
        checks: in the order of their groups.
    """

    checks: tuple[MachineCheck, ...]

    @property
    def is_working(self) -> bool:
        """Whether everything works that the project requires."""
        return not self._list_broken()

    def to_json(self) -> dict[str, Any]:
        """Return the outcome as plain JSON values."""
        return {"works": self.is_working, "checks": [check.to_json() for check in self.checks]}

    def summary(self) -> str:
        """Return the outcome as lines for a terminal."""
        width = max(len(check.name) for check in self.checks)
        lines = []
        for group, checks in groupby(self.checks, key=lambda check: check.group):
            lines.append(group)
            for check in checks:
                lines.append(f"  {check.state:<7}  {check.name:<{width}}  {check.line}")
                lines += [f"{'':<{width + 13}}do: {check.do}"] if check.do else []
        broken = self._list_broken()
        lines.append(
            f"{format_count(len(broken), 'problem')}: {', '.join(broken)}" if broken else "everything required works"
        )
        return "\n".join(lines)

    def _list_broken(self) -> list[str]:
        return [check.name for check in self.checks if check.required and check.state != "ok"]


def diagnose(store: str | Path = "features/demo") -> Diagnosis:
    """Check what works on this machine, in a few seconds. Whatever a check raises is its outcome.

    Args:
        store: folder whose disk is checked; it need not exist.

    Returns:
        One outcome per check: Python, packages and extras, GPU, cores, memory, threads, the store's disk, the hub.

    Example:
        >>> found = diagnose()  # doctest: +SKIP
        >>> found.is_working, [check.name for check in found.checks if check.state == "missing"]  # doctest: +SKIP
        (True, ['ray', 'gpu'])
    """
    with ThreadPoolExecutor(1) as pool:
        elsewhere = pool.submit(lambda: [*_check_store(Path(store)), *_check_hub()])  # the imports take longest
        reports: dict[str, ImportReport] = {}
        packages = run_check("required", "packages", lambda: _check_packages(reports), required=True)
        machine = _check_machine(reports.get("torch", ImportReport()))
        return Diagnosis((*packages, *machine, *elsewhere.result()))


def _check_packages(reports: dict[str, ImportReport]) -> list[MachineCheck]:
    """Check Python, packages and extras, and add what became of each import to the reports."""
    from featurestore.diagnosis import packages, requirements

    needed = requirements.read_requirements()
    reports |= packages.import_packages(needed)
    found = (packages.check_required(needed, reports), packages.check_extras(needed, reports))
    return [*packages.check_python(needed), *chain(*found)]


def _check_machine(torch: ImportReport) -> list[MachineCheck]:
    resources = [check for name in ("cores", "memory", "threads") for check in _run("machine", name, "resources")]
    return [*_run("machine", "gpu", "gpu", torch), *resources]


def _check_store(store: Path) -> list[MachineCheck]:
    names = ("space", "writing")
    return [check for name in names for check in _run("store", name, "store_disk", store, required=True)]


def _check_hub() -> list[MachineCheck]:
    return [check for name in ("connection", "cache") for check in _run("hub", name, "hub")]


def _run(group: str, name: str, module: str, *arguments: Any, required: bool = False) -> list[MachineCheck]:
    """Import the module of a check and run it. The import, too, may meet a broken package."""

    def check() -> Iterable[MachineCheck]:
        found: Iterable[MachineCheck] = getattr(import_module(f"{__package__}.{module}"), f"check_{name}")(*arguments)
        return found

    return run_check(group, name, check, required=required)
