"""The report: one page that needs nothing, shows everything, and takes no name for markup."""

import base64
import hashlib
import json
import re
import shutil
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright

from backtest.test_backtest_figures import MINUTES, tape
from tapewatch.backtest import drawing, report
from tapewatch.backtest.figures import Distribution
from tapewatch.backtest.run import Backtest
from tapewatch.backtest.tally import tally
from tapewatch.check import load

ROOT = Path(__file__).parents[2]
CHROMIUM = shutil.which("chromium")
AXE = ROOT / "node_modules/axe-core/axe.min.js"
FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    " --disable-component-update --disable-sync"
)

HOSTILE = "</style><img/src=x/onerror=hostile=1>{{7*7}}"

CONFIG = f"""
name = "test"

[[watch]]
symbol = "X"
title = {json.dumps(HOSTILE)}
timeframes = ["1m"]
indicators = ["sma(2)"]
rearm = 2
max_jump = "off"

[[watch.level]]
name = {json.dumps("level" + HOSTILE)}
price = 100
confirm = "5m"
note = {json.dumps(HOSTILE)}

[[watch.level]]
name = {json.dumps("far" + HOSTILE)}
price = 200

[[watch.zone]]
name = "zone"
low = 95
high = 97

[[watch.condition]]
name = "near"
when = "sma(2)@1m within 0.5 of 101 and close@1m < 1000"
frequency = "always"
"""


@pytest.fixture(scope="module")
def html(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page of the tape that was worked out by hand, under hostile names."""
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "config.toml").write_text(CONFIG)
    file = folder / "<script>tape.csv"
    file.write_text(tape(MINUTES))
    past = Backtest(load(folder / "config.toml"), [file]).run()
    return report.html(past, tally(past))


class _Elements(HTMLParser):
    """Every element with its attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_no_name_is_markup(html: str) -> None:
    tags = {tag for tag, _ in _Elements(html).found}
    assert not tags & {"script", "img", "iframe", "object", "embed", "link", "form", "base"}
    assert html.count("<style>") == html.count("</style>") == 1
    assert html.count("&lt;/style&gt;&lt;img/src=x/onerror=hostile=1&gt;{{7*7}}") > 5
    assert "&lt;script&gt;tape.csv" in html


def test_it_loads_nothing_and_says_so(html: str) -> None:
    elements = _Elements(html).found
    policy = next(
        own["content"] for tag, own in elements if own.get("http-equiv") == "Content-Security-Policy"
    )
    (css,) = re.findall(r"<style>(.*?)</style>", html, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert "url(" not in css
    assert "@import" not in css
    for _, attributes in elements:
        assert not {"src", "style", "srcset", "onload", "onerror"} & attributes.keys()
        assert (attributes.get("href") or "#").startswith("#")


def test_links_and_charts_are_whole(html: str) -> None:
    elements = _Elements(html).found
    anchors = {own["id"] for _, own in elements if "id" in own}
    assert {own["href"] for tag, own in elements if tag == "a"} <= {f"#{anchor}" for anchor in anchors}
    charts = [own for tag, own in elements if tag == "svg"]
    assert all(own.get("role") == "img" and own.get("aria-label") for own in charts)
    assert "nan" not in " ".join(str(own) for _, own in elements).lower()


def test_every_alert_has_a_mark(html: str) -> None:
    """Those near to each other share one, which says how many more there are."""
    marks = re.findall(r'<(?:path|circle) class="mark (\w+)"[^>]*><title>([^<]*)</title>', html)
    counted = sum(
        1 + int(more[1]) if (more := re.search(r", and (\d+) more$", text)) else 1 for _, text in marks
    )
    alerts = int(re.search(r'class="dim">(\d+) alerts', html)[1])  # type: ignore[index]
    assert counted == alerts > 11
    assert {"up", "down", "none"} == {way for way, _ in marks}


def test_a_distribution_is_drawn_bin_by_bin() -> None:
    chart = drawing.spread(Distribution(width=0.5, alerts=[1, *[0] * 8, 2, 4, *[0] * 8, 3]), "20 bars of 1m")
    assert [bar.label for bar in chart.bars] == [
        "-4.50% or less: 1 alert",
        "-0.50% to 0.00%: 2 alerts",
        "0.00% to +0.50%: 4 alerts",
        "+4.50% or more: 3 alerts",
    ]
    assert [bar.css for bar in chart.bars] == ["against", "against", "for", "for"]
    heights = [bar.height for bar in chart.bars]
    assert heights == pytest.approx([heights[2] * share for share in (0.25, 0.5, 1, 0.75)], abs=0.2)
    assert all(bar.y + bar.height == pytest.approx(chart.base, abs=0.2) for bar in chart.bars)
    assert chart.label == "Changes after 20 bars of 1m: 7 at 0 or in favour of the alert, 3 against it"


@pytest.fixture(scope="module")
def page(html: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """The report in Chromium."""
    if CHROMIUM is None:
        pytest.skip("there is no chromium here")
    file = tmp_path_factory.mktemp("page") / "report.html"
    file.write_text(html, encoding="utf-8")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS.split())
        view = browser.new_page()
        complaints: list[str] = []
        view.on("console", lambda message: complaints.append(message.text))
        view.on("pageerror", lambda error: complaints.append(str(error)))
        view.goto(file.as_uri())
        yield view
        assert complaints == []
        browser.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(page: Page, scheme: str) -> None:
    if not AXE.exists():
        pytest.skip("axe-core is not installed: npm ci")
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.evaluate(AXE.read_text())
    found = page.evaluate("axe.run({resultTypes: ['violations']})")
    assert [f"{own['id']}: {own['nodes'][0]['html']}" for own in found["violations"]] == []


@pytest.mark.parametrize("width", [360, 800, 1400])
def test_it_is_no_wider_than_the_window(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_the_style_counts_and_no_script_does(page: Page) -> None:
    assert page.evaluate("getComputedStyle(document.querySelector('.mark.up')).fill") != "rgb(0, 0, 0)"
    assert page.evaluate("typeof hostile") == "undefined"
