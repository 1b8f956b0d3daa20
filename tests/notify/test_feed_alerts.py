"""Alerts that have no price, in every medium: none of them says so, or breaks."""

import io
import json
from zoneinfo import ZoneInfo

import pytest
from receiver_servers import Endpoint
from rich.console import Console as Terminal
from sample_alerts import message

from tapewatch.alerts.alert import Alert
from tapewatch.alerts.feed_alert import Back, Silent, back, stale
from tapewatch.check import load
from tapewatch.config import Match
from tapewatch.demo.view import View
from tapewatch.example import config as example
from tapewatch.feeds.scenario import sp500_7000
from tapewatch.market.sessions import sessions
from tapewatch.notify.console import Console
from tapewatch.notify.email import mail
from tapewatch.notify.http import http_client
from tapewatch.notify.matching import matches
from tapewatch.notify.render import facts
from tapewatch.notify.slack import Slack
from tapewatch.tail import alert_line, short_line

NEW_YORK = ZoneInfo("America/New_York")
TIME = 1_769_610_667_123_456_789
WHEN = "2026-01-28 09:31:07 EST"

STALE = stale("sp500", "tape", Silent(("SPX",), ("XNYS",), 30, TIME, NEW_YORK))
BACK = back("sp500", "tape", Back((), 125, TIME, NEW_YORK))

both = pytest.mark.parametrize("alert", [STALE, BACK], ids=["stale", "back"])


@both
def test_the_only_fact_is_when(alert: Alert) -> None:
    assert [tuple(fact) for fact in facts(alert)] == [("Exchange time", f"{WHEN} (14:31:07 UTC)")]


@both
async def test_slack_shows_what_happened_and_when(alert: Alert, endpoint: Endpoint, url: str) -> None:
    async with http_client() as http:
        await Slack(url, http).send(message(alert))
    payload = json.loads(endpoint.received[0].body)
    assert payload["blocks"][0]["text"]["text"] == f"● {alert.data.text}"
    assert WHEN in str(payload["blocks"])
    assert "None" not in str(payload)
    assert "Price" not in str(payload)


@both
def test_mail_shows_it_in_text_and_html(alert: Alert) -> None:
    letter = mail(message(alert), "tapewatch@example.com", ["trader@example.com"])
    assert letter["Subject"] == alert.data.text
    for kind in ("plain", "html"):
        body = letter.get_body((kind,))
        assert body is not None
        content = body.get_content()
        assert WHEN in content
        assert "None" not in content
        assert "Price" not in content


@both
async def test_the_console_and_tail_show_one_line(alert: Alert) -> None:
    out = io.StringIO()
    await Console(out).send(message(alert))
    line = f"{WHEN}  ● {alert.data.text}"
    assert out.getvalue() == line + "\n"
    assert alert_line(alert).plain in (f"{line}  critical", f"{line}  info")


def test_where_the_title_is_left_out_the_feed_is_named_all_the_same() -> None:
    assert short_line(BACK).plain == "28 Jan 09:31  ● Feed tape is back after 2 min 5 s"


def test_the_demo_lists_it_and_keeps_the_price_it_had() -> None:
    view = View(load(example()), sp500_7000(sessions("XNYS")), 60)
    view.take({"price": "6951.25", "time_ns": str(TIME - 60_000_000_000)})
    view.tell(STALE)
    terminal = Terminal(width=120, height=40, file=io.StringIO(), record=True)
    terminal.print(view)
    shown = terminal.export_text()
    assert "6,951.25" in shown
    assert "28 Jan 2026 09:30:07" in shown  # when that price was
    assert "no tick of SPX for 30 s while XNYS trades" in shown


@both
def test_a_route_of_its_own_takes_it(alert: Alert) -> None:
    assert matches(Match(type="tapewatch.feed.*"), alert)
    assert matches(Match(type="feed.*", symbol="tape"), alert)
    assert not matches(Match(symbol="SPX"), alert)
    assert not matches(Match(type="level.*"), alert)
