"""How the source reads: summaries in the imperative, functions named by verbs, each class once, short files."""

import ast
import re
from collections import defaultdict

import pytest

from tests.project.test_architecture import FILES, ROOT, name

SOURCES = [ROOT / "cli.py", *FILES]
LONGEST = 350  # lines of a file
# The first word of a summary that describes a thing instead of saying what the function does.
NOUN = re.compile(r"(What|Which|Whether|How|Why|Where|Who|The|An?|All|Each|Every|One|Some|Its?|That|Of|No|Nothing)\b")
PARTICIPLE = re.compile(r"taken|told|said|known|found|made|kept|given|drawn|[a-z]{2,}(?<!e)ed")
# a method of Store, named as the dataset, and the names of metrics
PUBLISHED = {"trained_on", "unweighted_average_recall", "weighted_f1"}


def functions(path):
    """Yield every function of a file that is not a property."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            decorators = [ast.unparse(decorator) for decorator in node.decorator_list]
            if not any("property" in decorator for decorator in decorators):
                yield node


def summaries(path):
    """Yield the place and the first paragraph of every function's docstring."""
    for node in functions(path):
        if text := ast.get_docstring(node):
            yield f"{name(path)}:{node.lineno} {node.name}: {text.partition(chr(10) + chr(10))[0]}"


def summary_of(place):
    return place.partition(": ")[2]


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_a_summary_says_what_a_function_does(path):
    assert not [place for place in summaries(path) if NOUN.match(summary_of(place))]


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_a_summary_is_one_thought(path):
    assert not [place for place in summaries(path) if ";" in summary_of(place)]


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_a_function_is_named_by_a_verb(path):
    names = {node.name.strip("_") for node in functions(path)} - PUBLISHED
    assert not [found for found in names if PARTICIPLE.fullmatch(found.partition("_")[0])]


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_a_file_is_short(path):
    assert path.read_text("utf-8").count("\n") <= LONGEST


def test_a_class_name_stands_once():
    places = defaultdict(list)
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(name(path))
    assert not {found: files for found, files in places.items() if len(files) > 1}
