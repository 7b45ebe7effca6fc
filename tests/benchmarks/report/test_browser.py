"""The report's page works and is readable in Chromium, from disk and without a network."""

import json
import shutil
from itertools import pairwise

import pytest

from benchmarks.grid import results
from benchmarks.report.analysis.report_content import build_content
from benchmarks.report.render.html_page import render_page
from tests.support.fake_results import written

DRIVER, BROWSER = shutil.which("chromedriver"), shutil.which("chromium") or shutil.which("google-chrome")
HOSTILE = "<script>document.title = 'owned'</script><img src=x onerror=\"document.title = 'owned'\">"
FLAGS = (
    *("headless=new", "no-sandbox", "disable-gpu", "disable-dev-shm-usage", "no-first-run", "disable-sync"),
    *("disable-background-networking", "disable-component-update", "disable-default-apps", "disable-extensions"),
    "host-resolver-rules=MAP * ~NOTFOUND",
)
WIDTHS = (400, 1400)

pytestmark = pytest.mark.skipif(
    not (DRIVER and BROWSER), reason="needs chromium and chromedriver: apt-get install chromium chromium-driver"
)


@pytest.fixture(scope="module")
def page(tmp_path_factory, report):
    """Write a page of hostile transcripts. No figure shows one: they are those of the report without."""
    folder = written(tmp_path_factory.mktemp("page"), texts=dict.fromkeys(range(0, 120, 2), HOSTILE))
    drawn = {path.stem: path.read_text("utf-8").rstrip("\n") for path in sorted((report / "figures").glob("*.svg"))}
    page = folder / "report.html"
    page.write_text(render_page(build_content(results.read(folder)), drawn), "utf-8")
    return page


@pytest.fixture(scope="module")
def browser(page):
    webdriver = pytest.importorskip("selenium.webdriver")
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    for flag in FLAGS:
        options.add_argument(f"--{flag}")
    driver = webdriver.Chrome(options, webdriver.ChromeService(DRIVER))
    yield driver
    driver.quit()


@pytest.fixture
def opened(browser, page):
    """Load the page again, at 1,400 px in light mode, and wait for its script."""
    browser.get("about:blank")  # else the next query may still see the previous page
    size(browser, 1400)
    scheme(browser, "light")
    browser.get_log("performance")
    browser.get_log("browser")
    browser.get(page.as_uri())
    support = pytest.importorskip("selenium.webdriver.support.ui")
    support.WebDriverWait(browser, 300).until(lambda _: browser.find_elements("css selector", "th button"))
    return browser


def size(browser, width):
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


def scheme(browser, name):
    browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": name}]}
    )


def column(browser, table, number):
    return browser.execute_script(
        "return [...document.getElementById(arguments[0]).tBodies[0].rows]"
        ".map((row) => row.cells[arguments[1]].dataset.value ?? row.cells[arguments[1]].textContent)",
        table,
        number,
    )


def button(browser, table, number):
    return browser.find_elements("css selector", f"#{table} thead th button")[number]


def test_it_opens_without_an_error_and_loads_nothing_else(opened, page):
    events = [json.loads(entry["message"])["message"] for entry in opened.get_log("performance")]
    requested = {one["params"]["request"]["url"] for one in events if one["method"] == "Network.requestWillBeSent"}
    assert requested == {page.as_uri()}
    assert opened.get_log("browser") == []
    assert opened.execute_script("return performance.getEntriesByType('resource').length") == 0


def test_the_page_forbids_requests(opened):
    """Test the page's own policy, in case a request gets into it."""
    opened.execute_script("const i = new Image(); i.src = 'https://example.org/x.png'; document.body.append(i)")
    opened.execute_async_script("setTimeout(arguments[0], 300)")
    assert any("Content Security Policy" in entry["message"] for entry in opened.get_log("browser"))


def test_a_transcript_is_shown_as_text(opened):
    assert opened.title == "Benchmark: fake, speaker-kfold"
    cells = opened.find_elements("css selector", "#table-mistakes td.words")
    assert HOSTILE in {cell.get_attribute("textContent") for cell in cells}
    assert not opened.find_elements("css selector", "#table-mistakes script, #table-mistakes img")


def test_a_heading_sorts_in_both_orders_and_shows_which(opened):
    table, fit = "table-leaderboard", 6
    given = column(opened, table, fit)
    button(opened, table, fit).click()
    up = column(opened, table, fit)
    assert up == sorted(given, key=float) != given
    heading = opened.find_elements("css selector", f"#{table} thead th")[fit]
    assert heading.get_attribute("aria-sort") == "ascending"
    button(opened, table, fit).click()
    assert column(opened, table, fit) == sorted(given, key=float, reverse=True)
    assert heading.get_attribute("aria-sort") == "descending"
    assert len(opened.find_elements("css selector", f"#{table} [aria-sort]")) == 1
    assert "published" in opened.find_elements("css selector", f"#{table} tbody")[1].text


def test_a_heading_sorts_by_the_keyboard(opened):
    chosen = button(opened, "table-leaderboard", 0)
    opened.execute_script("arguments[0].focus()", chosen)
    chosen.send_keys("\n")
    names = column(opened, "table-leaderboard", 0)
    assert [name.split()[0] for name in names] == sorted(name.split()[0] for name in names)


def test_search_shows_rows_with_every_word_and_their_number(opened):
    (search,) = opened.find_elements("css selector", "#search-table-mistakes")
    count = opened.find_element("css selector", "output[for=search-table-mistakes]")
    rows = opened.find_elements("css selector", "#table-mistakes tbody tr")
    assert count.text == f"{len(rows)} of {len(rows)} shown"
    search.send_keys("SENTENCE gna")
    shown = [row for row in rows if row.is_displayed()]
    assert 0 < len(shown) < len(rows)
    assert all("sentence" in row.text and "gna" in row.text for row in shown)
    assert count.text == f"{len(shown)} of {len(rows)} shown"
    search.send_keys("nothing like it")
    assert count.text == f"0 of {len(rows)} shown"


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("media", ["light", "dark"])
def test_nothing_overflows(opened, width, media):
    size(opened, width)
    scheme(opened, media)
    opened.execute_script("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    assert opened.execute_script("return innerWidth") == width
    assert opened.execute_script("return document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("media", ["light", "dark"])
def test_text_and_figures_have_enough_contrast(opened, media):
    scheme(opened, media)
    colors = opened.execute_script(
        "const of = (query, name) => getComputedStyle(document.querySelector(query))[name];"
        "return [of('body', 'backgroundColor'), of('body', 'color'), of('figure svg text', 'fill'),"
        " of('.ends', 'color')]"
    )
    paper, *inks = (luminance(color) for color in colors)
    assert (paper > 0.5) == (media == "light")
    for ink in inks:
        assert (max(paper, ink) + 0.05) / (min(paper, ink) + 0.05) > 4.5  # WCAG 2.2, 1.4.3


def luminance(color):
    """Compute the relative luminance of `rgb(r, g, b)` as WCAG 2.2 defines it."""
    parts = [int(part) / 255 for part in color.strip("rgb()").split(",")]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_headings_are_in_order_and_every_link_has_a_target(opened):
    levels = [int(one.tag_name[1]) for one in opened.find_elements("css selector", "h1, h2, h3")]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    targets = [one.get_attribute("href").partition("#")[2] for one in opened.find_elements("css selector", "nav a")]
    assert len(targets) == 9
    assert all(opened.find_elements("id", target) for target in targets)


def test_ids_are_unique(opened):
    ids = opened.execute_script("return [...document.querySelectorAll('[id]')].map((one) => one.id)")
    assert len(ids) == len(set(ids)) > 20


def test_without_javascript_only_the_search_is_missing(browser, page):
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        browser.get(page.as_uri())
        assert len(browser.find_elements("css selector", "#table-mistakes tbody tr")) > 10
        assert not browser.find_elements("css selector", "th button")
        assert not browser.find_element("css selector", ".search").is_displayed()
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


def test_printing_opens_everything_and_hides_what_is_for_the_screen(opened):
    opened.execute_script("dispatchEvent(new Event('beforeprint'))")
    assert not opened.find_elements("css selector", "details:not([open])")
    opened.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        assert not opened.find_element("css selector", "nav").is_displayed()
        assert not opened.find_element("css selector", "#search-table-mistakes").is_displayed()
    finally:
        opened.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
