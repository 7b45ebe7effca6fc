"""Collect the findings of a reader while it reads."""

from collections.abc import Iterable

from featurestore.releases.reading import Finding


class FindingList:
    """Places of irregularities, grouped by what they are."""

    def __init__(self) -> None:
        self._places: dict[str, list[str]] = {}

    def add(self, what: str, where: Iterable[object]) -> None:
        """Add places to a finding. Nothing is added if there are none."""
        self._places.setdefault(what, []).extend(map(str, where))

    def findings(self) -> tuple[Finding, ...]:
        """Return a finding for everything that has a place, in the order in which they were first added."""
        return tuple(Finding(what, tuple(where)) for what, where in self._places.items() if where)
