"""Provide benchmarks on disk and their reports for the tests of this folder."""

from dataclasses import replace

import pytest

from benchmarks.grid import results
from benchmarks.report.analysis.report_content import build_content
from benchmarks.report.write_report import make_report
from tests.support.fake_results import SEVERAL, Drawn, written

HOSTILE = "<script>alert(1)</script> `[x](y)` | & \\input{z} $1"


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return written(tmp_path_factory.mktemp("report"), texts=dict.fromkeys(range(0, 120, 2), HOSTILE))


@pytest.fixture(scope="session")
def read(folder):
    return results.read(folder)


@pytest.fixture(scope="session")
def found(read):
    return build_content(read)


@pytest.fixture(scope="session")
def report(folder):
    make_report(folder, folder / "out" / "report.html")
    return folder / "out"


@pytest.fixture(scope="session")
def leaky(tmp_path_factory):
    """Build the content of a benchmark where text leaks and audio does not."""
    layers = [Drawn("svm", f"text.layers[{number}]", (f"text.layers[{number}]",)) for number in (0, 2)]
    drawn = [
        replace(one, leak="" if one.feature_set == "audio" else "tuned on 30 of them") for one in (*SEVERAL, *layers)
    ]
    return build_content(results.read(written(tmp_path_factory.mktemp("leaky"), drawn)))
