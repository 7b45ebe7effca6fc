"""A plug-in that is broken is named with its fault, without a traceback."""

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import cli
from benchmarks.checks import NOT_APPLICABLE, _run_check
from benchmarks.evaluation.head_settings import default_params
from benchmarks.evaluation.run import fit, predict_proba
from benchmarks.grid.config import BenchmarkConfig
from featurestore import plugins, registry
from featurestore.errors import BadValue, Unavailable
from tests.support.quick_heads import as_inputs

HEAD = '''"""A head."""
from heads.prior import PriorHead

__all__ = ["Mine"]
KIND = "heads"


class Mine(PriorHead):
    {body}
    TAKES = frozenset()
'''
X, Y = np.array([[0.0], [1.0]]), ["a", "b"]


@pytest.fixture
def add(monkeypatch, tmp_path):
    """Return a function that adds a plug-in to this process for one test."""
    monkeypatch.setenv(plugins.VARIABLE, "")
    monkeypatch.chdir(tmp_path)
    for name in [name for name in plugins.sys.modules if name.startswith("emofuse_plugins")]:
        monkeypatch.delitem(plugins.sys.modules, name)

    def write(name, text):
        Path(name).write_text(text)
        registry.add_plugins([name])
        return f"plug-in {Path(name).resolve()}"

    return write


def test_an_error_in_fit_is_named_with_its_line(add):
    origin = add("one.py", HEAD.format(body="def _fit(self, X, codes): self.no_such"))
    with pytest.raises(Unavailable) as caught:
        fit("one", registry.load("heads", "one")(), as_inputs(X), Y)
    assert str(caught.value) == (
        f"{origin} failed in fit: AttributeError: 'Mine' object has no attribute 'no_such' (line 9)\n"
        "  do: correct the plug-in, then run the same command again"
    )


def test_a_value_that_a_plugin_refuses_is_not_a_fault_of_its_own(add):
    add("two.py", HEAD.format(body="def _fit(self, X, codes): raise ValueError('C must be above 0')"))
    with pytest.raises(BadValue, match="head two: C must be above 0\n  do: give another value by --param"):
        fit("two", registry.load("heads", "two")(), as_inputs(X), Y)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (
            "return X[:, :1]",
            "predict_proba returned shape (2, 1) of float64\n  expected: shape (2, 2), rows summing to 1",
        ),
        ("return X.astype(int).repeat(2, 1)", "predict_proba returned shape (2, 2) of int64"),
        (
            "return X.repeat(2, 1) + 1",
            "predict_proba returned no probabilities\n  expected: shape (2, 2), rows summing",
        ),
        ("return X.repeat(2, 1) * float('nan')", "predict_proba returned no probabilities"),
        ("1 / 0", "failed in predict_proba: ZeroDivisionError: division by zero (line 9)"),
    ],
)
def test_predictions_that_are_no_probabilities_are_refused(add, body, said):
    origin = add("three.py", HEAD.format(body=f"def _predict_proba(self, X): {body}"))
    head = registry.load("heads", "three")().fit(X, Y)
    with pytest.raises(Unavailable) as caught:
        predict_proba("three", head, as_inputs(X))
    assert str(caught.value).startswith(f"{origin}{':' if 'returned' in said else ''} {said}")


def test_a_constructor_that_fails_is_named(add):
    add("four.py", HEAD.format(body="def __init__(self): 1 / 0"))
    with pytest.raises(Unavailable, match="four.py failed in its constructor: ZeroDivisionError"):
        default_params("four")


def test_a_check_that_fails_is_named(add):
    add("five.py", '"""A check."""\n__all__ = ["check"]\nKIND = "checks"\ndef check(evaluation): return evaluation.x')
    found = _run_check("five", registry.module("checks", "five"), None)
    assert found.message.startswith("the check itself fails with AttributeError")
    assert found.outcome == NOT_APPLICABLE


@pytest.mark.parametrize(
    ("words", "close"), [(["lst"], "Did you mean list?"), (["list", "head"], "did you mean heads?")]
)
def test_a_misspelled_command_and_kind_lead_to_the_closest(words, close):
    done = CliRunner().invoke(cli.main, words)
    assert done.exit_code == 2
    assert close in done.stderr


def test_the_command_of_a_benchmark_names_its_plugin(add):
    add("nine.py", HEAD.format(body="pass"))
    said = BenchmarkConfig.parse(("prior", "nine")).command(Path("store"), Path("out"))
    assert said == "cli benchmark --plugin nine.py --store store --heads prior,nine --out out"


@pytest.mark.parametrize("more", [[], ["--settings"]])
def test_the_list_names_and_leaves_out_what_cannot_be_used(add, more):
    add("good.py", HEAD.format(body="pass"))
    broken = [
        add("six.py", '"""Broken."""\nKIND = "heads"\nimport no_such_module\n'),
        add("seven.py", '"""No head."""\nKIND = "heads"\n__all__ = ["A"]\nclass A: ...\n'),
        add("unloadable.py", HEAD.format(body="def __init__(self): 1 / 0")),
    ]
    done = CliRunner().invoke(cli.main, ["list", "heads", *more])
    assert done.exit_code == 0
    assert "good" in done.stdout
    for origin in broken:
        assert origin in done.stderr
        assert Path(origin).stem not in done.stdout


def test_something_else_than_a_card_is_named(add):
    origin = add("eight.py", '"""Cards."""\nKIND = "checkpoints"\nCARDS = ("nobody/model",)\n')
    told = CliRunner().invoke(cli.main, ["list", "checkpoints"])
    assert told.exit_code == 1
    assert f"{origin} cannot be used: its CARDS are not all cards\n" in told.output
    assert "  got: str\n" in told.output
