"""Check Python, the required packages and the extras: installed, within their ranges, importable."""

import platform
from collections.abc import Iterator, Mapping
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from featurestore.diagnosis.imports import ImportReport, try_imports
from featurestore.diagnosis.machine_check import MachineCheck, State
from featurestore.diagnosis.requirements import PROJECT, ProjectRequirements, read_version

REQUIRED, EXTRAS = "required", "extras"
Reports = Mapping[str, ImportReport]


def import_packages(requirements: ProjectRequirements) -> dict[str, ImportReport]:
    """Import everything that is required or of an extra, and installed, in processes of their own."""
    required = [one.name for one in requirements.required]
    optional = [one.name for found in requirements.extras.values() for one in found]
    groups = [required, [name for name in dict.fromkeys(optional) if name not in required]]
    return try_imports(*([name for name in group if read_version(name)] for group in groups))


def check_python(requirements: ProjectRequirements) -> Iterator[MachineCheck]:
    """Check the version of Python, and name that of the project."""
    version = platform.python_version()
    fits = SpecifierSet(requirements.python).contains(version, prereleases=True)
    line = f"{version} ({requirements.python})" if fits else f"{version}, {requirements.python} is needed"
    do = "" if fits else f"install Python {requirements.python}, and the project into it"
    yield MachineCheck(REQUIRED, "python", "ok" if fits else "broken", line, do, required=True)
    place = Path(__file__).parents[2]
    yield MachineCheck(REQUIRED, PROJECT, "ok", f"{read_version(PROJECT)} in {place}", required=True)


def check_required(requirements: ProjectRequirements, reports: Reports) -> Iterator[MachineCheck]:
    """Check every required package."""
    for one in requirements.required:
        state, line, do = check_package(one, reports)
        state = "broken" if state == "missing" else state
        yield MachineCheck(REQUIRED, one.name, state, line, do, required=True)


def check_extras(requirements: ProjectRequirements, reports: Reports) -> Iterator[MachineCheck]:
    """Check every extra: `missing` if a package of it is not installed, `broken` if one does not work."""
    for extra, packages in requirements.extras.items():
        found = [check_package(one, reports) for one in packages]
        named = list(zip((one.name for one in packages), found, strict=True))
        install = f"pip install '{PROJECT}[{extra}]'"
        broken = [(f"{name} {line}", do) for name, (state, line, do) in named if state == "broken"]
        missing = [str(one) for one, (state, _, _) in zip(packages, found, strict=True) if state == "missing"]
        if broken:
            lines, commands = zip(*broken, strict=True)
            yield MachineCheck(EXTRAS, extra, "broken", "; ".join(lines), " && ".join(commands))
        elif missing:
            names = ", ".join(one.partition(";")[0].strip() for one in missing)
            yield MachineCheck(EXTRAS, extra, "missing", f"not installed: {names}", install)
        else:
            yield MachineCheck(EXTRAS, extra, "ok", ", ".join(_describe(one, reports) for one in packages))


def check_package(requirement: Requirement, reports: Reports) -> tuple[State, str, str]:
    """Check one package, and return its state, a line about it and what mends it."""
    name = requirement.name
    version, wanted = read_version(name), f"{name}{requirement.specifier}"
    report = reports.get(name, ImportReport())
    if not version:
        return "missing", f"not installed ({requirement.specifier})", f"pip install '{wanted}'"
    if not requirement.specifier.contains(version, prereleases=True):
        return "broken", f"{version}, {requirement.specifier} is needed", f"pip install --upgrade '{wanted}'"
    if report.error:
        reinstall = f"pip install --force-reinstall --no-deps '{name}=={version}'"
        return "broken", f"{version} cannot be imported: {report.error}", reinstall
    return "ok", f"{version} ({report.library or requirement.specifier})", ""


def _describe(requirement: Requirement, reports: Reports) -> str:
    library = reports.get(requirement.name, ImportReport()).library
    return f"{requirement.name} {read_version(requirement.name)}" + (f" ({library})" if library else "")
