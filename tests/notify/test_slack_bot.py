import json
from typing import Any

import httpx
import pytest
from receiver_servers import Endpoint
from sample_alerts import HOSTILE, message
from starlette.responses import JSONResponse, Response

from tapewatch.notify.sender import PermanentError, TemporaryError
from tapewatch.notify.slack_bot import SlackBot

TOKEN = "xoxb-sesame-0123456789"
TS = "1769610667.000100"


def bot(url: str, http: httpx.AsyncClient, **keys: Any) -> SlackBot:
    return SlackBot("C0123456789", TOKEN, http, api_url=f"{url}/api/", **keys)


def refusal(error: str) -> JSONResponse:
    return JSONResponse({"ok": False, "error": error})


def posted(endpoint: Endpoint, number: int = -1) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(endpoint.received[number].body)
    return body


async def test_the_message_goes_to_the_channel_and_its_ts_is_the_receipt(
    endpoint: Endpoint, url: str, http: httpx.AsyncClient
) -> None:
    endpoint.answers = [JSONResponse({"ok": True, "channel": "C0123456789", "ts": TS})]
    assert await bot(url, http).send(message()) == TS
    (request,) = endpoint.received
    assert request.path == "/services/T0/B0/sesame/api/chat.postMessage"
    assert request.headers["authorization"] == f"Bearer {TOKEN}"
    assert request.headers["content-type"] == "application/json; charset=utf-8"
    body = posted(endpoint)
    assert body["channel"] == "C0123456789"
    assert body["text"] == "▲ S&amp;P 500 crossed above 7,000, at 7,000.25"
    assert body["blocks"][0]["type"] == "header"
    assert (body["mrkdwn"], body["unfurl_links"], body["unfurl_media"]) == (False, False, False)
    assert "thread_ts" not in body


async def test_an_answer_goes_into_the_thread_and_so_does_what_answers_it(
    endpoint: Endpoint, url: str, http: httpx.AsyncClient
) -> None:
    endpoint.answers = [JSONResponse({"ok": True, "ts": "1769614200.000300"})]
    assert await bot(url, http).send(message(answers=TS)) == TS
    assert (posted(endpoint)["thread_ts"], posted(endpoint)["reply_broadcast"]) == (TS, False)


@pytest.mark.parametrize("receipt", ["<9f0c@tapewatch>", "1769610667", "1.1, 2.2", ""])
async def test_a_receipt_of_another_kind_is_no_thread(
    receipt: str, endpoint: Endpoint, url: str, http: httpx.AsyncClient
) -> None:
    endpoint.answers = [JSONResponse({"ok": True, "ts": TS})]
    assert await bot(url, http).send(message(answers=receipt)) == TS
    assert "thread_ts" not in posted(endpoint)


@pytest.mark.parametrize(
    "error", ["thread_not_found", "cannot_reply_to_message", "restricted_action_thread_locked"]
)
async def test_where_the_thread_is_gone_the_channel_gets_it(
    error: str, endpoint: Endpoint, url: str, http: httpx.AsyncClient
) -> None:
    endpoint.answers = [refusal(error), JSONResponse({"ok": True, "ts": "2.2"})]
    assert await bot(url, http).send(message(answers=TS)) == "2.2"
    assert "thread_ts" in posted(endpoint, 0)
    assert "thread_ts" not in posted(endpoint, 1)


@pytest.mark.parametrize(
    "error", ["internal_error", "fatal_error", "service_unavailable", "request_timeout", "ratelimited"]
)
async def test_slacks_own_troubles_pass(
    error: str, endpoint: Endpoint, url: str, http: httpx.AsyncClient
) -> None:
    endpoint.answers = [refusal(error)]
    with pytest.raises(TemporaryError, match=f"^Slack says {error}$"):
        await bot(url, http).send(message())


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        ("not_in_channel", "invite the bot"),
        ("channel_not_found", "the channel's id"),
        ("invalid_auth", "bot token"),
        ("token_revoked", "bot token"),
        ("missing_scope", "chat:write"),
        ("is_archived", "archived"),
        ("invalid_blocks", "invalid_blocks"),
        ("msg_blocks_too_long", "msg_blocks_too_long"),
    ],
)
async def test_what_will_not_pass_says_what_to_do(
    error: str, advice: str, endpoint: Endpoint, url: str, http: httpx.AsyncClient
) -> None:
    endpoint.answers = [refusal(error)]
    with pytest.raises(PermanentError, match=f"^Slack says {error}.*") as caught:
        await bot(url, http).send(message())
    assert advice in str(caught.value)
    assert "sesame" not in str(caught.value)


async def test_no_thread_asked_for_and_none_found_is_no_endless_try(
    endpoint: Endpoint, url: str, http: httpx.AsyncClient
) -> None:
    endpoint.answers = [refusal("thread_not_found")]
    with pytest.raises(PermanentError, match="thread_not_found"):
        await bot(url, http).send(message())
    assert len(endpoint.received) == 1


async def test_too_many_messages_wait_as_long_as_slack_says(
    endpoint: Endpoint, url: str, http: httpx.AsyncClient
) -> None:
    limited = JSONResponse({"ok": False, "error": "ratelimited"}, 429, {"Retry-After": "30"})
    endpoint.answers = [limited]
    with pytest.raises(TemporaryError, match="HTTP 429") as caught:
        await bot(url, http).send(message())
    assert caught.value.retry_after == 30


@pytest.mark.parametrize(
    "answer",
    [Response("<html>log in to the hotel's network</html>"), Response("[]"), Response('{"ok": "yes"}')],
)
async def test_an_answer_that_is_not_slacks_is_no_receipt(
    answer: Response, endpoint: Endpoint, url: str, http: httpx.AsyncClient
) -> None:
    endpoint.answers = [answer]
    with pytest.raises(TemporaryError, match="none of Slack's"):
        await bot(url, http).send(message())


async def test_an_error_word_that_is_none_is_not_repeated(
    endpoint: Endpoint, url: str, http: httpx.AsyncClient
) -> None:
    endpoint.answers = [refusal(f"bad token {TOKEN}\nX: y")]
    with pytest.raises(PermanentError, match=r"^Slack says an error without a name$"):
        await bot(url, http).send(message())


@pytest.mark.parametrize("ts", ["", "now", "1.2\r\nX: y", "9" * 300 + ".1"])
async def test_a_ts_that_is_none_is_no_receipt(
    ts: str, endpoint: Endpoint, url: str, http: httpx.AsyncClient
) -> None:
    endpoint.answers = [JSONResponse({"ok": True, "ts": ts})]
    assert await bot(url, http).send(message()) is None


async def test_hostile_text_calls_nobody(endpoint: Endpoint, url: str, http: httpx.AsyncClient) -> None:
    endpoint.answers = [JSONResponse({"ok": True, "ts": TS})]
    await bot(url, http).send(message(HOSTILE))
    assert "<" not in json.dumps(posted(endpoint))


@pytest.mark.parametrize("token", ["", "xoxb-sesame\r\nX-Injected: yes", "xoxb sesame", "xoxb-sésame"])
def test_a_token_that_no_header_takes_is_refused_without_being_shown(
    token: str, http: httpx.AsyncClient
) -> None:
    with pytest.raises(ValueError, match="no white space") as caught:
        SlackBot("C0123456789", token, http)
    assert "same" not in str(caught.value)
