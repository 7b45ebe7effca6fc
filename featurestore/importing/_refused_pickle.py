"""Say what a pickle holds that is never loaded."""

from featurestore.errors import BadValue


class RefusedPickle(BadValue):
    """A pickle that names anything but arrays and builtins, or that would grow beyond its size."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"the pickle holds {what}",
            expected="dictionaries, lists, text, numbers and arrays of numbers; loading anything else could run code",
            do="if you trust the file: load it yourself, and save its arrays with numpy.savez and the ids as array id",
        )
