import pytest

from featurestore.errors import Mismatch, NotFound
from featurestore.storage.json_files import find_object, read_object


def test_an_object_is_read(tmp_path):
    path = tmp_path / "a.json"
    path.write_text('{"name": "Tüten"}', "utf-8")
    assert read_object(path) == find_object(path) == {"name": "Tüten"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is damaged: Expecting value: .*\n  expected: a JSON object\n  do: try again"),
        (b"{", "is damaged: Expecting property name .*\n  expected: a JSON object\n  do: try again"),
        (b'{"a": "\xff"}', "is damaged: 'utf-8' codec .*\n  expected: a JSON object\n  do: try again"),
        (b"[" * 100_000, "is damaged: .*\n  expected: a JSON object\n  do: try again"),
        (b"[]", "is damaged\n  expected: a JSON object\n  got: list\n  do: try again"),
    ],
    ids=["empty", "truncated", "not UTF-8", "nested", "list"],
)
def test_a_damaged_file_is_reported(tmp_path, content, message):
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(Mismatch, match=message):
        read_object(path, do="try again")
    assert find_object(path) is None


def test_a_missing_file_is_reported(tmp_path):
    with pytest.raises(NotFound, match=r"there is no .*a\.json\n  do: try again"):
        read_object(tmp_path / "a.json", do="try again")
    assert find_object(tmp_path / "a.json") is None
    assert find_object(tmp_path) is None
