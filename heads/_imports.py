"""Import a library without others that it would load where they are installed, and does not need."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without(*names: str) -> Iterator[None]:
    """Find some modules to be not installed for the block, as they are on other machines; what is loaded stays."""
    finder = _Absent(*names)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


class _Absent:
    def __init__(self, *names: str) -> None:
        self.names = names

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        """Raise ModuleNotFoundError for the names; leave any other module to whoever comes next."""
        if name in self.names:
            raise ModuleNotFoundError(f"{name} is not needed here", name=name)
