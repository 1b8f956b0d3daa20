import json
from itertools import chain
from typing import Any

import httpx
import pytest
from receiver_servers import Endpoint
from sample_alerts import HOSTILE, alert
from starlette.responses import Response

from tapewatch.alerts.alert import encode
from tapewatch.notify.sender import PermanentError, TemporaryError
from tapewatch.notify.slack import Slack, clip, escape, message, unescape


def texts(payload: dict[str, Any]) -> list[dict[str, Any]]:
    """Every text object of the message."""
    return list(
        chain.from_iterable(
            [
                *([block["text"]] if "text" in block else []),
                *block.get("fields", []),
                *block.get("elements", []),
            ]
            for block in payload["blocks"]
        )
    )


def field(payload: dict[str, Any], label: str) -> str:
    found = [text["text"] for text in texts(payload) if text["text"].startswith(f"*{label}*\n")]
    assert len(found) == 1
    return found[0].partition("\n")[2]


async def test_slack_gets_what_happened_first_and_every_figure_with_its_timeframe(
    endpoint: Endpoint, url: str, http: httpx.AsyncClient
) -> None:
    await Slack(url, http).send(alert(), encode(alert()))
    (request,) = endpoint.received
    assert request.path == "/services/T0/B0/sesame"
    assert request.headers["content-type"] == "application/json"
    payload = json.loads(request.body)
    header = payload["blocks"][0]
    assert header["type"] == "header"
    assert header["text"]["text"] == "▲ S&amp;P 500 crossed above 7,000, at 7,000.25"
    assert payload["text"] == header["text"]["text"]
    assert field(payload, "Price") == "7,000.25"
    assert field(payload, "Distance") == "0.25 points (&lt;0.01%) above 7,000"
    assert field(payload, "Exchange time") == "2026-01-28 09:31:07 EST (14:31:07 UTC)"
    assert field(payload, "1d").splitlines()[1] == "MACD(12,26,9) 24.1 / signal 22.0 / hist 2.1"
    assert field(payload, "1h (warming up)") == "EMA(20) 6,970.00"
    plain = [text["text"] for text in texts(payload) if text["type"] == "plain_text"]
    assert "Opens the way to the next target." in plain
    assert "Next target: 7,100–7,200" in plain
    assert plain[-1] == "sp500 · SPX · breakout · critical · alert 9f0c2a51d7b84e6f8d1c3b5a79e0f246"
    assert payload["blocks"][-1]["type"] == "context"


def test_no_free_text_becomes_markup_or_a_mention() -> None:
    payload = message(HOSTILE)
    for text in [*texts(payload), {"type": "plain_text", "text": payload["text"], "emoji": False}]:
        assert "<" not in text["text"]
        assert ">" not in text["text"]
        if text["type"] == "mrkdwn":
            assert text["verbatim"] is True
            assert not any(word in text["text"] for word in ("bold", "here", "channel", "U123", "more"))
        else:
            assert text["emoji"] is False
    assert payload["mrkdwn"] is False
    assert any("&lt;!channel&gt;" in text["text"] for text in texts(payload))  # it is shown, as words


def test_slacks_limits_are_kept() -> None:
    timeframes = {f"sma({period})@{minutes}m": 6852.1 for minutes in range(1, 600) for period in (50, 200)}
    many = {f"sma({period})@1d": 6852.1 for period in range(1, 999)}
    payload = message(alert(text="&" * 400, note="<" * 9000, next="x" * 9000, indicators=timeframes | many))
    assert len(payload["blocks"]) <= 50
    assert payload["blocks"][-1]["type"] == "context"
    for block in payload["blocks"]:
        limit = 150 if block["type"] == "header" else 3000
        assert len(block.get("text", {"text": ""})["text"]) <= limit
        assert len(block.get("fields", [])) <= 10
        assert all(len(each["text"]) <= 2000 for each in block.get("fields", []))


def test_a_headline_too_long_for_the_header_stands_whole_below_it() -> None:
    long = "S&P 500 " + "crossed above 7,000 " * 10
    blocks = message(alert(text=long))["blocks"]
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
        await Slack(url, http).send(alert(), b"")
    with pytest.raises(PermanentError, match=r"^HTTP 404$"):
        await Slack(url, http).send(alert(), b"")


async def test_a_rate_limit_is_temporary_and_says_how_long(
    endpoint: Endpoint, url: str, http: httpx.AsyncClient
) -> None:
    endpoint.answers = [Response("rate_limited", 429, {"Retry-After": "30"})]
    with pytest.raises(TemporaryError, match="HTTP 429 rate_limited") as caught:
        await Slack(url, http).send(alert(), b"")
    assert caught.value.retry_after == 30
