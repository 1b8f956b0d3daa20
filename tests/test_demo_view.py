"""The demo's picture: it fits the terminal, and shows what there is."""

from functools import cache

import pytest
from rich.console import Console

from tapewatch.alerts.alert import Alert
from tapewatch.check import load
from tapewatch.config import Config
from tapewatch.demo.chart import chart
from tapewatch.demo.samples import as_email, as_slack
from tapewatch.demo.view import View
from tapewatch.example import config as example
from tapewatch.feeds.scenario import Scenario, sp500_7000
from tapewatch.market.sessions import sessions
from tapewatch.replay import replay_ticks


@cache
def scenario() -> Scenario:
    return sp500_7000(sessions("XNYS"))


@cache
def config() -> Config:
    base = load(example())
    return base.model_copy(
        update={"watch": [base.watch[0].model_copy(update={"title": "S&P 500 (simulated)"})]}
    )


@cache
def fired() -> list[Alert]:
    return replay_ticks(config(), scenario().tape().rows({"SPX": 0}))


def lines(what: object, width: int, height: int) -> list[str]:
    console = Console(width=width, height=height, highlight=False)
    return ["".join(part.text for part in line).rstrip() for line in console.render_lines(what)]  # type: ignore[arg-type]


@pytest.mark.parametrize(("width", "height"), [(80, 24), (100, 30), (120, 40), (200, 60)])
def test_it_fills_the_terminal_and_no_more(width: int, height: int) -> None:
    view = View(config(), scenario(), 60)
    assert len(lines(view, width, height)) == height
    for i, alert in enumerate(fired()):
        view.tell(alert)
        if i % 10 == 0:
            picture = lines(view, width, height)
            assert len(picture) == height
            assert max(map(len, picture)) <= width
    above = picture[: next(i for i, line in enumerate(picture) if line.startswith("alerts:"))]
    assert "…" not in "".join(above)  # only alerts are ever cut


@pytest.mark.parametrize(("width", "height"), [(40, 10), (20, 3), (60, 15)])
def test_a_terminal_that_is_too_small_is_no_error(width: int, height: int) -> None:
    view = View(config(), scenario(), 60)
    for alert in fired():
        view.tell(alert)
    assert lines(view, width, height)


def test_it_shows_price_ladder_indicators_and_the_newest_alerts() -> None:
    view = View(config(), scenario(), 60)
    for alert in fired():
        view.tell(alert)
    picture = lines(view, 120, 40)
    assert picture[0] == "S&P 500 (simulated)  6,734.90  -2.34%  Mon 02 Feb 2026 15:58:48 EST"
    text = "\n".join(picture)
    for word in ("7,100–7,200  target", "▶ 6,734.90  price", "RSI(14)", "5m", "100% of the tape"):
        assert word in text
    assert f"alerts: {len(fired())}" in text
    assert "02 Feb 15:58  ▼ crossed below 6,735, at 6,734.90" in text
    assert "Simulated prices" in picture[-1]


def test_price_is_never_older_than_the_newest_alert() -> None:
    view = View(config(), scenario(), 60)
    view.tell(fired()[0])
    view.take({"price": "6896.0", "time_ns": str(int(fired()[0].data.time_ns) - 1)})
    assert lines(view, 120, 40)[0].startswith(f"S&P 500 (simulated)  {fired()[0].data.price:,.2f}")


def test_before_the_first_tick_it_says_that_it_waits() -> None:
    assert "waiting for the first tick" in lines(View(config(), scenario(), 60), 80, 24)[0]


def test_a_chart_reaches_from_the_level_below_to_the_level_above() -> None:
    drawn = [line.plain.rstrip() for line in chart({0.0: 10.0, 0.5: 14.0}, [0, 8, 12, 16, 20], 13, 5)]
    assert drawn == [
        "┄┄┄┄┄┄┄┄┄┄ 16",
        "     ▄",
        "┄┄┄┄┄█┄┄┄┄ 12",
        "▄▄▄▄▄█",
        "██████┄┄┄┄  8",
    ]


def test_the_breakout_as_slack_and_email_show_it() -> None:
    breakout = next(alert for alert in fired() if alert.data.rule == "breakout")
    slack, mail = "\n".join(lines(as_slack(breakout), 76, 60)), "\n".join(lines(as_email(breakout), 76, 90))
    for text in (slack, mail):
        for word in (breakout.data.text, "7,100–7,200", "Exchange time", "RSI(14)", breakout.data.note[:30]):
            assert word in text
    assert mail.startswith("From: tapewatch@example.com\nTo: trader@example.com\nSubject: ")
    assert "&amp;" not in slack
