"""Read what the project requires from its metadata, which are those of setup.cfg."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import metadata

from packaging.requirements import Requirement

from featurestore.errors import Unavailable

PROJECT = "emofuse"


@dataclass(frozen=True)
class ProjectRequirements:
    """Requirements of the project.

    Args:
        python: versions of Python, as a specifier.
        required: packages that it always needs.
        extras: further packages by extra.
    """

    python: str
    required: tuple[Requirement, ...]
    extras: dict[str, tuple[Requirement, ...]] = field(default_factory=dict)


def read_requirements() -> ProjectRequirements:
    """Read the requirements of the installed project.

    Raises:
        Unavailable: the project is not installed, but run from a folder.
    """
    if not read_version(PROJECT):
        raise Unavailable(f"{PROJECT} is not installed, so its requirements are unknown", do="pip install -e .")
    found = metadata.metadata(PROJECT)
    extras = {extra: tuple(_select(PROJECT, extra)) for extra in found.get_all("Provides-Extra") or ()}
    return ProjectRequirements(found["Requires-Python"] or "", tuple(_select(PROJECT)), extras)


def read_version(name: str) -> str:
    """Return the version of an installed distribution, or an empty text if it is not installed."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def _select(name: str, extra: str = "") -> Iterator[Requirement]:
    """Yield the requirements of a distribution on this machine: those of an extra, or those without one.

    A requirement with extras of its own, such as dask[distributed], stands for theirs, too.
    """
    for requirement in map(Requirement, metadata.requires(name) or ()):
        is_selected = _applies(requirement, extra) and not (extra and _applies(requirement, ""))
        if is_selected:
            yield requirement
            if read_version(requirement.name):
                for inner in sorted(requirement.extras):
                    yield from _select(requirement.name, inner)


def _applies(requirement: Requirement, extra: str) -> bool:
    return requirement.marker is None or requirement.marker.evaluate({"extra": extra})
