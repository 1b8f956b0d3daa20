"""Services that apprise reaches: what they get, and that nobody else gets their URLs."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import apprise.plugins.discord
import apprise.plugins.pagerduty
import apprise.plugins.telegram
import pytest
from receiver_servers import Endpoint, http_server
from sample_alerts import HOSTILE, alert, later, message
from starlette.responses import JSONResponse, Response

from tapewatch.notify import apprise_service
from tapewatch.notify.apprise_service import THIS_MACHINE, Apprise
from tapewatch.notify.message import Kind
from tapewatch.notify.sender import TemporaryError
from tapewatch.notify.template import Template

HEADLINE = "▲ S&P 500 crossed above 7,000, at 7,000.25"


def at(url: str, scheme: str, path: str) -> str:
    """The loopback server of `url` as an address of apprise's."""
    return f"{scheme}://{url.partition('://')[2].partition('/')[0]}/{path}"


def got(endpoint: Endpoint) -> Any:
    return json.loads(endpoint.received[-1].body)


async def test_json_gets_title_text_and_severity(endpoint: Endpoint, url: str) -> None:
    await Apprise(at(url, "json", "sesame")).send(message())
    body = got(endpoint)
    assert endpoint.received[0].path == "/sesame"
    assert body["title"] == HEADLINE
    assert body["type"] == "failure"
    lines = body["message"].splitlines()
    assert lines[:4] == [
        "Opens the way to the next target.",
        "Next target: 7,100–7,200",
        "Price: 7,000.25",
        "Level: 7,000 (breakout)",
    ]
    assert "1d: RSI(14) 59.7; MACD(12,26,9) 24.1 / signal 22.0 / hist 2.1; SMA(50) 6,852.10" in lines
    assert lines[-1] == "sp500 · SPX · breakout · critical · alert 9f0c2a51d7b84e6f8d1c3b5a79e0f246"


@pytest.mark.parametrize(
    ("severity", "kind"), [("info", "info"), ("warning", "warning"), ("critical", "failure")]
)
async def test_severities(severity: str, kind: str, endpoint: Endpoint, url: str) -> None:
    await Apprise(at(url, "json", "x")).send(message(later(0, severity="info"), alert(severity=severity)))
    assert got(endpoint)["type"] == kind


async def test_ntfy(endpoint: Endpoint, url: str) -> None:
    await Apprise(at(url, "ntfy", "tape")).send(message())
    assert (got(endpoint)["topic"], got(endpoint)["title"]) == ("tape", HEADLINE)
    assert "Next target: 7,100–7,200" in got(endpoint)["message"]


async def test_telegram(endpoint: Endpoint, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apprise.plugins.telegram.NotifyTelegram, "notify_url", at(url, "http", "bot"))
    endpoint.answers = [JSONResponse({"ok": True, "result": {}})]
    await Apprise("tgram://123456789:abcdefghijklmnopqrstuvwxyz-ABCDEFG/-1001234567890/").send(
        message(HOSTILE)
    )
    assert endpoint.received[0].path == "/bot123456789:abcdefghijklmnopqrstuvwxyz-ABCDEFG/sendMessage"
    body = got(endpoint)
    assert body["chat_id"] == -1001234567890
    assert "&lt;script&gt;" in body["text"]
    assert "<script" not in body["text"]
    assert "<b>crossed" not in body["text"]


@pytest.mark.parametrize("form", ["discord://{id}/{token}", "https://discord.com/api/webhooks/{id}/{token}"])
async def test_discord(form: str, endpoint: Endpoint, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apprise.plugins.discord.NotifyDiscord, "notify_url", at(url, "http", "hooks"))
    token = "sesame" * 12
    note = "@everyone look, and <@123> <@&456> too"
    await Apprise(form.format(id="4174216298", token=token)).send(message(alert(note=note)))
    assert endpoint.received[0].path == f"/hooks/4174216298/{token}"
    content = got(endpoint)["content"]
    assert content.startswith(HEADLINE)
    assert "RSI(14) 59.7" in content
    assert "@everyone" not in content  # nobody is called,
    assert "@\u200beveryone look" in content  # though the words are there
    assert "<@" not in content
    assert "avatar_url" not in got(endpoint)  # no picture from a third party


async def test_teams(endpoint: Endpoint, certificate: tuple[Path, Path]) -> None:
    endpoint.answers = [Response(status_code=202)]
    async with http_server(endpoint, certificate) as url:
        await Apprise(at(url, "workflow", f"{'a' * 32}/sesame-signature?verify=no")).send(message())
    assert "triggers/manual" in endpoint.received[0].path
    card = json.dumps(got(endpoint), ensure_ascii=False)
    assert "S&P 500 crossed above 7,000" in card
    assert "AdaptiveCard" in card


async def test_pagerduty(endpoint: Endpoint, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    regions = dict.fromkeys(apprise.plugins.pagerduty.PAGERDUTY_API_LOOKUP, at(url, "http", "v2/enqueue"))
    monkeypatch.setattr(apprise.plugins.pagerduty, "PAGERDUTY_API_LOOKUP", regions)
    endpoint.answers = [Response(status_code=202)]
    await Apprise(f"pagerduty://{'i' * 32}@{'a' * 32}").send(message())
    body = got(endpoint)
    assert body["routing_key"] == "i" * 32
    assert body["payload"]["severity"] == "critical"
    assert HEADLINE in body["payload"]["summary"]


async def test_a_digest_fits_a_service_that_takes_little(
    endpoint: Endpoint, certificate: tuple[Path, Path]
) -> None:
    endpoint.answers = [Response(status_code=202)]
    alerts = [later(60 * number) for number in range(100)]
    async with http_server(endpoint, certificate) as url:
        sender = Apprise(at(url, "workflow", f"{'a' * 32}/sesame?verify=no"))
        await sender.send(message(*alerts, kind=Kind.DIGEST))
    assert (
        len(endpoint.received) == 1
    )  # Teams takes 1,000 characters: the end is cut, and no second message made
    assert "100 alerts from 09:31 to 11:10 EST" in json.dumps(got(endpoint))


async def test_a_template_is_the_text(endpoint: Endpoint, url: str) -> None:
    await Apprise(at(url, "json", "x"), Template("{{ next }}!", "d")).send(message())
    assert (got(endpoint)["title"], got(endpoint)["message"]) == (HEADLINE, "7,100–7,200!")


@pytest.mark.parametrize("status", [301, 401, 404, 429, 500])
async def test_a_failure_is_tried_again_and_says_what_apprise_says_without_the_url(
    status: int, endpoint: Endpoint, url: str
) -> None:
    endpoint.answers = [Response("no", status, {"Location": "/elsewhere"})]
    with pytest.raises(TemporaryError, match=r"apprise says: .*JSON") as caught:
        await Apprise(at(url, "json", "sesame")).send(message())
    assert str(status) in caught.value.reason
    assert "127.0.0.1" not in caught.value.reason
    assert len(endpoint.received) == 1  # no redirect followed, no retry of its own


async def test_nobody_listening_is_temporary(unused_tcp_port: int) -> None:
    with pytest.raises(TemporaryError, match="apprise says") as caught:
        await Apprise(f"json://sesame:secret@127.0.0.1:{unused_tcp_port}/hidden").send(message())
    for word in ("sesame", "secret", "hidden", "127.0.0.1"):
        assert word not in caught.value.reason


async def test_a_service_that_never_answers_is_given_up(
    endpoint: Endpoint, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apprise_service, "TIMEOUT", 0.2)
    endpoint.answers = [None]
    begun = time.monotonic()
    with pytest.raises(TemporaryError, match=r"no answer within 0\.2 s"):
        await Apprise(at(url, "json", "x?rto=1")).send(message())
    assert time.monotonic() - begun < 1


@pytest.mark.parametrize(
    ("url", "words"),
    [
        (
            "tgram://sesame",
            r"no tgram:// that works: write it such as tgram://{bot_token}/{targets}, see https://",
        ),
        ("discord://sesame", r"no discord:// that works"),
        ("tgrm://sesame/x", r'did you mean "tgram"\?'),
        ("sesame", "does not begin with a service"),
        ("", "does not begin with a service"),
        ("https://example.com/sesame", "no service that apprise knows by its own address"),
        ("file:///etc/sesame", "does not begin with a service"),
        ("exec://sesame", "does not begin with a service"),
        ("mqtt://sesame:sesame@host/topic", "without another library: paho-mqtt"),
    ],
)
def test_a_url_that_cannot_work_says_what_would_and_shows_nothing(url: str, words: str) -> None:
    with pytest.raises(ValueError, match=words.replace("{", r"\{")) as caught:
        Apprise(url)
    assert "sesame" not in str(caught.value)


@pytest.mark.parametrize("schema", sorted(THIS_MACHINE))
def test_what_shows_on_this_machine_is_refused(schema: str) -> None:
    with pytest.raises(ValueError, match=f"^{schema}:// is on this machine"):
        Apprise(f"{schema.upper()}://localhost")


def test_no_custom_plugin_is_loaded(tmp_path: Path) -> None:
    """apprise's own command would find these; code from a home folder has no place in a daemon."""
    planted = [tmp_path / folder for folder in (".apprise/plugins", ".config/apprise/plugins", "named")]
    for folder in planted:
        folder.mkdir(parents=True)
        (folder / "mine.py").write_text(
            "from apprise.decorators import notify\nprint('LOADED')\n"
            "@notify(on='mine')\ndef mine(body, title, notify_type, **kw):\n    return True\n"
        )
    (tmp_path / ".apprise.yml").write_text("urls:\n  - json://127.0.0.1:1/planted\n")
    ran = python(
        "from tapewatch.notify.apprise_service import Apprise\n"
        "try:\n    Apprise('mine://x')\nexcept ValueError as error:\n    print('refused', error)\n"
        "print(len(Apprise('json://localhost')._service))",
        {
            "HOME": str(tmp_path),
            "XDG_CONFIG_HOME": str(tmp_path / ".config"),
            "APPRISE_PLUGIN_PATH": str(planted[-1]),
            "APPRISE_PLUGIN_PATHS": str(planted[-1]),
            "APPRISE_CONFIG": str(tmp_path / ".apprise.yml"),
            "APPRISE_CONFIG_PATH": str(tmp_path),
            "APPRISE_URLS": "json://127.0.0.1:1/planted",
        },
    )
    assert ran.stdout.startswith("refused")
    assert ran.stdout.endswith("\n1\n")
    assert "LOADED" not in ran.stdout


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "exec:///bin/sh", "sh://id", "python://mine.py", "/bin/sh"]
)
def test_there_is_no_service_that_runs_or_reads_what_is_on_this_machine(url: str) -> None:
    with pytest.raises(ValueError, match="does not begin with a service"):
        Apprise(url)


def test_no_log_holds_a_secret(unused_tcp_port: int) -> None:
    """Even where somebody turned every library's log on."""
    ran = python(
        "import asyncio, logging, sys\n"
        "logging.basicConfig(level=1, stream=sys.stdout)\n"
        "sys.path.insert(0, 'tests/notify')\n"
        "from sample_alerts import message\n"
        "from tapewatch.notify.apprise_service import Apprise\n"
        "from tapewatch.notify.sender import TemporaryError\n"
        "async def main():\n"
        f"    for url in ('json://sesame:sesame@127.0.0.1:{unused_tcp_port}/sesame', 'ntfy://127.0.0.1:{unused_tcp_port}/sesame'):\n"
        "        try:\n            await Apprise(url).send(message())\n"
        "        except TemporaryError as error:\n            print('failed', error)\n"
        "for url in ('tgram://sesame', 'sesame://sesame', 'https://sesame.example/sesame'):\n"
        "    try:\n        Apprise(url)\n    except ValueError:\n        print('refused')\n"
        "asyncio.run(main())\nlogging.getLogger('other').debug('heard')\n",
        {},
    )
    assert ran.stdout.count("refused") == 3
    assert ran.stdout.count("failed apprise says") == 2
    assert "heard" in ran.stdout
    assert "sesame" not in ran.stdout + ran.stderr


def test_it_is_not_read_before_it_is_needed() -> None:
    ran = python("import sys, tapewatch.notify.build\nprint('apprise' in sys.modules)", {})
    assert ran.stdout == "False\n"


def python(code: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    ran = subprocess.run(
        [sys.executable, "-c", code],
        env={"PATH": "/usr/bin:/bin", **environment},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return ran
