import csv
import dataclasses
import hashlib
import io
import pickle
from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from featurestore import manifest
from featurestore.errors import Mismatch, NotFound, Problem
from featurestore.manifest import COLUMNS, NUMBERS, Manifest, Utterance, keep_ids, list_column, map_column
from featurestore.storage.checksum import hash_file

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20) | st.sampled_from(
    ["", " ", '"', '""', "a,b", "a\nb", "a\r\nb", "\r", "\ufeffx", "\u2028", "\x00", "'=1+1", "Tüten – “na”"]
)
AGAIN = "\n  do: run cli prepare again"
NUMBER = st.none() | st.floats(allow_nan=False, allow_infinity=False)
ROWS = st.lists(
    st.builds(
        Utterance,
        **{name: NUMBER if name in NUMBERS else TEXT for name in COLUMNS if name != "id"},
        id=TEXT.filter(bool),
    ),
    max_size=5,
    unique_by=lambda row: row.id,
)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    return tmp_path_factory.mktemp("manifest") / "utterances.csv"


@given(ROWS)
def test_what_is_written_reads_back_equal(scratch, rows):
    scratch.write_bytes(manifest.to_csv(rows).encode())
    assert manifest.read(scratch) == tuple(rows)
    assert hash_file(scratch) == hashlib.sha256(scratch.read_bytes()).hexdigest()


def written(path, *rows):
    path.write_bytes(manifest.to_csv(rows).encode())
    return path


@pytest.fixture
def path(tmp_path):
    return written(tmp_path / "utterances.csv", Utterance("a", text="Hi.", duration=0.1), Utterance("b"))


def test_unknown_values_are_empty(path):
    header, first, second = path.read_text().splitlines()
    assert header == ",".join(COLUMNS)
    assert header.startswith("id,audio,text,label,speaker,gender,session,dialogue,script,partition,start,end,duration,")
    assert header.endswith("valence,activation,dominance,votes")
    assert first == "a,,Hi.,,,,,,,,,,0.1,,,,"
    assert second == "b" + "," * 16
    assert manifest.read(path)[1] == Utterance("b")


def test_an_utterance_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Utterance("a").label = "x"


def test_additional_columns_and_another_order_are_accepted(path):
    lines = [line.split(",") for line in path.read_text().splitlines()]
    path.write_text("".join(",".join(["extra", *reversed(line)]) + "\n" for line in lines))
    assert manifest.read(path) == (Utterance("a", text="Hi.", duration=0.1), Utterance("b"))


def test_a_byte_order_mark_is_accepted(path):
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert [row.id for row in manifest.read(path)] == ["a", "b"]


def message(path, kind=Mismatch):
    with pytest.raises(kind) as caught:
        manifest.read(path)
    return str(caught.value)


def test_a_missing_manifest_is_reported(tmp_path):
    assert message(tmp_path / "utterances.csv", NotFound) == (
        f"there is no manifest {tmp_path / 'utterances.csv'}\n  do: cli prepare CORPUS ROOT --store {tmp_path}"
    )


def test_missing_columns_are_rejected(tmp_path):
    path = tmp_path / "utterances.csv"
    path.write_text(",".join(name for name in COLUMNS if name not in ("text", "votes")) + "\n")
    assert message(path) == (
        f"{path} has missing columns\n  expected: {', '.join(COLUMNS)}\n  got: no text, votes{AGAIN}"
    )


def test_an_invalid_number_is_rejected(path):
    path.write_text(path.read_text().replace("0.1", "long"))
    assert message(path) == (
        f"{path}, line 2, column duration is not a number\n  expected: a number, or an empty cell\n  got: 'long'{AGAIN}"
    )


@pytest.mark.parametrize("row", ["c,x", "c" + "," * 17])
def test_a_row_with_more_or_fewer_cells_is_rejected(path, row):
    path.write_text(path.read_text() + row + "\n")
    assert message(path) == f"{path}, line 4 has more or fewer cells than the first{AGAIN}"


def test_duplicate_ids_are_rejected(path):
    path.write_text(path.read_text() + "a" + "," * 16 + "\n")
    assert message(path) == f"{path} has duplicate ids: a\n  expected: one row per id{AGAIN}"
    with pytest.raises(Mismatch, match="the manifest has duplicate ids: x"):
        manifest.to_csv([Utterance("x"), Utterance("x")])


def test_another_encoding_is_rejected(path):
    path.write_bytes(path.read_text().replace("Hi.", "Tüten").encode("cp1252"))
    assert message(path) == f"{path} is not UTF-8: invalid start byte at byte 127{AGAIN}"


def test_a_text_may_exceed_the_limit_of_the_csv_module(path):
    rows = (Utterance("a", text="x" * 200_000), Utterance("b"))
    assert manifest.read(written(path, *rows)) == rows


@given(st.binary())
def test_any_bytes_are_a_manifest_or_a_problem(scratch, content):
    header = ",".join(COLUMNS).encode() + b"\n"
    scratch.write_bytes(header + content)
    with suppress(Problem):
        manifest.read(scratch)


def read_by_hand(content):
    """Read a manifest with Python's csv module alone, or return None if it is not one."""
    try:
        header, *rows = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""))
        return [parse_by_hand(header, row) for row in rows if row] if set(COLUMNS) <= set(header) else None
    except ValueError:
        return None


def parse_by_hand(header, row):
    cells = dict(zip(header, row, strict=True))
    return {name: (float(cells[name]) if cells[name] else None) if name in NUMBERS else cells[name] for name in COLUMNS}


# Where two readers of CSV may differ: quotes, ends of lines, blanks, byte-order marks, numbers, bytes that are no text.
MARKS = [
    b'"',
    b'""',
    b",",
    b" ",
    b"\n",
    b"\r",
    b"\r\n",
    b"\n\n",
    b"\t",
    b"'",
    b"\\",
    b"\\n",
    b"a",
    b"true",
    b"NULL",
    b"NA",
]
BYTES = [b"\x00", b"\x1a", b"\x85", b"\xff", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\xe2\x80\xa8"]
FIGURES = [b"1_0", b"nan", b"inf", b"-inf", b"1e999", b"1e-999", b"0x10", b"+1", b" 1", b"1.", b".5", b"1,5", b"nan(1)"]
PIECES = st.sampled_from([*MARKS, *BYTES, *FIGURES, "١".encode()])
CUT = st.integers(0, 400)


@given(ROWS, st.lists(st.tuples(CUT, st.integers(0, 3), PIECES), max_size=3))
@example([Utterance("a"), Utterance("b")], [(126, 0, b'"')])
def test_a_changed_manifest_is_read_as_pythons_csv_reads_it_or_refused(scratch, rows, changes):
    content = manifest.to_csv(rows).encode()
    for place, length, piece in changes:
        place %= len(content) + 1
        content = content[:place] + piece + content[place + length :]
    check_reading(scratch, content)


@given(st.lists(st.lists(PIECES | st.just(b","), min_size=1, max_size=30), max_size=3))
def test_any_cells_are_read_as_pythons_csv_reads_them_or_refused(scratch, lines):
    content = b"".join(b"".join(line) + b"," * (16 - line.count(b",")) + b"\n" for line in lines)
    check_reading(scratch, ",".join(COLUMNS).encode() + b"\n" + content)


def check_reading(scratch, content):
    scratch.write_bytes(content)
    wanted = read_by_hand(content)
    if wanted is None or len({row["id"] for row in wanted}) < len(wanted):
        with pytest.raises(Mismatch):
            manifest.read(scratch)
    else:
        assert repr([vars(row) for row in manifest.read(scratch)]) == repr(wanted)  # nan is not equal to itself


def test_a_file_of_several_blocks_is_read(scratch):
    rows = tuple(Utterance(f"u{n}", text="wörter\n" * (n % 40), label=f"l{n % 7}", start=n / 7) for n in range(20_000))
    assert len(manifest.to_csv(rows)) > 2 << 20
    read = manifest.read(written(scratch, *rows))
    assert read.column("label") == [row.label for row in rows]
    assert read == rows
    assert read[12_345] == rows[12_345]


@pytest.fixture
def several():
    rows = tuple(Utterance(f"u{n}", text=f"t{n}", label="xy"[n % 2], start=n / 4 if n % 3 else None) for n in range(9))
    return rows, Manifest.from_rows(rows)


def test_a_manifest_is_used_as_a_tuple(several):
    rows, read = several
    assert (len(read), list(read), tuple(reversed(read))) == (9, list(rows), rows[::-1])
    assert [read == rows, rows == read, read[:0] == (), read == Manifest.from_rows(rows)] == [True] * 4
    assert [read == rows[:8], read == list(rows), read == read[1:]] == [False] * 3
    assert (read[0], read[-1], rows[3] in read, read.index(rows[4])) == (rows[0], rows[8], True, 4)
    for part in (slice(2, 5), slice(5, 2), slice(None, None, 2), slice(None, None, -1), slice(-3, None), slice(7, 99)):
        assert isinstance(read[part], Manifest)
        assert (read[part], read[part].ids) == (rows[part], tuple(row.id for row in rows[part]))
    with pytest.raises(IndexError):
        read[9]
    with pytest.raises(TypeError):
        hash(read)


def test_a_manifest_can_be_pickled(several):
    rows, read = several
    assert pickle.loads(pickle.dumps(read[2:5])) == rows[2:5]  # noqa: S301
    long = Manifest.from_rows([dataclasses.replace(rows[0], id=f"u{n}") for n in range(1000)])
    assert len(pickle.dumps(long[2:3])) < len(pickle.dumps(long)) / 2


@pytest.mark.parametrize("kind", [0, 1])
def test_columns_are_read_of_utterances_and_of_a_manifest(several, kind):
    rows = several[0]
    for name in COLUMNS:
        assert list_column(several[kind], name) == [getattr(row, name) for row in rows]
    assert map_column(several[kind], "start") == {row.id: row.start for row in rows}
    assert tuple(keep_ids(several[kind], {"u7", "u2", "u99"})) == (rows[2], rows[7])


def test_a_column_of_a_part_is_that_of_its_rows(several):
    rows, read = several
    assert read[3:7].column("label") == [row.label for row in rows[3:7]]
    assert read[::-2].column("start") == [row.start for row in rows[::-2]]
