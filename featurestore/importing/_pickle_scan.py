"""Check the opcodes of a pickle before it is loaded: what may end the process or fill the memory is refused.

The loader of the standard library makes room for any place in its memo that a file names, and it hashes the keys of
dictionaries. Deep tuples overflow the stack there, and tuples that share others take forever. Files of features have
text or numbers as keys.
"""

import mmap
import pickletools
from pathlib import Path
from typing import NamedTuple

from featurestore.importing._refused_pickle import RefusedPickle

_GET = {"GET", "BINGET", "LONG_BINGET"}
_PUT = {"PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"}
_TUPLES = {"TUPLE", "TUPLE1", "TUPLE2", "TUPLE3"}
# By opcode, which of the objects that it takes are hashed. The first is the dictionary or set, if there is one already.
_HASHED = {
    "SETITEM": slice(1, 2),
    "SETITEMS": slice(1, None, 2),
    "DICT": slice(0, None, 2),
    "ADDITEMS": slice(1, None),
    "FROZENSET": slice(0, None),
}
# Bytes of the size before an argument of any size.
_PREFIXES = {
    pickletools.TAKEN_FROM_ARGUMENT1: 1,
    pickletools.TAKEN_FROM_ARGUMENT4: 4,
    pickletools.TAKEN_FROM_ARGUMENT4U: 4,
    pickletools.TAKEN_FROM_ARGUMENT8U: 8,
}
_STOP = ord(".")
_LINES = {"GLOBAL": 2, "INST": 2}  # arguments of two lines


class _Effect(NamedTuple):
    """What an opcode does to the stack: it takes `taken` objects, and before them all after a mark, and gives some."""

    name: str
    taken: int
    to_mark: bool
    given: list[bool]  # whether each is a tuple


def _describe(opcode: pickletools.OpcodeInfo) -> _Effect:
    before, to_mark = opcode.stack_before, pickletools.markobject in opcode.stack_before
    taken = before.index(pickletools.markobject) if to_mark else len(before)
    return _Effect(opcode.name, taken, to_mark, [opcode.name in _TUPLES] * len(opcode.stack_after))


_OPCODES = {ord(opcode.code): opcode for opcode in pickletools.opcodes}
_EFFECTS = {code: _describe(opcode) for code, opcode in _OPCODES.items()}
_SIZES = {code: opcode.arg.n if opcode.arg else 0 for code, opcode in _OPCODES.items()}
_PUSHES = {code for code, effect in _EFFECTS.items() if effect[1:] == (0, False, [False])} - {
    code for code, effect in _EFFECTS.items() if effect.name in (*_GET, "MARK")
}


def check_opcodes(path: Path) -> None:
    """Check a pickle up to its end.

    Raises:
        RefusedPickle: it names a place in the memo beyond its own size, or hashes tuples.
        ValueError, IndexError, KeyError: it is damaged.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        _scan(data)


def _scan(data: mmap.mmap) -> None:
    stack, place, code = _Stack(len(data)), 0, 0
    push = stack.is_tuple.append
    while code != _STOP:
        code = data[place]
        end = _find_end(data, code, place + 1)
        if code in _PUSHES:
            push(False)
        else:
            stack.apply(_EFFECTS[code], data[place + 1 : end] if _SIZES[code] else b"")
        place = end


def _find_end(data: mmap.mmap, code: int, start: int) -> int:
    """Return the end of the argument of an opcode."""
    size = _SIZES[code]
    if size >= 0:
        return start + size
    if size == pickletools.UP_TO_NEWLINE:
        for _ in range(_LINES.get(_EFFECTS[code].name, 1)):
            start = _find_line_end(data, start)
        return start
    first = start + _PREFIXES[size]
    return first + int.from_bytes(data[start:first], "little")


def _find_line_end(data: mmap.mmap, start: int) -> int:
    found = data.find(b"\n", start)
    if found < 0:
        raise ValueError("a line without an end")
    return found + 1


class _Stack:
    """The stack and the memo of a loader, with whether an object is a tuple in place of the object."""

    def __init__(self, size: int) -> None:
        self.size = size  # every place in the memo takes at least a byte of the file
        self.is_tuple: list[bool] = []
        self.marks: list[int] = []  # heights of the stack
        self.memo: dict[int, bool] = {}

    def apply(self, effect: _Effect, argument: bytes) -> None:
        """Apply an opcode."""
        name = effect.name
        if name in _PUT:
            self._put(len(self.memo) if name == "MEMOIZE" else _read_place(name, argument))
        elif name in _GET:
            self.is_tuple.append(self.memo[_read_place(name, argument)])
        elif name == "DUP":
            self.is_tuple.append(self.is_tuple[-1])
        elif name == "MARK":
            self.marks.append(len(self.is_tuple))
        elif name == "POP" and self.marks[-1:] == [len(self.is_tuple)]:
            self.marks.pop()
        else:
            self._replace(effect)

    def _put(self, place: int) -> None:
        if not 0 <= place <= self.size:
            raise RefusedPickle(f"place {place:,} of a memo, and the file has {self.size:,} bytes")
        self.memo[place] = self.is_tuple[-1]

    def _replace(self, effect: _Effect) -> None:
        taken = self._take(len(self.is_tuple) - self.marks.pop()) if effect.to_mark else []
        taken = [*self._take(effect.taken), *taken]
        if effect.name in _HASHED and any(taken[_HASHED[effect.name]]):
            raise RefusedPickle("a dictionary with tuples as keys, or a set of tuples")
        self.is_tuple += effect.given

    def _take(self, count: int) -> list[bool]:
        start = len(self.is_tuple) - count
        if start < 0:
            raise IndexError("an opcode without its objects")
        taken = self.is_tuple[start:]
        del self.is_tuple[start:]
        return taken


def _read_place(name: str, argument: bytes) -> int:
    """Read a place in the memo: text in the opcodes of protocol 0, else an integer."""
    return int(argument) if name in ("PUT", "GET") else int.from_bytes(argument, "little")
