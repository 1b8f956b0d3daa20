from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import TypeAdapter
from receiver_servers import Endpoint, Mailbox, smtp_server
from sample_alerts import message
from starlette.responses import JSONResponse

from tapewatch.config import Receiver
from tapewatch.notify.build import ReceiverError, Secrets, build


def receiver(**keys: Any) -> Receiver:
    return TypeAdapter(Receiver).validate_python({"name": "desk-1"} | keys)


def secrets(**fields: str) -> Secrets:
    def look_up(name: str, field: str, file: Path | None) -> str | None:
        assert name == "desk-1"
        return fields.get(field)

    return look_up


EMAIL = {"kind": "email", "host": "127.0.0.1", "sender": "tape@example.com", "to": ["desk@example.com"]}


@pytest.mark.parametrize("kind", ["slack", "webhook"])
async def test_http_receivers_deliver(
    kind: str, endpoint: Endpoint, url: str, http: httpx.AsyncClient
) -> None:
    sender = build(receiver(kind=kind), secrets(url=url, secret="s" * 32), http)
    await sender.send(message())
    assert len(endpoint.received) == 1


async def test_a_webhooks_url_may_stand_in_the_config(
    endpoint: Endpoint, url: str, http: httpx.AsyncClient
) -> None:
    await build(receiver(kind="webhook", url=url), secrets(secret="s" * 32), http).send(message())
    assert len(endpoint.received) == 1


async def test_email_delivers(http: httpx.AsyncClient) -> None:
    mailbox = Mailbox()
    async with smtp_server(mailbox) as port:
        await build(receiver(**EMAIL, port=port, security="none"), secrets(), http).send(message())
    assert len(mailbox.mails) == 1


@pytest.mark.parametrize(
    ("keys", "pictures"),
    [
        ({"kind": "slack"}, False),  # a webhook takes no file
        ({"kind": "slack", "channel": "C0123456789"}, True),
        ({"kind": "slack", "channel": "C0123456789", "pictures": False}, False),
        (EMAIL, True),
        (EMAIL | {"pictures": False}, False),
        ({"kind": "apprise"}, True),
        ({"kind": "apprise", "pictures": False}, False),
        ({"kind": "console"}, False),
        ({"kind": "webhook"}, False),
    ],
)
def test_who_shows_pictures(keys: dict[str, Any], pictures: bool, http: httpx.AsyncClient) -> None:
    found = {"secret": "s" * 32, "token": "xoxb-1"}
    url = "json://127.0.0.1:9/x" if keys["kind"] == "apprise" else "https://hooks.example.org/x"
    assert build(receiver(**keys), secrets(url=url, **found), http).pictures == pictures


async def test_console_writes(http: httpx.AsyncClient, capfd: pytest.CaptureFixture[str]) -> None:
    await build(receiver(kind="console"), secrets(), http).send(message())
    assert "crossed above 7,000" in capfd.readouterr().out


@pytest.mark.parametrize(
    ("keys", "found", "field"),
    [
        ({"kind": "slack"}, {}, "url"),
        ({"kind": "webhook"}, {"secret": "s"}, "url"),
        ({"kind": "webhook", "url": "https://example.com"}, {}, "secret"),
        (EMAIL | {"username": "tape"}, {}, "password"),
        ({"kind": "slack", "channel": "C0123456789"}, {"url": "https://example.com"}, "token"),
        ({"kind": "apprise"}, {}, "url"),
    ],
)
async def test_a_missing_secret_says_who_lacks_what_and_where_to_put_it(
    keys: dict[str, Any], found: dict[str, str], field: str, http: httpx.AsyncClient
) -> None:
    with pytest.raises(ReceiverError) as caught:
        build(receiver(**keys), secrets(**found), http)
    for words in ("'desk-1'", f"TAPEWATCH_RECEIVER_DESK_1_{field.upper()}", f"{field}_file"):
        assert words in str(caught.value)


@pytest.mark.parametrize(
    ("keys", "found", "words"),
    [
        ({"kind": "slack"}, {"url": "hooks.example/sesame"}, "https://"),
        ({"kind": "slack"}, {"url": f"https://sesame{'a' * 70}.com/"}, "https://"),
        ({"kind": "slack"}, {"url": "https://desk:sesame"}, "https://"),
        ({"kind": "webhook"}, {"url": "https://example.com", "secret": "whsec_sesame!"}, "base64"),
        ({"kind": "slack", "channel": "C0123456789"}, {"token": "xoxb sesame"}, "no white space"),
        ({"kind": "apprise"}, {"url": "tgram://sesame"}, "tgram://{bot_token}/{targets}"),
        (
            {"kind": "console", "template": "/nowhere/desk.j2"},
            {},
            "/nowhere/desk.j2: this template cannot be read",
        ),
        (EMAIL | {"ca_file": "/nowhere/ca.pem"}, {}, "/nowhere/ca.pem"),
    ],
)
async def test_what_cannot_work_is_said_at_once_and_no_secret_shown(
    keys: dict[str, Any], found: dict[str, str], words: str, http: httpx.AsyncClient
) -> None:
    with pytest.raises(ReceiverError, match="'desk-1'") as caught:
        build(receiver(**keys), secrets(**found), http)
    assert words in str(caught.value)
    assert "sesame" not in str(caught.value)


async def test_a_slack_receiver_with_a_channel_is_a_bot(
    endpoint: Endpoint, url: str, http: httpx.AsyncClient
) -> None:
    endpoint.answers = [JSONResponse({"ok": True, "ts": "1.2"})]
    sender = build(
        receiver(kind="slack", channel="C0123456789", api_url=url), secrets(token="xoxb-sesame"), http
    )
    assert await sender.send(message()) == "1.2"
    assert endpoint.received[0].headers["authorization"] == "Bearer xoxb-sesame"


async def test_apprise_delivers(endpoint: Endpoint, url: str, http: httpx.AsyncClient) -> None:
    sender = build(receiver(kind="apprise"), secrets(url=url.replace("http", "json", 1)), http)
    await sender.send(message())
    assert b"crossed above 7,000" in endpoint.received[0].body


@pytest.mark.parametrize(
    ("keys", "found"),
    [
        ({"kind": "console"}, {}),
        ({"kind": "slack"}, {"url": "https://example.com/"}),
        ({"kind": "slack", "channel": "C0123456789"}, {"token": "xoxb-1"}),
        (EMAIL, {}),
        ({"kind": "apprise"}, {"url": "json://localhost"}),
    ],
)
async def test_a_template_that_fails_is_found_at_the_start(
    keys: dict[str, Any], found: dict[str, str], tmp_path: Path, http: httpx.AsyncClient
) -> None:
    path = tmp_path / "desk.j2"
    path.write_text("{{ headline }}\n{{ hedline }}")
    with pytest.raises(ReceiverError, match=r"'desk-1': its template: .*desk\.j2:2: 'hedline' is undefined"):
        build(receiver(**keys, template=path), secrets(**found), http)


@pytest.mark.parametrize("kind", ["slack", "webhook"])
async def test_no_sender_shows_its_secrets(kind: str, http: httpx.AsyncClient) -> None:
    sender = build(receiver(kind=kind), secrets(url="https://example.com/sesame", secret="sesame"), http)
    assert "sesame" not in repr(sender)
