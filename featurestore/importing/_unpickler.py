"""Read a pickle without running its code: only arrays and builtins are built, by functions of this module.

A pickle is a program that calls the functions it names. The names of arrays and plain types are admitted, and each is
answered by a stand-in, so that no function of NumPy or Python is ever called with arguments of the file. NumPy's own
would not be safe: an array of objects can be made to point anywhere in memory, and the state of a dtype is not checked.
"""

import pickle
import re
from collections.abc import Callable
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from featurestore.errors import BadValue, Problem
from featurestore.storage.damage import Unreadable

_CODE = re.compile(r"[<>|=]?([fiub])(1|2|4|8)|[<>|=]?([SUO])\d*")
_DEEPEST = 50  # nested containers


class RefusedPickle(BadValue):
    """A pickle that names anything but arrays and builtins."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"the pickle holds {what}",
            expected="dictionaries, lists, text, numbers and arrays of numbers; loading anything else could run code",
            do="if you trust the file: load it yourself, and save its arrays with numpy.savez and the ids as array id",
        )


def load_arrays(path: Path) -> Any:
    """Load dictionaries, lists, text, numbers and arrays from a pickle of any protocol.

    Pickles of Python 2 are read too. Tuples, sets and arrays of objects become lists.

    Raises:
        RefusedPickle: it holds anything else. No code of the file is run.
        Unreadable: it is damaged.
    """
    try:
        with path.open("rb") as file:
            return _resolve(_ArrayUnpickler(file, encoding="latin1").load())
    except (Problem, OSError):
        raise
    except Exception as error:  # a damaged pickle may raise anything
        raise Unreadable(path, "a pickle", error) from None


class _StandIn:
    """Answer for a name in a pickle. It cannot be given attributes or items."""

    __slots__ = ("_make",)

    def __init__(self, make: Callable[..., Any]) -> None:
        self._make = make

    def __call__(self, *args: Any) -> Any:
        return self._make(*args)

    def __setstate__(self, state: Any) -> None:
        raise RefusedPickle("a function with a state")


class _PickledType:
    """The dtype of an array, before its state is known."""

    __slots__ = ("dtype",)

    def __init__(self, code: Any, *_: Any) -> None:
        match = _CODE.fullmatch(code) if isinstance(code, str) else None
        if match is None:
            raise RefusedPickle(f"an array of {str(code)[:40]}")
        self.dtype = np.dtype(code)

    def __setstate__(self, state: Any) -> None:
        _, order, subarray, names, fields, size, *_ = state
        if subarray is not None or names is not None or fields is not None:
            raise RefusedPickle("a structured array")
        kind = self.dtype.kind
        if kind in "SU" and isinstance(size, int) and size > 0:
            self.dtype = np.dtype(f"{kind}{size // (4 if kind == 'U' else 1)}")
        if order in ("<", ">"):
            self.dtype = self.dtype.newbyteorder(order)


class _PickledArray:
    """An array, before its state is known."""

    __slots__ = ("values",)

    def __init__(self) -> None:
        self.values: Any = None

    def __setstate__(self, state: Any) -> None:
        _, shape, kind, is_fortran, data = state
        self.values = _build_array(data, kind, shape, "F" if is_fortran else "C")


class _ArrayUnpickler(pickle.Unpickler):
    """Answer every name in a pickle with a stand-in, or refuse it."""

    def find_class(self, module: str, name: str) -> Any:
        """Return the stand-in for a name."""
        place = module.replace("numpy._core", "numpy.core").replace("__builtin__", "builtins")
        if (found := _ADMITTED.get(f"{place}.{name}")) is None:
            raise RefusedPickle(f"{module}.{name}")
        return found

    def persistent_load(self, pid: Any) -> Any:
        """Refuse an object that is stored elsewhere."""
        raise RefusedPickle("a reference to an object outside the file")


def _build_array(data: Any, kind: Any, shape: Any, order: Any = "C") -> Any:
    """Build an array from its bytes, or a list from an array of objects."""
    if not isinstance(kind, _PickledType) or not isinstance(shape, (tuple, list)):
        raise RefusedPickle("an array without a dtype or shape")
    if kind.dtype.hasobject:
        if not isinstance(data, list) or len(shape) != 1:
            raise RefusedPickle("an array of objects with several dimensions")
        return data
    data = data.encode("latin1") if isinstance(data, str) else data  # of Python 2
    if not isinstance(data, (bytes, bytearray)):
        raise RefusedPickle(f"an array made from {type(data).__name__}")
    sizes = tuple(int(size) for size in shape)
    if min(sizes, default=0) < 0 or prod(sizes) * kind.dtype.itemsize != len(data):
        raise ValueError(f"an array of shape {sizes} has {len(data)} bytes")
    values = np.frombuffer(data, kind.dtype) if data else np.empty(0, kind.dtype)
    return values.reshape(sizes, order="F" if order == "F" else "C")


def _wrap(data: Any, kind: Any, shape: Any, order: Any = "C") -> _PickledArray:
    found = _PickledArray()
    found.values = _build_array(data, kind, shape, order)
    return found


def _refuse_call(*_: Any) -> Any:
    raise RefusedPickle("an array over memory of its own")


def _read_scalar(kind: Any, data: Any = b"") -> Any:
    values = _build_array(data, kind, (1,))
    return values[0].item() if isinstance(values, np.ndarray) else values[0]


def _encode(text: Any, encoding: Any = "latin1") -> bytes:
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
        raise RefusedPickle(f"text in the encoding {encoding}")
    return text.encode("latin1")


def _copy_bytes(data: Any = b"", encoding: Any = "latin1") -> bytes:
    return data if isinstance(data, bytes) else _encode(data, encoding)


def _make_list(items: Any = ()) -> list[Any]:
    if not isinstance(items, (list, tuple, set, frozenset)):
        raise RefusedPickle(f"a list made from {type(items).__name__}")
    return list(items)


def _make_dictionary(items: Any = (), *_: Any) -> dict[Any, Any]:
    return dict(items) if isinstance(items, (list, tuple, dict)) else {}  # the factory of a defaultdict is not needed


_ADMITTED: dict[str, _StandIn] = {
    "numpy.ndarray": _StandIn(_refuse_call),  # only named, by `_reconstruct`
    "numpy.dtype": _StandIn(_PickledType),
    "numpy.core.multiarray._reconstruct": _StandIn(lambda *_: _PickledArray()),
    "numpy.core.multiarray.scalar": _StandIn(_read_scalar),
    "numpy.core.numeric._frombuffer": _StandIn(_wrap),
    "_codecs.encode": _StandIn(_encode),
    "builtins.bytes": _StandIn(_copy_bytes),
    "builtins.bytearray": _StandIn(_copy_bytes),
    "builtins.list": _StandIn(_make_list),
    "builtins.set": _StandIn(_make_list),
    "builtins.frozenset": _StandIn(_make_list),
    "builtins.dict": _StandIn(_make_dictionary),
    "builtins.int": _StandIn(lambda *_: 0),  # the factory of a defaultdict
    "builtins.float": _StandIn(lambda *_: 0.0),
    "collections.OrderedDict": _StandIn(_make_dictionary),
    "collections.defaultdict": _StandIn(_make_dictionary),
}


def _resolve(value: Any, done: dict[int, Any] | None = None, depth: int = 0) -> Any:
    """Replace the stand-ins of arrays in nested containers. What several containers share is resolved once."""
    if isinstance(value, _PickledArray):
        value = value.values
        if value is None:
            raise RefusedPickle("an array without values")
    if not isinstance(value, (dict, list, tuple, set, frozenset)):
        return value
    if depth > _DEEPEST:
        raise RefusedPickle(f"containers nested more than {_DEEPEST} deep, or one that contains itself")
    done = {} if done is None else done
    if id(value) not in done:
        if isinstance(value, dict):
            found: Any = {key: _resolve(item, done, depth + 1) for key, item in value.items()}
        else:
            found = [_resolve(item, done, depth + 1) for item in value]
        done[id(value)] = found
    return done[id(value)]
