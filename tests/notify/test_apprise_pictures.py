"""Charts to the services of apprise that take them."""

import base64
import json
from dataclasses import replace

import apprise.plugins.telegram
import pytest
from receiver_servers import Endpoint
from sample_alerts import message
from starlette.responses import JSONResponse, Response

from tapewatch.notify.apprise_service import Apprise
from tapewatch.notify.sender import TemporaryError

PNG = b"\x89PNG\r\n\x1a\n a chart"
PICTURED = replace(message(), picture=PNG, link="https://tape.example.org/alerts/9f0c")


def at(url: str, scheme: str, path: str) -> str:
    """The loopback server of `url` as an address of apprise's."""
    return f"{scheme}://{url.partition('://')[2].partition('/')[0]}/{path}"


async def test_the_picture_is_attached_and_the_link_is_in_the_text(endpoint: Endpoint, url: str) -> None:
    service = Apprise(at(url, "json", "sesame"))
    assert service.pictures
    await service.send(PICTURED)
    body = json.loads(endpoint.received[0].body)
    (attached,) = body["attachments"]
    assert (attached["filename"], attached["mimetype"]) == ("chart.png", "image/png")
    assert base64.b64decode(attached["base64"]) == PNG
    assert "Chart: https://tape.example.org/alerts/9f0c" in body["message"].splitlines()


async def test_telegram_shows_it_as_a_photo(
    endpoint: Endpoint, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apprise.plugins.telegram.NotifyTelegram, "notify_url", at(url, "http", "bot"))
    endpoint.answers = [JSONResponse({"ok": True, "result": {}})]
    await Apprise("tgram://123456789:abcdefghijklmnopqrstuvwxyz-ABCDEFG/-1001234567890/").send(PICTURED)
    (received,) = endpoint.received  # one message: the text is the photo's caption
    assert received.path.endswith("/sendPhoto")
    assert PNG in received.body
    assert b"S&amp;P 500 crossed above 7,000, at 7,000.25" in received.body


def test_of_a_service_that_takes_no_files_none_is_asked_for() -> None:
    assert not Apprise(f"pagerduty://{'k' * 32}@{'a' * 32}").pictures
    assert not Apprise("json://127.0.0.1:9/x", pictures=False).pictures


async def test_after_an_attempt_that_failed_the_alert_goes_without_it(endpoint: Endpoint, url: str) -> None:
    """Which of the two the service did not like, nobody says."""
    endpoint.answers = [Response("too large", 413)]
    service = Apprise(at(url, "json", "sesame"))
    with pytest.raises(TemporaryError):
        await service.send(PICTURED)
    await service.send(PICTURED)
    assert not json.loads(endpoint.received[1].body)["attachments"]
    await service.send(PICTURED)
    assert json.loads(endpoint.received[2].body)["attachments"]


async def test_without_a_picture_the_body_is_as_before(endpoint: Endpoint, url: str) -> None:
    await Apprise(at(url, "json", "sesame")).send(message())
    assert not json.loads(endpoint.received[0].body).get("attachments")
    assert "Chart" not in json.loads(endpoint.received[0].body)["message"]
