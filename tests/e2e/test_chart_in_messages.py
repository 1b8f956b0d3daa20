"""The chart of an alert in a mail and in Slack, drawn by the daemon that fired it."""

import asyncio
import io
import json
import re
from collections.abc import AsyncIterator
from email.message import EmailMessage
from typing import Any

import pytest
from live import Place
from PIL import Image

from notify.receiver_servers import Mailbox, http_server, smtp_server
from notify.slack_server import CHANNEL, TOKEN, SlackServer

WATCH = """
[[watch.level]]
name = "breakout"
price = 100
role = "breakout"

[[receiver]]
name = "mail"
kind = "email"
host = "127.0.0.1"
port = {mail}
security = "none"
sender = "tapewatch@example.com"
to = ["trader@example.com"]
group_wait = "0s"
cooldown = "0s"

[[receiver]]
name = "desk"
kind = "slack"
channel = "{channel}"
api_url = "{slack}/api/"
group_wait = "0s"
cooldown = "0s"

[[route]]
receivers = ["mail", "desk"]
"""


@pytest.fixture
async def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
async def slack() -> SlackServer:
    return SlackServer()


@pytest.fixture
async def there(place: Place, mailbox: Mailbox, slack: SlackServer) -> AsyncIterator[Place]:
    """A config with both receivers, and a page for people."""
    async with smtp_server(mailbox) as mail, http_server(slack) as url:
        address = url.partition("/services")[0]
        place.write(WATCH.format(mail=mail, slack=address, channel=CHANNEL), history=False)
        own = place.config.read_text()
        place.config.write_text(f'http.url = "https://tape.example.org"\n{own}')
        place.env["TAPEWATCH_RECEIVER_DESK_TOKEN"] = TOKEN
        yield place


async def test_an_alert_comes_with_its_chart_and_a_link(
    there: Place, mailbox: Mailbox, slack: SlackServer
) -> None:
    await there.redis()
    daemon = await there.daemon()
    await there.exchange.listened()
    await there.exchange.trade(*(98 + 0.05 * number for number in range(30)), 99.9, ago=120)
    async with asyncio.timeout(60):  # who draws needs a moment after the start; nothing waits for that
        while not (both := pictures(mailbox).keys() & shown(slack).keys()):
            await there.exchange.trade(99.5, 100.5)
            await asyncio.sleep(0.5)
    assert await daemon.stop() == 0, daemon.everything()
    link = both.pop()
    mail, picture = pictures(mailbox)[link]
    posted, file = shown(slack)[link]
    assert link == f"https://tape.example.org/alerts/{mail['X-Tapewatch-Alerts']}"
    assert Image.open(io.BytesIO(picture)).size == (1200, 800)
    assert len(picture) < 120_000
    assert file == picture  # drawn once for both
    assert posted["text"].endswith(mail["Subject"])


def pictures(mailbox: Mailbox) -> dict[str, tuple[EmailMessage, bytes]]:
    """Mails that have a picture, and that, by their links."""
    found = {}
    for mail in mailbox.mails:
        plain = mail.get_body(("plain",))
        assert plain is not None
        (link,) = re.findall("^Chart: (.+?)\r?$", str(plain.get_content()), re.MULTILINE)
        for part in mail.walk():
            if part.get_content_type() == "image/png":
                found[link] = (mail, part.get_content())
    return found


def shown(slack: SlackServer) -> dict[str, tuple[dict[str, Any], bytes]]:
    """Slack's messages that show a picture, and that, by their links."""
    found = {}
    for posted in slack.messages:
        (link,) = re.findall(r"<(\S+)\|Open the chart>", json.dumps(posted))
        for block in posted["blocks"]:
            if block["type"] == "image":
                found[link] = (posted, slack.files[block["slack_file"]["id"]].content)
    return found
