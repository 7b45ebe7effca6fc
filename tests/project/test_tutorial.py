"""The tutorial's commands are run exactly as they stand in the page."""

import re
import subprocess
import sys

from click.testing import CliRunner

import cli
from tests.support.pages import ROOT, read_blocks, split_line

PAGE = (ROOT / "docs" / "tutorial.md").read_text("utf-8")
QUICK = PAGE.partition("## With networks")[0]


def test_the_tutorial(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FEATURESTORE", raising=False)
    printed = ""
    for block in read_blocks(QUICK):
        if block.language == "python":
            (tmp_path / block.title).write_text(block.text, "utf-8")
        elif block.language == "sh":
            printed = "\n".join(run(line) for line in block.lines)
        else:
            for line in block.lines:
                assert without_numbers(line) in without_numbers(printed)
    assert (tmp_path / "results" / "report.html").is_file()
    assert (tmp_path / "paper" / "report.html").is_file()


def run(line):
    """Run one line and return what it prints."""
    program, *arguments = split_line(line)
    if program == "python":
        return subprocess.run([sys.executable, *arguments], check=True, capture_output=True, text=True).stdout
    assert program == "cli"
    done = CliRunner().invoke(cli.main, arguments)
    assert done.exit_code == 0, f"{line}\n{done.output}"
    return done.output


def without_numbers(text):
    return re.sub(r"\s+", " ", re.sub(r"\d+(\.\d+)?", "#", text)).strip()
