import json
from dataclasses import replace
from itertools import chain
from typing import Any

import httpx
import pytest
from receiver_servers import Endpoint
from sample_alerts import HOSTILE, alert, later, message, told
from starlette.responses import Response

from tapewatch.notify.message import Kind
from tapewatch.notify.sender import PermanentError, TemporaryError
from tapewatch.notify.slack import Slack, clip, escape, payload, unescape


def texts(posted: dict[str, Any]) -> list[dict[str, Any]]:
    """Every text object of the message."""
    return list(
        chain.from_iterable(
            [
                *([block["text"]] if "text" in block else []),
                *block.get("fields", []),
                *block.get("elements", []),
            ]
            for block in posted["blocks"]
        )
    )


def field(posted: dict[str, Any], label: str) -> str:
    found = [text["text"] for text in texts(posted) if text["text"].startswith(f"*{label}*\n")]
    assert len(found) == 1
    return found[0].partition("\n")[2]


async def test_slack_gets_what_happened_first_and_every_figure_with_its_timeframe(
    endpoint: Endpoint, url: str, http: httpx.AsyncClient
) -> None:
    await Slack(url, http).send(message())
    (request,) = endpoint.received
    assert request.path == "/services/T0/B0/sesame"
    assert request.headers["content-type"] == "application/json"
    posted = json.loads(request.body)
    header = posted["blocks"][0]
    assert header["type"] == "header"
    assert header["text"]["text"] == "▲ S&amp;P 500 crossed above 7,000, at 7,000.25"
    assert posted["text"] == header["text"]["text"]
    assert field(posted, "Price") == "7,000.25"
    assert field(posted, "Distance") == "0.25 points (&lt;0.01%) above 7,000"
    assert field(posted, "Exchange time") == "2026-01-28 09:31:07 EST (14:31:07 UTC)"
    assert field(posted, "1d").splitlines()[1] == "MACD(12,26,9) 24.1 / signal 22.0 / hist 2.1"
    assert field(posted, "1h (warming up)") == "EMA(20) 6,970.00"
    plain = [text["text"] for text in texts(posted) if text["type"] == "plain_text"]
    assert "Opens the way to the next target." in plain
    assert "Next target: 7,100–7,200" in plain
    assert plain[-1] == "sp500 · SPX · breakout · critical · alert 9f0c2a51d7b84e6f8d1c3b5a79e0f246"
    assert posted["blocks"][-1]["type"] == "context"


async def test_the_chart_is_linked_but_not_in_the_message(
    endpoint: Endpoint, url: str, http: httpx.AsyncClient
) -> None:
    sender = Slack(url, http)
    assert not sender.pictures
    link = "https://tape.example.org/alerts/9f0c"
    await sender.send(replace(message(), picture=b"a chart", link=link))
    blocks = json.loads(endpoint.received[0].body)["blocks"]
    assert blocks[-2]["text"]["text"] == f"<{link}|Open the chart>"
    assert blocks[-1]["type"] == "context"
    assert "image" not in {block["type"] for block in blocks}


def test_no_free_text_becomes_markup_or_a_mention() -> None:
    posted = payload(told(HOSTILE))
    for text in [*texts(posted), {"type": "plain_text", "text": posted["text"], "emoji": False}]:
        assert "<" not in text["text"]
        assert ">" not in text["text"]
        if text["type"] == "mrkdwn":
            assert text["verbatim"] is True
            assert not any(word in text["text"] for word in ("bold", "here", "channel", "U123", "more"))
        else:
            assert text["emoji"] is False
    assert posted["mrkdwn"] is False
    assert any("&lt;!channel&gt;" in text["text"] for text in texts(posted))  # it is shown, as words


def test_slacks_limits_are_kept() -> None:
    timeframes = {f"sma({period})@{minutes}m": 6852.1 for minutes in range(1, 600) for period in (50, 200)}
    many = {f"sma({period})@1d": 6852.1 for period in range(1, 999)}
    posted = payload(
        told(alert(text="&" * 400, note="<" * 9000, next="x" * 9000, indicators=timeframes | many))
    )
    assert len(posted["blocks"]) <= 50
    assert posted["blocks"][-1]["type"] == "context"
    for block in posted["blocks"]:
        limit = 150 if block["type"] == "header" else 3000
        assert len(block.get("text", {"text": ""})["text"]) <= limit
        assert len(block.get("fields", [])) <= 10
        assert all(len(each["text"]) <= 2000 for each in block.get("fields", []))


def test_a_headline_too_long_for_the_header_stands_whole_below_it() -> None:
    long = "S&P 500 " + "crossed above 7,000 " * 10
    blocks = payload(told(alert(text=long)))["blocks"]
    assert blocks[0]["text"]["text"].endswith("…")
    assert blocks[1]["text"]["text"] == long.strip().replace("&", "&amp;")


@pytest.mark.parametrize(
    ("text", "limit", "clipped"),
    [
        ("a&b", 7, "a&amp;b"),
        ("a&bc", 7, "a&amp;…"),
        ("a&b", 6, "a…"),
        ("abcdef", 4, "abc…"),
        ("abcd", 4, "abcd"),
    ],
)
def test_clip_never_cuts_an_entity(text: str, limit: int, clipped: str) -> None:
    assert clip(text, limit) == clipped


def test_unescape_is_what_slack_shows() -> None:
    for text in ("S&P 500 <here> &amp;", "&lt;", "<<&>>"):
        assert unescape(escape(text)) == text


async def test_slacks_own_word_for_a_refusal_is_told(
    endpoint: Endpoint, url: str, http: httpx.AsyncClient
) -> None:
    endpoint.answers = [Response("no_service", 404), Response("no such thing as /services/T0/B0/sesame", 404)]
    with pytest.raises(PermanentError, match=r"^HTTP 404 no_service$"):
        await Slack(url, http).send(message())
    with pytest.raises(PermanentError, match=r"^HTTP 404$"):
        await Slack(url, http).send(message())


async def test_a_rate_limit_is_temporary_and_says_how_long(
    endpoint: Endpoint, url: str, http: httpx.AsyncClient
) -> None:
    endpoint.answers = [Response("rate_limited", 429, {"Retry-After": "30"})]
    with pytest.raises(TemporaryError, match="HTTP 429 rate_limited") as caught:
        await Slack(url, http).send(message())
    assert caught.value.retry_after == 30


def shown(posted: dict[str, Any]) -> list[str]:
    """The plain texts of the blocks, in order."""
    return [text["text"] for text in texts(posted) if text["type"] == "plain_text"]


def test_several_alerts_are_one_message_and_the_others_a_line_each() -> None:
    posted = payload(told(later(0, severity="info", text="S&P 500 up"), later(0.5)))
    assert shown(posted)[:2] == [
        "▲ S&amp;P 500 crossed above 7,000, at 7,000.25 · +1 more",
        "09:31:07 EST ▲ S&amp;P 500 up",
    ]
    assert posted["text"] == shown(posted)[0]


async def test_a_summary_is_its_headline_and_the_newest_figures(
    endpoint: Endpoint, url: str, http: httpx.AsyncClient
) -> None:
    down = {"type": "tapewatch.level.crossed_down", "direction": "down", "price": 6999.0}
    await Slack(url, http).send(message(later(0), later(48, **down), kind=Kind.SUMMARY))
    posted = json.loads(endpoint.received[0].body)
    assert shown(posted)[0] == "▼ S&amp;P 500 crossed 7,000 twice in 48 s, now below"
    assert field(posted, "Price") == "6,999.00"


def test_a_digest_lists_forty_and_says_how_many_more() -> None:
    long = "S&P 500 " + "crossed " * 40
    posted = payload(told(*(later(60 * n, text=f"{n} {long}") for n in range(77)), kind=Kind.DIGEST))
    header, *sections, context = posted["blocks"]
    assert header["text"]["text"] == "● 77 alerts from 09:31 to 10:47 EST"
    assert all(len(section["text"]["text"]) <= 3000 for section in sections)
    lines = "\n".join(section["text"]["text"] for section in sections).split("\n")
    assert len(lines) == 41
    assert lines[-1] == "and 37 more: tapewatch log"
    assert lines[0].startswith("09:31:07 EST ▲ 0 S&amp;P 500")
    assert context["type"] == "context"


def test_no_line_of_a_hostile_alert_becomes_markup() -> None:
    for posted in (payload(told(HOSTILE, later(0))), payload(told(HOSTILE, later(0), kind=Kind.DIGEST))):
        assert all("<" not in text["text"] for text in texts(posted))
        assert all("here" not in text["text"] for text in texts(posted) if text["type"] == "mrkdwn")
