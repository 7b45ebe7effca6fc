"""Read the pages of the documentation: their blocks of code, and the commands in them."""

import importlib.util
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

import click

import cli

ROOT = Path(__file__).parents[2]
TOP = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]
PAGES = [*TOP, *sorted((ROOT / "docs").rglob("*.md"))]
_FENCE = re.compile(r"^```(\w*)(?: title=\"([^\"\n]+)\")?\n(.*?)^```$", re.M | re.S)


@dataclass(frozen=True)
class Block:
    """One block of code in a page: its language, its title, its text."""

    language: str
    title: str
    text: str

    @property
    def lines(self):
        """The lines to type; a line that ends in a backslash goes on in the next."""
        return [line for line in self.text.replace("\\\n", " ").splitlines() if line.strip()]


def name(path):
    return path.relative_to(ROOT).as_posix()


def read_blocks(text):
    return [Block(*found) for found in _FENCE.findall(text)]


def split_line(line):
    """Split a line as a shell does; comments and variables in front of the command are left out."""
    words = shlex.split(line, comments=True)
    while words and re.match(r"[A-Z_]+=", words[0]):
        words = words[1:]
    return words


def find_commands():
    """Map each command's name to the command."""
    context = click.Context(cli.main)
    return {name: cli.main.get_command(context, name) for name in cli.main.list_commands(context)}


def load_generators():
    """Import what writes the generated parts of the pages, by name."""
    spec = importlib.util.spec_from_file_location("generated", ROOT / "docs" / "generated.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.GENERATORS
