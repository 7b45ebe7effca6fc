"""Hide optional libraries from the import of another library, which loads them without need."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def hide_modules(*names: str) -> Iterator[None]:
    """Make some modules look uninstalled for the block. Those that are loaded already stay."""
    finder = _HidingFinder(*names)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


class _HidingFinder:
    def __init__(self, *names: str) -> None:
        self.names = names

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        """Raise ModuleNotFoundError for the hidden names, and leave any other module to the next finder."""
        if name in self.names:
            raise ModuleNotFoundError(f"{name} is not needed here", name=name)
