"""How the source reads: summaries in the imperative, functions named by verbs, each class once, short files."""

import ast
import re
from collections import defaultdict

from tests.project.test_architecture import FILES, ROOT, name, parse

SOURCES = [ROOT / "cli.py", *FILES]
LONGEST = 350  # lines of a file
# The first word of a summary that describes a thing instead of saying what the function does.
NOUN = re.compile(r"(What|Which|Whether|How|Why|Where|Who|The|An?|All|Each|Every|One|Some|Its?|That|Of|No|Nothing)\b")
PARTICIPLE = re.compile(r"taken|told|said|known|found|made|kept|given|drawn|[a-z]{2,}(?<!e)ed")
# a method of Store named as the dataset, and metrics under their own names
PUBLISHED = {"trained_on", "unweighted_average_recall", "weighted_f1"}


def functions():
    """Yield the place and the node of every function that is not a property."""
    for path in SOURCES:
        for node in ast.walk(parse(path)):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                decorators = [ast.unparse(decorator) for decorator in node.decorator_list]
                if not any("property" in decorator for decorator in decorators):
                    yield f"{name(path)}:{node.lineno} {node.name}", node


def summaries():
    """Return the first paragraph of every function's docstring, by place."""
    texts = {place: ast.get_docstring(node) or "" for place, node in functions()}
    return {place: text.partition("\n\n")[0] for place, text in texts.items()}


def test_a_summary_says_what_a_function_does():
    assert not {place: summary for place, summary in summaries().items() if NOUN.match(summary)}


def test_a_summary_is_one_thought():
    assert not {place: summary for place, summary in summaries().items() if ";" in summary}


def test_a_function_is_named_by_a_verb():
    names = {place: node.name.strip("_") for place, node in functions() if node.name not in PUBLISHED}
    assert not [place for place, found in names.items() if PARTICIPLE.fullmatch(found.partition("_")[0])]


def test_a_file_is_short():
    lines = {name(path): path.read_text("utf-8").count("\n") for path in SOURCES}
    assert not {file: count for file, count in lines.items() if count > LONGEST}


def test_a_class_name_stands_once():
    places = defaultdict(list)
    for path in SOURCES:
        for node in ast.walk(parse(path)):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(name(path))
    assert not {found: files for found, files in places.items() if len(files) > 1}
