"""What README and help say is there, and what is there is said."""

import re
import shlex
from pathlib import Path

import click
import pytest

import cli

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
CONTEXT = click.Context(cli.main)
COMMANDS = {name: cli.main.get_command(CONTEXT, name) for name in cli.main.list_commands(CONTEXT)}
HELP = "\n".join(command.help for command in COMMANDS.values())


def lines():
    """Every line of README and help that is a command to type."""
    text = (README + HELP).replace("\\\n", " ")
    return sorted({line.strip() for line in re.findall(r"^\s*(?:Examples?: )?(cli [a-z-]+ ?[^`|\n]*)$", text, re.M)})


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_in_the_readme_and_has_help_with_an_example(name):
    assert f"`cli {name}`" in README
    assert re.search(rf"Examples?: cli {name}\b", COMMANDS[name].help)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_has_help(name):
    for parameter in COMMANDS[name].params:
        assert isinstance(parameter, click.Argument) or parameter.help, parameter.name


@pytest.mark.parametrize("line", lines())
def test_every_line_to_type_is_a_command_with_options_that_exist(line):
    words = shlex.split(line.partition("  #")[0])
    command = COMMANDS[words[1]]
    known = {option for parameter in command.params for option in parameter.opts + parameter.secondary_opts}
    for word in words[2:]:
        if word.startswith("--"):
            assert word.partition("=")[0] in known | {"--help"}


def test_there_are_lines_to_check():
    assert len(lines()) > 15


@pytest.mark.parametrize("target", ["demo", "test"])
def test_make_targets_of_the_readme_exist(target):
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text("utf-8"), re.M)


def test_paths_of_the_readme_exist():
    for path in re.findall(r"`((?:featurestore|heads|benchmarks|tests|docs)/[\w/.-]+)`", README):
        assert "NAME" in path or (ROOT / path).exists(), path
