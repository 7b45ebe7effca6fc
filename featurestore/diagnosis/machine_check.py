"""Hold the outcome of a check of this machine, and turn an error of a check into one."""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

from featurestore.errors import Problem, summarize_error

State = Literal["ok", "missing", "broken"]


@dataclass(frozen=True)
class MachineCheck:
    """Outcome of one check.

    Args:
        group: what it belongs to, such as `packages`.
        name: of what was checked.
        state: `ok`; `missing` if something optional is not there; `broken` if something does not work.
        line: what was found.
        do: what mends it, if possible a command; empty if nothing is to be done.
        required: whether the project does not work without it.
    """

    group: str
    name: str
    state: State
    line: str
    do: str = ""
    required: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return the outcome as plain JSON values."""
        return asdict(self)


def run_check(
    group: str, name: str, check: Callable[[], Iterable[MachineCheck]], *, required: bool = False
) -> list[MachineCheck]:
    """Run a check. An error, of whatever kind, is an outcome too: a broken library may raise anything.

    Args:
        group: of the outcome of an error.
        name: of that outcome.
        check: what to run.
        required: whether the project does not work if the check fails.
    """
    try:
        return list(check())
    except Problem as problem:
        line = " ".join(str(problem).partition("\n  do: ")[0].split())
        return [MachineCheck(group, name, "broken", line, problem.do, required)]
    except Exception as error:
        return [MachineCheck(group, name, "broken", f"cannot be checked: {summarize_error(error)}", "", required)]
