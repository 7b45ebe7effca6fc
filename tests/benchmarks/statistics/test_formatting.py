"""The same value gives the same text in every output."""

import math
import re
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.fitting import result
from benchmarks.report.analysis import verdict
from benchmarks.report.analysis.report_content import round_floats
from benchmarks.report.analysis.summary_notes import SHOWN
from benchmarks.report.render import exports, html_page, summary_markdown
from benchmarks.statistics.formatting import format_ends, format_interval, format_percent, format_points
from benchmarks.statistics.intervals import Interval
from benchmarks.statistics.metrics import METRIC

SOURCES = sorted((Path(__file__).parents[3] / "benchmarks").rglob("*.py"))
shares = st.one_of(
    st.floats(0, 1),
    st.builds(lambda right, n: min(right, n) / n, st.integers(0, 3000), st.integers(1, 3000)),
    st.integers(0, 2000).map(lambda half: half / 2000),  # 0.05 points: where rounding goes one way or the other
)


def by_hand(value, digits=6):
    """Round the percentage half up to one decimal, from six significant digits, with integers."""
    if value == 0:
        return "0.0"
    whole = Fraction(f"{value:.{digits - 1}e}")
    tenths = math.floor(1000 * whole + Fraction(1, 2))
    return f"{tenths // 10}.{tenths % 10}"


@given(shares)
def test_a_share_is_rounded_from_six_digits_half_up(value):
    assert format_percent(value) == by_hand(value)
    assert format_points(value) in (f"+{by_hand(value)}", "0.0")
    assert format_points(-value) in (f"−{by_hand(value)}", "0.0")


@given(shares)
def test_a_value_that_was_rounded_before_gives_the_same_text(value):
    assert format_percent(round_floats(value)) == format_percent(value)


@pytest.mark.parametrize("value", [0.0475, 19 / 400, 0.019 + 0.0285, 0.04749999999999999, 0.04750000000000001])
def test_a_value_that_was_summed_in_another_order_gives_the_same_text(value):
    assert format_percent(value) == "4.8"


@given(shares, shares, shares)
def test_every_output_writes_the_same_text(value, low, high):
    """Check fit-head's table, the report in Markdown, LaTeX and HTML, and the sentence, before and after rounding."""
    one = {"value": value, "low": low, "high": high}
    text = f"{format_percent(value)} [{format_percent(low)}, {format_percent(high)}]"
    for found in (one, round_floats(one)):
        assert format_interval(**found) == text
        metrics = {name: {**found, "n": 9, "sd_of_folds": value, "sd_of_seeds": value} for name in SHOWN}
        row = {"group": "a", "system": "s", "leak": "", "metrics": metrics, "fit_seconds": 0, "predict_microseconds": 0}
        assert summary_markdown.format_system(row)[2:8] == [text] * 4 + [format_percent(value)] * 2
        table = {"leaderboard": [row], "published": [], "sentence": "", "interval": "", "metric": METRIC}
        assert exports.format_latex(table).count(text) == 3
        page = html_page.FILTERS
        assert f"{page['percent'](found['value'])} {page['ends'](found)}" == text
        about = {
            "corpus": "c",
            "classes": [],
            "protocol": "p",
            "folds": 1,
            "n": 9,
            "pairs": [],
            "few": "",
            "metric": METRIC,
        }
        sentence = verdict.write_sentence(about | {"leaderboard": [row | {"head": "h", "feature_set": "f"}]})
        assert f"{format_percent(value)} % [{format_percent(low)}, {format_percent(high)}]" in sentence
        metrics = {name: {**found, "minus_system": value} for name in SHOWN}
        cells = summary_markdown.format_control({"leak": "", "metrics": metrics, "control": "c", "train": 1})
        assert cells[2:] == [text, text, format_points(value)]
    fold = SimpleNamespace(name="f", train=1, test=1, classes=2, leak="", metrics={"m": Interval(value, low, high, 1)})
    assert result._cells(fold)[-1] == text


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(SOURCES[0].parents[1]).as_posix())
def test_nothing_else_formats_a_percentage_or_an_interval(path):
    source = path.read_text("utf-8")
    assert not re.findall(r"\{100 \* [^{}]*:\+?\.1f\}", source)
    assert path.name == "formatting.py" or not re.findall(r"\{[^{}]*low[^{}]*\}(?:,| to) \{[^{}]*high[^{}]*\}", source)


@given(shares, shares, shares)
def test_the_interval_of_a_difference_has_a_sign_on_each_number(value, low, high):
    text = f"{format_points(value)} [{format_points(low)}, {format_points(high)}]"
    assert format_interval(value, low, high, difference=True) == text
    assert text.endswith(format_ends(low, high, difference=True))
