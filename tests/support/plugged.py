"""List a module from anywhere in the registry, as a plug-in does."""

import importlib.util
import inspect
import itertools
import sys

from featurestore import registry


def plug_in(monkeypatch, kind, path):
    """Make the registry list and load the module at `path`, and return its name."""
    name = path.stem.replace("_", "-")
    spec = importlib.util.spec_from_file_location(f"plugged_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    names, load, summary = registry.names, registry.module, registry.summary
    own = (kind, name)
    monkeypatch.setattr(registry, "names", lambda asked: sorted([*names(asked), *([name] if asked == kind else [])]))
    monkeypatch.setattr(registry, "module", lambda *asked: module if asked == own else load(*asked))
    monkeypatch.setattr(
        registry, "summary", lambda *asked: module.__doc__.partition("\n")[0] if asked == own else summary(*asked)
    )
    return name


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


def _cases(function, subject):
    """Return every combination of the values that a test is parametrized by, except those of its subject."""
    marks = [mark for mark in getattr(function, "pytestmark", []) if mark.name == "parametrize"]
    marks = [mark for mark in marks if mark.args[0] != subject]
    names = [mark.args[0] for mark in marks]
    return [dict(zip(names, values, strict=True)) for values in itertools.product(*(mark.args[1] for mark in marks))]
