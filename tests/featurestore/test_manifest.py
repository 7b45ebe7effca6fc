import dataclasses
import hashlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from featurestore import manifest
from featurestore.errors import Mismatch, NotFound, Problem
from featurestore.manifest import COLUMNS, NUMBERS, Utterance
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
