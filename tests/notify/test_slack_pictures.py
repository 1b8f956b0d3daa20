"""Pictures in a bot's messages: there in the message itself, and nothing that goes wrong with them costs the alert."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from receiver_servers import http_server
from sample_alerts import HOSTILE, alert, message
from slack_server import CHANNEL, TOKEN, SlackServer
from starlette.responses import JSONResponse, Response
from structlog.testing import capture_logs

from tapewatch.notify.message import Message
from tapewatch.notify.sender import PermanentError, TemporaryError
from tapewatch.notify.slack_bot import SlackBot
from tapewatch.notify.spare import Spare
from tapewatch.notify.template import Template

PNG = b"\x89PNG\r\n\x1a\n a chart"
UPLOAD = ["files.getUploadURLExternal", "F000000000", "files.completeUploadExternal"]


@pytest.fixture
async def slack() -> SlackServer:
    return SlackServer()


@pytest.fixture
async def api(slack: SlackServer) -> AsyncIterator[str]:
    async with http_server(slack) as url:
        yield f"{url.partition('/services')[0]}/api/"


def bot(api: str, http: httpx.AsyncClient, **keys: Any) -> SlackBot:
    return SlackBot(CHANNEL, TOKEN, http, api_url=api, **keys)


def pictured(own: Message | None = None, left: float = 2.0) -> Message:
    spare = Spare()
    spare.left = left
    return replace(own or message(), picture=PNG, spare=spare)


def types(posted: dict[str, Any]) -> list[str]:
    return [block["type"] for block in posted["blocks"]]


async def test_the_picture_is_in_the_message_between_what_happened_and_the_figures(
    slack: SlackServer, api: str, http: httpx.AsyncClient
) -> None:
    receipt = await bot(api, http).send(pictured())
    (posted,) = slack.messages
    assert receipt == posted["ts"]
    assert types(posted)[:4] == ["header", "section", "section", "image"]
    assert types(posted)[4:] == ["section", "section", "context"]
    (file,) = slack.files.values()
    assert file.content == PNG
    says = "Chart of S&P 500 up to 2026-01-28 09:31:07 EST (14:31:07 UTC): S&P 500 crossed above 7,000, at 7,000.25"
    assert file.alt == posted["blocks"][3]["alt_text"] == says
    assert slack.called == [*UPLOAD, "chat.postMessage"]


async def test_it_is_asked_again_until_slack_has_the_picture_ready(
    slack: SlackServer, api: str, http: httpx.AsyncClient
) -> None:
    slack.ready_after = 2
    own = pictured()
    await bot(api, http).send(own)
    (posted,) = slack.messages
    assert "image" in types(posted)
    assert own.spare is not None
    assert own.spare.left < 1.3  # two pauses


async def test_one_that_is_not_ready_in_time_holds_nothing_back(
    slack: SlackServer, api: str, http: httpx.AsyncClient
) -> None:
    slack.ready_after = 1000
    with capture_logs() as logs:
        began = asyncio.get_running_loop().time()
        assert await bot(api, http).send(pictured(left=0.9))
        took = asyncio.get_running_loop().time() - began
    (posted,) = slack.messages
    assert "image" not in types(posted)
    assert took < 2
    (entry,) = logs
    assert entry["event"] == "notify.picture_refused"
    assert entry["reason"] == "Slack did not get it ready in time"


async def test_without_the_scope_the_alert_goes_out_and_one_warning_says_what_to_do(
    slack: SlackServer, api: str, http: httpx.AsyncClient
) -> None:
    slack.scopes = {"chat:write"}
    desk = bot(api, http)
    with capture_logs() as logs:
        for number in range(3):
            assert await desk.send(pictured(message(alert(id=f"a{number}"))))
    assert len(slack.messages) == 3
    assert not any("image" in types(posted) for posted in slack.messages)
    (entry,) = logs
    assert entry["log_level"] == "warning"
    assert "files:write" in entry["reason"]
    assert "pictures = false" in entry["reason"]
    slack.scopes.add("files:write")
    assert await desk.send(pictured(message(alert(id="a3"))))
    assert "image" in types(slack.messages[-1])
    slack.scopes.remove("files:write")
    with capture_logs() as logs:
        assert await desk.send(pictured(message(alert(id="a4"))))
    assert len(logs) == 1  # it worked meanwhile


@pytest.mark.parametrize("method", UPLOAD)
async def test_a_slack_that_hangs_at_the_upload_does_not_hold_the_alert_back(
    method: str, slack: SlackServer, api: str, http: httpx.AsyncClient
) -> None:
    slack.hangs = {method}
    with capture_logs() as logs:
        began = asyncio.get_running_loop().time()
        assert await bot(api, http).send(pictured(left=0.6))
        took = asyncio.get_running_loop().time() - began
    assert types(slack.messages[0])[3] == "section"
    assert took < 1.6
    assert logs[0]["reason"] == "Slack did not take it within 0.6 s"


@pytest.mark.parametrize("method", UPLOAD)
@pytest.mark.parametrize(
    "answer",
    [
        Response("no", 500),
        Response("no", 404),
        Response("", 302, {"Location": "http://127.0.0.1:1/"}),
        JSONResponse({"ok": False, "error": "ratelimited"}, 429, {"Retry-After": "30"}),
    ],
)
async def test_an_upload_that_fails_costs_nothing_but_the_picture(
    method: str, answer: Response, slack: SlackServer, api: str, http: httpx.AsyncClient
) -> None:
    slack.refuses = {method: [answer]}
    with capture_logs() as logs:
        assert await bot(api, http).send(pictured())
    assert len(slack.messages) == 1
    assert logs[0]["event"] == "notify.picture_refused"
    assert logs[0]["reason"].startswith(f"HTTP {answer.status_code}")


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        ("file_uploads_disabled", "allow them"),
        ("storage_limit_reached", "delete files"),
        ("what now", "name"),
    ],
)
async def test_what_slack_says_of_a_file_is_told(
    error: str, advice: str, slack: SlackServer, api: str, http: httpx.AsyncClient
) -> None:
    slack.refuses = {UPLOAD[0]: [JSONResponse({"ok": False, "error": error})]}
    with capture_logs() as logs:
        assert await bot(api, http).send(pictured())
    assert advice in logs[0]["reason"]


@pytest.mark.parametrize(
    "answer",
    [
        Response("<html>log in</html>"),
        JSONResponse({"ok": True}),
        JSONResponse({"ok": True, "file_id": "F1", "upload_url": "http://127.0.0.1:9/upload"}),
        JSONResponse({"ok": True, "file_id": "F1", "upload_url": "ftp://files.example.org/upload"}),
        JSONResponse({"ok": True, "file_id": "F1", "upload_url": "file:///etc/passwd"}),
        JSONResponse({"ok": True, "file_id": "F1", "upload_url": "https://["}),
        JSONResponse({"ok": True, "file_id": "F1", "upload_url": "https://files.example.org:port/"}),
        JSONResponse({"ok": True, "file_id": "F1", "upload_url": "https://xn--files-.example.org/"}),
        JSONResponse({"ok": True, "file_id": "../F1", "upload_url": "https://files.example.org/"}),
    ],
)
async def test_a_picture_goes_nowhere_but_to_an_encrypted_url(
    answer: Response, slack: SlackServer, api: str, http: httpx.AsyncClient
) -> None:
    slack.refuses = {UPLOAD[0]: [answer]}
    with capture_logs() as logs:
        assert await bot(api, http).send(pictured())
    assert slack.called == [UPLOAD[0], "chat.postMessage"]
    assert len(logs) == 1


async def test_whoever_stores_the_files_gets_no_token(
    slack: SlackServer, api: str, http: httpx.AsyncClient
) -> None:
    await bot(api, http).send(pictured())
    told = [headers for method, headers in slack.calls if method == UPLOAD[1]]
    assert len(told) == 1
    assert "sesame" not in json.dumps(told)


async def test_a_second_attempt_uploads_no_second_time(
    slack: SlackServer, api: str, http: httpx.AsyncClient
) -> None:
    slack.refuses = {"chat.postMessage": [Response("", 503)]}
    desk, own = bot(api, http), pictured()
    with pytest.raises(TemporaryError, match="HTTP 503"):
        await desk.send(own)
    assert await desk.send(own)
    assert "image" in types(slack.messages[0])
    assert slack.called == [*UPLOAD, "chat.postMessage", "chat.postMessage"]


async def test_a_second_attempt_does_not_try_an_upload_that_failed_again(
    slack: SlackServer, api: str, http: httpx.AsyncClient
) -> None:
    slack.refuses = {UPLOAD[0]: [Response("", 503)], "chat.postMessage": [Response("", 503)]}
    desk, own = bot(api, http), pictured()
    with pytest.raises(TemporaryError, match="HTTP 503"):
        await desk.send(own)
    assert await desk.send(own)
    assert slack.called == [UPLOAD[0], "chat.postMessage", "chat.postMessage"]


async def test_an_answer_has_its_picture_in_the_thread(
    slack: SlackServer, api: str, http: httpx.AsyncClient
) -> None:
    slack.ready_after = 1
    desk = bot(api, http)
    first = await desk.send(message())
    answer = pictured(message(alert(id="ab"), answers=first))
    assert await desk.send(answer) == first
    assert [own.get("thread_ts") for own in slack.messages] == [None, first]
    assert "image" in types(slack.messages[1])


async def test_where_the_thread_is_gone_the_picture_is_in_the_channel_once(
    slack: SlackServer, api: str, http: httpx.AsyncClient
) -> None:
    slack.ready_after = 1
    receipt = await bot(api, http).send(pictured(message(answers="1.2")))
    (posted,) = slack.messages
    assert receipt == posted["ts"]
    assert "thread_ts" not in posted
    assert "image" in types(posted)


async def test_what_slack_refuses_of_a_message_with_a_picture_goes_out_without(
    slack: SlackServer, api: str, http: httpx.AsyncClient
) -> None:
    slack.refuses = {"chat.postMessage": [JSONResponse({"ok": False, "error": "msg_blocks_too_long"})]}
    assert await bot(api, http).send(pictured())
    assert "image" not in types(slack.messages[0])


async def test_what_slack_refuses_without_a_picture_is_refused(
    slack: SlackServer, api: str, http: httpx.AsyncClient
) -> None:
    refusal = JSONResponse({"ok": False, "error": "is_archived"})
    slack.refuses = {"chat.postMessage": [refusal, refusal]}
    with pytest.raises(PermanentError, match="is_archived"):
        await bot(api, http).send(pictured())
    assert slack.messages == []


async def test_a_template_keeps_the_picture(slack: SlackServer, api: str, http: httpx.AsyncClient) -> None:
    await bot(api, http, template=Template("{{ headline }}", "own.j2")).send(pictured())
    assert types(slack.messages[0]) == ["section", "image"]


async def test_no_time_left_means_no_picture(slack: SlackServer, api: str, http: httpx.AsyncClient) -> None:
    with capture_logs() as logs:
        await bot(api, http).send(pictured(left=0.2))
    assert slack.called == ["chat.postMessage"]
    assert logs == []


async def test_hostile_names_stay_words(slack: SlackServer, api: str, http: httpx.AsyncClient) -> None:
    await bot(api, http).send(pictured(message(HOSTILE)))
    shown = next(block for block in slack.messages[0]["blocks"] if block["type"] == "image")
    assert "‹!here›" in shown["alt_text"]
    assert "<" not in json.dumps(slack.messages[0])


async def test_the_link_is_text_that_no_button_warns_of(
    slack: SlackServer, api: str, http: httpx.AsyncClient
) -> None:
    own = replace(message(), link="https://tape.example.org/t?a=1&b=<2>|x/alerts/9f0c")
    await bot(api, http).send(own)
    *_, link, context = slack.messages[0]["blocks"]
    address = "https://tape.example.org/t?a=1&amp;b=&lt;2&gt;%7Cx/alerts/9f0c"
    assert link["text"]["text"] == f"<{address}|Open the chart>"
    assert context["type"] == "context"
