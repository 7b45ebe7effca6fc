"""What README and the documentation name exists, and what exists is in the documentation."""

import ast
import configparser
import importlib
import re

import click
import pytest
import yaml

import cli
from benchmarks.speed.__main__ import names
from featurestore import labels, registry
from tests.support.pages import PAGES, ROOT, TOP, find_commands, load_generators, name, read_blocks, split_line

COMMANDS = find_commands()
TEXTS = {name(path): path.read_text("utf-8") for path in PAGES}
BLOCKS = [(page, block) for page, text in TEXTS.items() for block in read_blocks(text)]
HELP = "\n".join(re.sub("Examples?: ", "\n", command.help) for command in COMMANDS.values()).replace("\\\n", " ")
OPTIONS = {
    command: {
        option
        for parameter in found.params
        if isinstance(parameter, click.Option)
        for option in parameter.opts + parameter.secondary_opts
    }
    for command, found in {**COMMANDS, "": cli.main}.items()
}
HIDDEN = {
    command: {option for parameter in found.params if getattr(parameter, "hidden", False) for option in parameter.opts}
    for command, found in COMMANDS.items()
}
PLACEHOLDERS = {"VERB", "…"}


def lines_to_type():
    """Return every line in pages and help that is a command of this project."""
    shown = [line for _, block in BLOCKS if block.language == "sh" for line in block.lines]
    return sorted({line.strip() for line in [*shown, *HELP.splitlines()] if split_line_or_none(line)})


def split_line_or_none(line):
    try:
        words = split_line(line)
    except ValueError:  # prose with an apostrophe
        return None
    return words if words[:1] == ["cli"] and len(words) > 1 else None


def mentions():
    """Return every `cli …` in running text."""
    return sorted({found for text in TEXTS.values() for found in re.findall(r"`(cli [^`\n]+)`", text)})


@pytest.fixture
def any_path(monkeypatch):
    """Accept paths that do not exist."""
    monkeypatch.setattr(click.Path, "convert", lambda self, value, param, ctx: value)


@pytest.mark.parametrize("line", lines_to_type())
def test_a_line_to_type_is_a_command_with_its_options_and_values(line, any_path, monkeypatch):
    monkeypatch.delenv("FEATURESTORE", raising=False)
    context = click.Context(cli.main, info_name="cli")
    _, words, _ = cli.main.make_parser(context).parse_args(split_line(line)[1:])
    command = COMMANDS[words[0]]
    asked = command.make_context(words[0], words[1:], parent=context).params
    assert not HIDDEN[words[0]] & set(words), "an old spelling"
    plugins = "--plugin" in line
    for head in filter(None, (asked.get("heads") or asked.get("head") or "").split(",")):
        assert plugins or "." in head or head in registry.names("regressors" if asked.get("target") else "heads")
    if asked.get("protocol") and not plugins:
        assert asked["protocol"] in registry.names("protocols")


@pytest.mark.parametrize("mention", mentions())
def test_a_command_in_running_text_exists_with_its_options(mention):
    words = mention.split()[1:]
    command = next((word for word in words if word in COMMANDS), "")
    assert command or words[0].startswith("--") or PLACEHOLDERS & set(words)
    options = {word.partition("=")[0] for word in words if word.startswith("--")}
    assert options <= OPTIONS[command] | OPTIONS[""] | {"--help"}
    assert not options & HIDDEN.get(command, set())


def test_there_are_lines_to_check():
    assert len(lines_to_type()) > 60
    assert len(mentions()) > 20


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_in_the_readme_and_has_help_with_an_example(command):
    tour = [line for block in read_blocks(TEXTS["README.md"]) for line in block.lines if block.language == "sh"]
    assert any(split_line(line)[:2] == ["cli", command] for line in tour)
    assert re.search(rf"Examples?: cli {command}\b", COMMANDS[command].help)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_has_help(command):
    for parameter in COMMANDS[command].params:
        hidden = getattr(parameter, "hidden", False)
        assert hidden or isinstance(parameter, click.Argument) or parameter.help, parameter.name


def test_the_readme_is_short():
    assert len(TEXTS["README.md"].splitlines()) <= 140


@pytest.mark.parametrize("page", TEXTS)
def test_paths_that_a_page_names_exist(page):
    for path in re.findall(r"`((?:featurestore|heads|benchmarks|tests|docs)/[\w/.-]+)`", TEXTS[page]):
        assert "NAME" in path or (ROOT / path).exists(), path


@pytest.mark.parametrize("path", TOP, ids=name)
def test_links_from_the_top_of_the_project_lead_somewhere(path):
    for target, anchor in re.findall(r"\]\(([\w./-]+)(?:#([\w-]+))?\)", path.read_text("utf-8")):
        assert (ROOT / target).exists(), target
        assert not anchor or anchor in headings((ROOT / target).read_text("utf-8")), f"{target}#{anchor}"


def headings(text):
    found = re.findall(r"^#+ (.+)$", text, re.M)
    return {re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-") for heading in found}


@pytest.mark.parametrize("page", TEXTS)
def test_targets_of_make_that_a_page_names_exist(page):
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.M))
    assert set(re.findall(r"(?:^|`)make ([a-z]+)\b", TEXTS[page], re.M)) <= targets


@pytest.mark.parametrize("page", TEXTS)
def test_measurements_that_a_page_names_exist(page):
    assert set(re.findall(r"\bmodule `(\w+)`", TEXTS[page])) <= set(names())


@pytest.mark.parametrize(
    "text", [pytest.param(block.text, id=page) for page, block in BLOCKS if block.language == "python"]
)
def test_python_in_a_page_is_python_and_imports_what_exists(text):
    if "8<" in text.replace(" ", ""):
        return  # an include, tested below
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom):
            module = importlib.import_module(node.module)
            assert all(hasattr(module, alias.name) for alias in node.names)


@pytest.mark.parametrize("page", [page for page, text in TEXTS.items() if re.search(r"-*8 *<", text)])
def test_every_include_is_spelled_as_one_and_its_file_exists(page):
    """Between two bare lines, since a formatter that takes the one-line form for Python rewrites it."""
    lines = TEXTS[page].splitlines()
    marks = [number for number, line in enumerate(lines) if re.search(r"-*8 *<", line)]
    assert {lines[number] for number in marks} == {"--8<--"}
    for start, end in zip(marks[::2], marks[1::2], strict=True):
        assert all((ROOT / path).is_file() for path in lines[start + 1 : end]), page
        assert end > start + 1


@pytest.mark.parametrize("package", ["featurestore", "benchmarks"])
def test_every_room_is_in_the_design(package):
    row = next(line for line in TEXTS["docs/design.md"].splitlines() if line.startswith(f"| `{package}/`"))
    rooms = {path.parent.name for path in (ROOT / package).glob("*/__init__.py")}
    assert set(re.findall(r"`(\w+)`", row)) == rooms


def test_everything_that_is_generated_stands_in_a_page():
    used = re.findall(r"^\{\{ (\w+) \}\}$", "\n".join(TEXTS.values()), re.M)
    assert sorted(used) == sorted(load_generators())


@pytest.mark.parametrize("kind", [*registry.PACKAGES, "labels"])
def test_everything_of_a_kind_is_listed(kind):
    names = labels.list_schemes() if kind == "labels" else registry.names(kind)
    page = load_generators()[kind]()
    assert all(f"| `{name}` |" in page for name in names)


def test_the_table_of_heads_says_what_each_takes_and_where_it_comes_from():
    rows = [line.split(" | ") for line in load_generators()["heads"]().splitlines()[2:]]
    cells = {row[0].strip("| `"): (row[1], row[3].strip(" |")) for row in rows}
    assert cells["bc-lstm"][0] == "blocks, dialogue"
    assert cells["layers"][1].startswith("Yang et al. 2021, *SUPERB: Speech")
    assert [head for head, (_, source) in cells.items() if not source] == ["prior"]


def test_every_command_and_every_option_is_in_the_reference():
    sections = re.split(r"^## cli ", load_generators()["commands"](), flags=re.M)[1:]
    assert [section.split("\n")[0] for section in sections] == list(COMMANDS)
    for section, command in zip(sections, COMMANDS, strict=True):
        for option in OPTIONS[command]:
            assert (f"`{option}" in section or f"/ {option}" in section) != (option in HIDDEN[command]), option


def test_every_renamed_option_is_in_the_changelog():
    for old in set().union(*HIDDEN.values()):
        assert f"`{old}`" in TEXTS["CHANGELOG.md"]


def test_the_citation_is_of_this_version():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", "utf-8")
    version = setup["metadata"]["version"]
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))["version"] == version
    assert re.search(rf"^## .*{re.escape(version)}", TEXTS["CHANGELOG.md"], re.M)


def test_the_site_loads_nothing_from_elsewhere():
    config = (ROOT / "mkdocs.yml").read_text("utf-8")
    assert "font: false" in config
    assert "http" not in config
