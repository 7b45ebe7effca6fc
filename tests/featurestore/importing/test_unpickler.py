"""A pickle that runs code when it is loaded does not run here, whatever trick it uses."""

import collections
import contextlib
import os
import pickle
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from featurestore.errors import Problem
from featurestore.importing._refused_pickle import RefusedPickle
from featurestore.importing._unpickler import load_arrays

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)


@pytest.fixture
def marker(tmp_path):
    """Return a path that malicious pickles create."""
    return tmp_path / "ran"


def load(tmp_path, data):
    path = tmp_path / "file.pkl"
    path.write_bytes(data)
    return load_arrays(path)


class Call:
    """Pickle as the call of a function."""

    def __init__(self, function, *args, state=None):
        self.parts = (function, args) if state is None else (function, args, state)

    def __reduce__(self):
        return self.parts


def list_attacks(marker):
    touch = f"open({str(marker)!r}, 'w').close()"
    return {
        "exec": Call(exec, touch),
        "eval": Call(eval, touch.replace("; ", ",")),
        "system": Call(os.system, f"touch {marker}"),
        "open": Call(open, str(marker), "w"),
        "popen": Call(subprocess.Popen, ["touch", str(marker)]),
        "getattr": Call(getattr, list, "append"),
        "import": Call(__import__, "os"),
        "path": Call(Path.touch, marker),
        "nested pickle": Call(pickle.loads, pickle.dumps(Call(exec, touch))),
        "numpy load": Call(np.load, str(marker), None, True),
        "numpy file": Call(np.memmap, str(marker), "u1", "w+", 0, (8,)),
        "numpy eval": Call(np.fromfunction, exec, (1,)),
        "state that runs": Call(collections.OrderedDict, state=Call(exec, touch)),
    }


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("attack", list_attacks("x"))
def test_a_pickle_that_calls_a_function_is_refused_and_nothing_runs(attack, protocol, marker, tmp_path):
    one = list_attacks(marker)[attack]
    for place in (one, {"id": ["a"], "audio": one}, [one], np.array([one, 1], object), collections.OrderedDict(a=one)):
        with pytest.raises(RefusedPickle, match=r"the pickle holds .*\n  expected: dictionaries, lists, text, numbers"):
            load(tmp_path, pickle.dumps(place, protocol))
    assert not marker.exists()


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_same_pickles_do_run_in_an_ordinary_loader(protocol, marker):
    pickle.loads(pickle.dumps(list_attacks(marker)["exec"], protocol))  # noqa: S301
    assert marker.exists()


ARRAY = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR"
OBJECTS = b"cnumpy\ndtype\n(S'O8'\nI0\nI1\ntR(I3\nS'|'\nNNNI-1\nI-1\nI63\ntb"


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(ARRAY + b"(I1\n(I1\nt" + OBJECTS + b"I00\nS'AAAAAAAA'\ntb.", id="objects at an address"),
        pytest.param(b"cnumpy\nndarray\n((I1\nt" + OBJECTS + b"S'AAAAAAAA'\ntR.", id="array over a buffer of objects"),
        pytest.param(b"cnumpy\ndtype\n(S'O8'\ntR(I3\nS'|'\nS'd'\nNNI8\nI1\nI0\ntb.", id="dtype with forged flags"),
        pytest.param(b"cnumpy\ndtype\n(S'V8'\ntR.", id="void dtype"),
        pytest.param(b"cnumpy\ndtype\n(cos\nsystem\ntR.", id="dtype of a function"),
        pytest.param(b"cnumpy.core.multiarray\n_reconstruct\n}S'__code__'\nNsb.", id="state of a function"),
        pytest.param(b"cnumpy.core.multiarray\n_reconstruct\nN}S'__defaults__'\nNs\x86b.", id="slots of a function"),
        pytest.param(b"cbuiltins\nlist\n(cos\nsystem\ntR.", id="list of a function"),
        pytest.param(b"(S'x'\nios\nsystem\n.", id="instance opcode"),
        pytest.param(b"(cos\nsystem\nS'x'\no.", id="object opcode"),
        pytest.param(b"\x80\x02cos\nsystem\nS'x'\n\x85\x81.", id="newobj opcode"),
        pytest.param(b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x01x\x85R.", id="stack global"),
        pytest.param(b"cnumpy\n_core.numeric.os.system\n.", id="dotted name"),
        pytest.param(b"\x80\x04\x8c\x05numpy\x8c\x10f2py.os.system.x\x93.", id="dotted name in protocol 4"),
        pytest.param(b"Pname\n.", id="persistent id"),
        pytest.param(b"\x80\x02\x82\x01.", id="extension registry"),
        pytest.param(b"\x80\x05\x97.", id="buffer outside the file"),
        pytest.param(b"", id="empty"),
        pytest.param(b"\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\x7f", id="frame of any size"),
        pytest.param(b"\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\x7f", id="bytes of any size"),
        pytest.param(b"(" * 10_000 + b"t" * 10_000 + b".", id="deep tuples"),
        pytest.param(b"]q\x00h\x00a.", id="list in itself"),
        pytest.param(
            ARRAY + b"(I1\n(I9999999999\ntcnumpy\ndtype\n(S'f8'\ntRI00\nS'AA'\ntb.", id="few bytes, many values"
        ),
        pytest.param(ARRAY + b"(I1\n(I-1\nI-1\ntcnumpy\ndtype\n(S'u1'\ntRI00\nS'A'\ntb.", id="negative shape"),
    ],
)
def test_a_trick_is_a_message_and_never_a_crash(data, tmp_path):
    with pytest.raises(Problem) as problem:
        load(tmp_path, data)
    assert "\n" in str(problem.value)


def test_shared_lists_are_not_multiplied(tmp_path):
    shared = [1.0]
    for _ in range(40):
        shared = [shared, shared]  # 2 ** 40 numbers if each were copied
    found = load(tmp_path, pickle.dumps(shared))
    assert found[0] is found[1]


@settings(max_examples=150)
@given(data=st.binary(max_size=80))
def test_any_bytes_are_a_value_or_a_message(data, tmp_path_factory):
    path = tmp_path_factory.mktemp("any") / "file.pkl"
    path.write_bytes(b"\x80\x04" + data + b".")
    with contextlib.suppress(Problem):
        load_arrays(path)


@settings(max_examples=40)
@given(
    values=npst.arrays(
        st.sampled_from(["<f4", ">f4", "<f8", "<f2", "<i8", ">i2", "u1", "?"]),
        npst.array_shapes(max_dims=3, min_side=0),
    ),
    protocol=st.sampled_from(PROTOCOLS),
    order=st.sampled_from("CF"),
)
def test_arrays_come_back_as_they_were(values, protocol, order, tmp_path_factory):
    folder = tmp_path_factory.mktemp("arrays")
    values = np.array(values, order=order)
    found = load(folder, pickle.dumps({"x": values, "y": [values[:0], values.copy()]}, protocol))
    for one in (found["x"], found["y"][1]):
        assert one.dtype == values.dtype
        np.testing.assert_array_equal(one, values)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_plain_values_come_back(protocol, tmp_path):
    ragged = np.empty(2, object)
    ragged[:] = [np.ones((2, 3)), np.zeros((1, 3))]
    content = {
        "names": np.array(["a", "bb"]),
        "bytes": b"\x00\xff",
        "scalar": np.float32(1.5),
        "ordered": collections.OrderedDict(a=1),
        "default": collections.defaultdict(list, {"b": [1]}),
        "set": {1},
        "ragged": ragged,
        "tuple": (1, "x", None, True),
    }
    found = load(tmp_path, pickle.dumps(content, protocol))
    assert found["names"].tolist() == ["a", "bb"]
    assert found["bytes"] == b"\x00\xff"
    assert found["scalar"] == 1.5
    assert found["ordered"] == {"a": 1}
    assert found["default"] == {"b": [1]}
    assert found["set"] == [1]
    assert [one.shape for one in found["ragged"]] == [(2, 3), (1, 3)]
    assert found["tuple"] == [1, "x", None, True]


def test_an_array_that_python_2_pickled_is_read(tmp_path):
    values = struct.pack("<2d", 1.5, -2.0)
    raw = b"".join(b"\\x%02x" % byte for byte in values)
    dtype = b"cnumpy\ndtype\n(S'f8'\nI0\nI1\ntR(I3\nS'<'\nNNNI-1\nI-1\nI0\ntb"
    found = load(tmp_path, ARRAY + b"(I1\n(I2\nt" + dtype + b"I00\nS'" + raw + b"'\ntb.")
    assert found.tolist() == [1.5, -2.0]
