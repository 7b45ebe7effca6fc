"""Run the contract tests of a module on a plug-in that a test writes."""

import gc
import inspect
import itertools
import os
import sys

import pytest

from featurestore import plugins


def add_plugin(monkeypatch, path):
    """Give a plug-in file to this process for one test, and return its name in the registry."""
    monkeypatch.setenv(plugins.VARIABLE, str(path))
    return path.stem.replace("_", "-")


def run_contract(tests, subject, name, **fixtures):
    """Run every contract test of a module on one subject, with all values of its other parameters.

    Args:
        tests: the module.
        subject: the parameter that takes a name from the registry, for example `protocol`.
        name: its value.
        fixtures: functions that make the values of other parameters, called once per test.

    Returns:
        The names of the tests that were run.
    """
    run = []
    for test, function in vars(tests).items():
        takes = inspect.signature(function).parameters if test.startswith("test_") else ()
        if subject not in takes:
            continue
        for values in _cases(function, subject):
            given = {one: fixtures[one] for one in takes if one in fixtures}
            function(**{subject: name}, **values, **{one: made() for one, made in given.items()})
        run.append(test)
    return run


def run_session(words, root, files, output):
    """Run pytest in a process that was forked for it, and exit with its code.

    Args:
        words: pytest's arguments.
        root: the folder of the project.
        files: plug-ins of the session, as in `$EMOFUSE_PLUGINS`.
        output: file that takes what pytest writes.
    """
    with open(output, "wb") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    os.chdir(root)
    os.environ[plugins.VARIABLE] = files
    gc.unfreeze()  # hypothesis looks for what refers to its objects
    # the server has imported modules whose asserts pytest would rewrite
    sys.exit(pytest.main(["-W", "ignore::pytest.PytestAssertRewriteWarning", *words]))


def _cases(function, subject):
    """Return every combination of the values that a test is parametrized by, except those of its subject."""
    marks = [mark for mark in getattr(function, "pytestmark", []) if mark.name == "parametrize"]
    marks = [mark for mark in marks if mark.args[0] != subject]
    names = [mark.args[0] for mark in marks]
    return [dict(zip(names, values, strict=True)) for values in itertools.product(*(mark.args[1] for mark in marks))]
