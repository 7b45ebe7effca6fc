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
from typing import IO, Any

import numpy as np

from featurestore.errors import Problem
from featurestore.importing._pickle_scan import check_opcodes
from featurestore.importing._refused_pickle import RefusedPickle
from featurestore.storage.damage import Unreadable

_CODE = re.compile(r"[<>|=]?([fiub])(1|2|4|8)|[<>|=]?([SUO])\d*")
_DEEPEST = 50  # nested containers


def load_arrays(path: Path) -> Any:
    """Load dictionaries, lists, text, numbers and arrays from a pickle of any protocol.

    Pickles of Python 2 are read too. Tuples, sets and arrays of objects become lists. Memory is at most some hundred
    bytes for each byte of the file.

    Raises:
        RefusedPickle: it holds anything else, or would grow beyond its size. No code of the file is run.
        Unreadable: it is damaged.
    """
    try:
        check_opcodes(path)
        with path.open("rb") as file:
            return _resolve(_ArrayUnpickler(file, path.stat().st_size).load())
    except (Problem, OSError):
        raise
    except Exception as error:  # a damaged pickle may raise anything
        raise Unreadable(path, "a pickle", error) from None


class _Copies:
    """Count what stand-ins copy. A file that was written by a program has each text and list copied once at most."""

    def __init__(self, limit: int) -> None:
        self.limit, self.total = limit, 0

    def add(self, size: int) -> None:
        """Add bytes or items, and refuse more than the file has bytes."""
        self.total += size
        if self.total > self.limit:
            raise RefusedPickle(f"copies of its own content, and the file has {self.limit:,} bytes")


class _StandIn:
    """Answer for a name in a pickle. It cannot be given attributes or items."""

    __slots__ = ("_copies", "_make")

    def __init__(self, make: Callable[..., Any], copies: _Copies) -> None:
        self._make, self._copies = make, copies

    def __call__(self, *args: Any) -> Any:
        return self._make(self._copies, *args)

    def __setstate__(self, state: Any) -> None:
        raise RefusedPickle("a function with a state")


class _PickledType:
    """The dtype of an array, before its state is known."""

    __slots__ = ("dtype",)

    def __init__(self, copies: _Copies, code: Any, *_: Any) -> None:
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

    __slots__ = ("_copies", "values")

    def __init__(self, copies: _Copies, *_: Any) -> None:
        self.values: Any = None
        self._copies = copies

    def __setstate__(self, state: Any) -> None:
        _, shape, kind, is_fortran, data = state
        self.values = _build_array(self._copies, data, kind, shape, "F" if is_fortran else "C")


class _ArrayUnpickler(pickle.Unpickler):
    """Answer every name in a pickle with a stand-in, or refuse it."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        super().__init__(file, encoding="latin1")
        self._copies = _Copies(size)

    def find_class(self, module: str, name: str) -> Any:
        """Return the stand-in for a name."""
        place = module.replace("numpy._core", "numpy.core").replace("__builtin__", "builtins")
        if (found := _ADMITTED.get(f"{place}.{name}")) is None:
            raise RefusedPickle(f"{module}.{name}")
        return _StandIn(found, self._copies)

    def persistent_load(self, pid: Any) -> Any:
        """Refuse an object that is stored elsewhere."""
        raise RefusedPickle("a reference to an object outside the file")


def _build_array(copies: _Copies, data: Any, kind: Any, shape: Any, order: Any = "C") -> Any:
    """Build an array from its bytes, or a list from an array of objects."""
    if not isinstance(kind, _PickledType) or not isinstance(shape, (tuple, list)):
        raise RefusedPickle("an array without a dtype or shape")
    if kind.dtype.hasobject:
        if not isinstance(data, list) or len(shape) != 1:
            raise RefusedPickle("an array of objects with several dimensions")
        return data
    if isinstance(data, str):  # of Python 2
        data = _encode(copies, data)
    if not isinstance(data, (bytes, bytearray)):
        raise RefusedPickle(f"an array made from {type(data).__name__}")
    sizes = tuple(int(size) for size in shape)
    if min(sizes, default=0) < 0 or prod(sizes) * kind.dtype.itemsize != len(data):
        raise ValueError(f"an array of shape {sizes} has {len(data)} bytes")
    values = np.frombuffer(data, kind.dtype) if data else np.empty(0, kind.dtype)
    return values.reshape(sizes, order="F" if order == "F" else "C")


def _wrap(copies: _Copies, data: Any, kind: Any, shape: Any, order: Any = "C") -> _PickledArray:
    found = _PickledArray(copies)
    found.values = _build_array(copies, data, kind, shape, order)
    return found


def _refuse_call(*_: Any) -> Any:
    raise RefusedPickle("an array over memory of its own")


def _read_scalar(copies: _Copies, kind: Any, data: Any = b"") -> Any:
    values = _build_array(copies, data, kind, (1,))
    if not isinstance(values, np.ndarray):
        raise RefusedPickle("an object as a number")
    return values[0].item()


def _encode(copies: _Copies, text: Any, encoding: Any = "latin1") -> bytes:
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
        raise RefusedPickle(f"text in the encoding {encoding}")
    copies.add(len(text))
    return text.encode("latin1")


def _copy_bytes(copies: _Copies, data: Any = b"", encoding: Any = "latin1") -> bytes:
    return data if isinstance(data, bytes) else _encode(copies, data, encoding)


def _make_list(copies: _Copies, items: Any = ()) -> list[Any]:
    if not isinstance(items, (list, tuple, set, frozenset)):
        raise RefusedPickle(f"a list made from {type(items).__name__}")
    copies.add(len(items))
    return list(items)


def _make_dictionary(copies: _Copies, items: Any = (), *_: Any) -> dict[Any, Any]:
    """Build a dictionary from pairs. The factory of a defaultdict is not needed."""
    if isinstance(items, dict):
        items = list(items.items())
    if not isinstance(items, (list, tuple)):
        return {}
    copies.add(len(items))
    if any(isinstance(key, tuple) for key, _ in items):
        raise RefusedPickle("a dictionary with tuples as keys")
    return dict(items)


_ADMITTED: dict[str, Callable[..., Any]] = {
    "numpy.ndarray": _refuse_call,  # only named, by `_reconstruct`
    "numpy.dtype": _PickledType,
    "numpy.core.multiarray._reconstruct": _PickledArray,
    "numpy.core.multiarray.scalar": _read_scalar,
    "numpy.core.numeric._frombuffer": _wrap,
    "_codecs.encode": _encode,
    "builtins.bytes": _copy_bytes,
    "builtins.bytearray": _copy_bytes,
    "builtins.list": _make_list,
    "builtins.set": _make_list,
    "builtins.frozenset": _make_list,
    "builtins.dict": _make_dictionary,
    "builtins.int": lambda *_: 0,  # the factory of a defaultdict
    "builtins.float": lambda *_: 0.0,
    "collections.OrderedDict": _make_dictionary,
    "collections.defaultdict": _make_dictionary,
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
