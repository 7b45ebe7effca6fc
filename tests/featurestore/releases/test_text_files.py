import codecs

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from featurestore.corpora import iemocap, table
from featurestore.releases.text_decoding import decode_text
from tests.support import iemocap_release as release

TURN = "Ses01F_impro01_F000 [006.2901-008.2357]: Café – “déjà vu”.\n"
MARKS = {
    "utf-8": codecs.BOM_UTF8,
    "utf-16-le": codecs.BOM_UTF16_LE,
    "utf-16-be": codecs.BOM_UTF16_BE,
    "utf-32-le": codecs.BOM_UTF32_LE,
    "utf-32-be": codecs.BOM_UTF32_BE,
}


def read(tmp_path, content):
    (tmp_path / "x.txt").write_bytes(content)
    return decode_text(tmp_path / "x.txt")


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", MARKS)
def test_a_byte_order_mark_is_never_part_of_the_text(tmp_path, encoding, newline):
    content = MARKS[encoding] + TURN.replace("\n", newline).encode(encoding)
    assert read(tmp_path, content) == (TURN, encoding)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be"])
def test_a_file_without_a_mark_is_decoded_by_its_content(tmp_path, encoding):
    assert read(tmp_path, TURN.encode(encoding)) == (TURN, encoding)


@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
def test_a_mark_of_utf_8_before_cp1252(tmp_path, mark):
    assert read(tmp_path, mark + TURN.encode("cp1252")) == (TURN, "cp1252")


@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
def test_a_file_in_both_encodings_keeps_all_letters(tmp_path, mark):
    content = mark + TURN.encode() * 3 + TURN.replace("“déjà vu”", "vue").encode("cp1252")
    assert read(tmp_path, content) == (TURN * 3 + TURN.replace("“déjà vu”", "vue"), "cp1252")


def test_letters_of_cp1252_that_are_valid_utf_8_stay(tmp_path):
    text = "Spaß… Fuß” Gruß, Grüße, schön\n"  # ß… is DF 85, a letter of UTF-8
    assert read(tmp_path, text.encode("cp1252")) == (text, "cp1252")


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=60))
def test_any_bytes_decode(tmp_path, content):
    text, _ = read(tmp_path, content)
    assert "\r" not in text
    assert not text.startswith("\ufeff")


@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "utf-16-le"])
def test_a_release_keeps_the_words_of_every_first_turn(tmp_path, encoding, mark):
    root = release.small(tmp_path / "release")
    before = [row.text for row in iemocap.utterances(root).utterances]
    marks = {"utf-8": mark, "cp1252": mark, "utf-16-le": codecs.BOM_UTF16_LE}
    for path in root.glob("Session*/dialog/*/[!.]*.txt"):
        text, _ = decode_text(path)
        path.write_bytes(marks[encoding] + text.encode(encoding))
    assert [row.text for row in iemocap.utterances(root).utterances] == before
    assert any(text and not text.isascii() for text in before)


@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
def test_a_table_with_a_mark_and_cp1252_keeps_its_first_column(tmp_path, mark):
    (tmp_path / "t.csv").write_bytes(mark + "text,label\nCafé,froh\n".encode("cp1252"))
    (row,) = table.utterances(tmp_path / "t.csv").utterances
    assert (row.text, row.label) == ("Café", "froh")
