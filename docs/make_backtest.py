"""Writes what docs/backtest.md shows: `python docs/make_backtest.py`.

The JSON Schema of the figures, and pictures of the report of ten simulated sessions, for which Chromium is needed.
"""

import json
import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Locator, Page, sync_playwright

from tapewatch import example
from tapewatch.backtest import report
from tapewatch.backtest.run import Backtest
from tapewatch.backtest.schema import figures_schema
from tapewatch.backtest.tally import tally
from tapewatch.check import load
from tapewatch.feeds.scenario import sp500_7000
from tapewatch.market.sessions import sessions

DOCS = Path(__file__).parent
SCHEMA = DOCS / "backtest.schema.json"
OVERVIEW = DOCS / "pictures/backtest.png"
RULE = DOCS / "pictures/backtest-rule.png"

WIDTH = 1000
MARGIN = 16
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def schema() -> str:
    """The schema as its file has it."""
    return json.dumps(figures_schema(), indent=2, ensure_ascii=False) + "\n"


def page(folder: Path) -> str:
    """The report of the scenario under the default watch."""
    scenario = sp500_7000(sessions("XNYS"))
    tape = scenario.write(folder)
    history = [folder / f"{scenario.symbol}-{timeframe}.csv" for timeframe in scenario.history]
    past = Backtest(load(example.config()), [tape], history=history).run()
    found = tally(past)
    return report.html(past, found).replace(str(tape), tape.name)


def picture(view: Page, begin: Locator, end: Locator, path: Path) -> None:
    """The page from one element to another."""
    top, bottom = begin.bounding_box(), end.bounding_box()
    if top is None or bottom is None:
        raise SystemExit("the report has not what the pictures show")
    height = bottom["y"] + bottom["height"] - top["y"] + MARGIN
    clip = {"x": 0.0, "y": top["y"] - MARGIN, "width": float(WIDTH), "height": height + MARGIN}
    view.screenshot(path=path, full_page=True, clip=clip)


def main() -> None:
    """Writes all of it."""
    SCHEMA.write_text(schema(), encoding="utf-8")
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("no Chromium here: the pictures stay as they are")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        html = Path(folder) / "report.html"
        html.write_text(page(Path(folder)), encoding="utf-8")
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        view = browser.new_page(viewport={"width": WIDTH, "height": 800}, color_scheme="light")
        view.goto(html.as_uri())
        often = view.get_by_role("table", name="How often")
        picture(view, view.locator("main h2").nth(1), often, OVERVIEW)
        view.emulate_media(color_scheme="dark")
        rule = view.locator("main section section", has=view.get_by_role("heading", name="resistance"))
        picture(view, rule.locator("h3"), rule.locator("figure").nth(4), RULE)
        browser.close()


if __name__ == "__main__":
    main()
