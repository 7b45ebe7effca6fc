"""skops, imported without PyTorch: it walks through all of scikit-learn, wrappers of other array libraries included."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["UntrustedTypesFoundException", "skops"]


class _Absent:
    """Find some modules to be not installed, as they are on other machines, where skops works all the same."""

    def __init__(self, *names: str) -> None:
        self.names = names

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        """Raise ModuleNotFoundError for the names; leave any other module to whoever comes next."""
        if name in self.names:
            raise ModuleNotFoundError(f"{name} is not needed here", name=name)


@contextmanager
def _without(*names: str) -> Iterator[None]:
    finder = _Absent(*names)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


with _without("torch", "dask", "pytest"):  # 2.2 of the 3.9 s of CPU that the import takes; what is loaded stays
    import skops.io
    from skops.io.exceptions import UntrustedTypesFoundException
