"""Reports in a browser: Chromium, driven by Playwright.

``M4GRAPH_CHROMIUM`` names the browser; CI sets it. Where neither it nor a Chromium on the path is
there, these tests are skipped.
"""

from __future__ import annotations

import os
import shutil

import pytest

import m4graph as m4
from m4graph.report import write_report

from .conftest import result_of, scenario_of

CHROMIUM = (
    os.environ.get("M4GRAPH_CHROMIUM")
    or shutil.which("chromium-headless-shell")
    or shutil.which("chromium")
)

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium, or M4GRAPH_CHROMIUM")


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # As root in a container there is no sandbox.
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser):
    """Opens a file; gives the page, and what its console and its requests said."""
    pages = []

    def open_file(path, width=1280, scheme="light"):
        page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        pages.append(page)
        said = []
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: said.append(request.url))
        page.goto(path.as_uri())
        page.wait_for_selector("footer")
        return page, said

    yield open_file
    for page in pages:
        page.close()


@pytest.fixture(scope="module")
def report(comparison, tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "report.html"
    write_report(comparison, path)
    return path


def rows(page):
    return page.locator("section[data-kind=flows] tbody tr")


def point(page, kind, of):
    """Where a chart draws a place of its axes: what ``of``, a function of its option, says."""
    chart = page.locator(f"section[data-kind={kind}] .chart").first
    chart.scroll_into_view_if_needed()
    x, y = chart.evaluate(
        f"""(place) => {{
            const chart = echarts.getInstanceByDom(place);
            return chart.convertToPixel({{ gridIndex: 0 }}, ({of})(chart.getOption()));
        }}"""
    )
    box = chart.bounding_box()
    return box["x"] + x, box["y"] + y


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (500, "dark")])
def test_draws_all(report, open_page, width, scheme):
    page, said = open_page(report, width, scheme)
    assert said == [report.as_uri()]  # No error, no warning, and nothing else was asked for.
    kinds = page.locator("main > section").evaluate_all("all => all.map(one => one.dataset.kind)")
    assert kinds == ["table", "chart", "chart", "network", "series", "flows", "chart"]
    drawn = page.locator(".chart").evaluate_all(
        """all => all.map(one => [...one.querySelectorAll("canvas")].some(canvas =>
            canvas.getContext("2d").getImageData(0, 0, 400, 300).data.some(Boolean)))"""
    )
    assert drawn == [True] * 6
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_name_does_nothing(report, open_page):
    page, _ = open_page(report)
    assert page.evaluate("window.hurt") is None
    assert page.locator("main img").count() == 0
    assert "<script>" in page.locator("h1").inner_text()


def test_hover(report, open_page):
    page, _ = open_page(report)
    page.mouse.move(*point(page, "chart", "option => option.series[1].data[150]"))
    tip = page.locator("section[data-kind=chart] .tip").first
    tip.wait_for(state="visible")
    assert {"packet", "fluid", "learned"} <= set(tip.inner_text().split())
    page.mouse.move(*point(page, "series", "option => option.series[0].data[20]"))
    tip = page.locator("section[data-kind=series] .tip").first
    tip.wait_for(state="visible")
    assert "queue" in tip.inner_text()


def test_a_click_on_a_link_leaves_its_flows(report, open_page):
    page, _ = open_page(report)
    middle = "option => [0, 1].map(i => (line => line[0][i] * 0.5 + line[1][i] * 0.5)(%s))"
    line = "option.series[0].data.find(one => one.direction === 0).coords"
    where = point(page, "network", middle % line)
    page.mouse.move(*where)
    tip = page.locator("section[data-kind=network] .tip").first
    tip.wait_for(state="visible")
    assert tip.locator("b").inner_text() == "0 to 16"
    page.mouse.click(*where)
    count = page.locator("section[data-kind=flows] .hint").inner_text()
    assert "of 400 rows" in count
    assert set(rows(page).locator("td:nth-child(2)").all_inner_texts()) == {"0"}
    page.locator("section[data-kind=flows] .chip").click()
    assert page.locator("section[data-kind=flows] .hint").inner_text().startswith("400 rows")


def test_filter_sort_and_pick(report, open_page):
    page, _ = open_page(report)
    flow = rows(page).nth(5).locator("td").first.inner_text()
    box = page.locator("section[data-kind=flows] input")
    box.fill("no such flow")
    assert rows(page).count() == 0
    box.fill("")
    page.locator("section[data-kind=flows] th", has_text="flow").first.click()
    first = rows(page).first.locator("td").first.inner_text()
    assert first == "399"
    assert flow != first
    rows(page).first.click()
    marked = page.locator("section[data-kind=network] .chart").evaluate(
        """place => echarts.getInstanceByDom(place).getOption().series[0].data
            .filter(one => one.lineStyle.width === 6).length"""
    )
    assert marked >= 2


def test_views_and_scale(report, open_page):
    page, said = open_page(report)
    for button in page.locator("main > section .tools button[aria-pressed]").all():
        button.click()
    page.locator("section[data-kind=network] .chart").evaluate(
        """place => echarts.getInstanceByDom(place)
            .dispatchAction({ type: "selectDataRange", selected: [0, 1] })"""
    )
    assert said == [report.as_uri()]


def test_100000_flows_stay_usable(open_page, tmp_path):
    scenario = scenario_of(100_000, k=8, name="many")
    truth, guess = result_of(scenario, "packet", 0), result_of(scenario, "fluid", 1)
    path = tmp_path / "report.html"
    write_report(m4.compare(truth, guess), path)
    page, said = open_page(path)
    page.locator("section[data-kind=flows] input").fill("no such flow")
    assert rows(page).count() == 0
    for button in page.get_by_role("button", name="flows", exact=True).all():
        button.click()
    took_ms = page.evaluate("performance.now()")
    assert took_ms < 30_000  # All of the above; some seconds, if nothing else runs.
    assert said == [path.as_uri()]
