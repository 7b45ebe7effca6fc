"""What a head takes is read from its source as its class says it."""

from pathlib import Path

import pytest

import heads
from heads import list_heads, load_head, name_taken, read_taken

FOLDER = Path(heads.__file__).parent


@pytest.mark.parametrize("head", list_heads())
def test_the_source_of_a_head_says_what_its_class_takes(head):
    assert read_taken(FOLDER / f"{head.replace('-', '_')}.py") == name_taken(load_head(head))


def test_a_classifier_of_another_library_takes_a_vector():
    assert name_taken(load_head("sklearn.tree.DecisionTreeClassifier")) == ["vector"]


def test_base_classes_in_the_same_file_and_literal_texts_are_read(tmp_path):
    (tmp_path / "_base.py").write_text("class Far(Head):\n    TAKES: ClassVar = frozenset({WORDS, 'blocks'})\n")
    (tmp_path / "mine.py").write_text(
        "from heads._base import Far\n__all__ = ['Mine']\nclass Near(Far):\n    KIND: ClassVar[str] = 'frames'\n"
        "class Mine(Near):\n    size: int = 3\n"
    )
    assert read_taken(tmp_path / "mine.py") == ["blocks", "frames", "words"]
