"""Slack: the same message by a bot, which can answer an earlier one in its thread.

Sources: https://docs.slack.dev/reference/methods/chat.postMessage (arguments, errors),
https://docs.slack.dev/apis/web-api/rate-limits (429, `Retry-After`, one message a second and channel),
https://docs.slack.dev/apis/web-api/using-the-slack-web-api (the answer is 200 with `ok` false where it failed),
https://docs.slack.dev/reference/block-kit/composition-objects/slack-file-object (pictures)

A picture has to be with Slack before the message that shows it: one that chat.update puts into a message stays
invisible (https://github.com/slackapi/java-slack-sdk/issues/1441). Until it is ready, about a second after the upload,
Slack refuses the message as `invalid_blocks` (https://github.com/slackapi/python-slack-sdk/issues/1521). To ask whether
it is would take the scope files:read, so the message itself asks: one that is refused was not posted.
"""

import asyncio
import re
import time
from typing import NoReturn

import httpx
import msgspec
import structlog

from tapewatch.notify.http import check, post
from tapewatch.notify.message import Message
from tapewatch.notify.sender import PermanentError, TemporaryError
from tapewatch.notify.slack import MOST_LINES, Json, image_block, payload
from tapewatch.notify.slack_files import PictureError, upload
from tapewatch.notify.spare import Spare
from tapewatch.notify.telling import picture_text, tell
from tapewatch.notify.template import Template, own_text
from tapewatch.retry_after import retry_after

READY_PERIOD = 0.4
"""Seconds between two questions whether Slack has the picture ready."""

LEAST = 0.5
"""Seconds in which a picture may get to Slack; with less, none is tried."""

_PASSING = {
    "fatal_error", "internal_error", "message_limit_exceeded", "org_login_required", "rate_limited", "ratelimited",
    "request_timeout", "service_unavailable", "team_added_to_org",
}  # fmt: skip
"""Errors of Slack's side, or of the moment."""

_NO_THREAD = {
    "cannot_reply_to_message", "invalid_thread_ts", "message_not_found", "restricted_action_non_threadable_channel",
    "restricted_action_thread_locked", "thread_not_found",
}  # fmt: skip
"""The message that is to be answered is gone, or takes no answers."""

_NEW_TOKEN = "put the app's bot token, as OAuth & Permissions shows it, where the token comes from"  # noqa: S105
_ADVICE = {
    "account_inactive": f"the app was removed: install it anew, and {_NEW_TOKEN}",
    "channel_not_found": "write the channel's id, and invite the bot if it is private",
    "invalid_auth": _NEW_TOKEN,
    "is_archived": "the channel is archived: unarchive it, or write the id of another",
    "missing_scope": "give the app the scope chat:write, and install it anew",
    "no_permission": "invite the bot to the channel",
    "not_allowed_token_type": _NEW_TOKEN,
    "not_authed": _NEW_TOKEN,
    "not_in_channel": "invite the bot to the channel",
    "restricted_action": "a setting of the workspace keeps the bot from posting there",
    "restricted_action_read_only_channel": "only some may post to this channel: let the bot, or write another's id",
    "restricted_action_thread_only_channel": "the channel takes nothing but answers: write another's id",
    "token_expired": _NEW_TOKEN,
    "token_revoked": _NEW_TOKEN,
}
"""What is to be done about errors that stay."""

log = structlog.get_logger(__name__)

_WORD = re.compile(r"[a-z][a-z_]{0,63}")
_TS = re.compile(r"\d{1,20}\.\d{1,20}")


class _Answer(msgspec.Struct):
    ok: bool
    error: str = ""
    ts: str = ""


class _NoThreadError(Exception):
    """Slack would have taken the message, but not as an answer."""


class _NotReadyError(PermanentError):
    """Slack does not take the blocks; those with a picture it may take in a moment."""


class SlackBot:
    """Posts to one channel; the token is a secret."""

    def __init__(
        self,
        channel: str,
        token: str,
        http: httpx.AsyncClient,
        *,
        api_url: str = "https://slack.com/api/",
        pictures: bool = True,
        template: Template | None = None,
    ) -> None:
        """Who posts, and where to.

        Raises:
            ValueError: no token has such characters.
        """
        if not re.fullmatch(r"[!-~]+", token):
            raise ValueError("a token has no white space in it, and only ASCII")
        self.pictures = pictures
        self._channel = channel
        self._api_url = f"{api_url.rstrip('/')}/"
        self._token = token
        self._headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Authorization": f"Bearer {token}",
        }
        self._http = http
        self._template = template
        self._file: tuple[str, str | None] = ("", None)  # of the newest message with a picture, by its id
        self._told_refused = False

    async def send(self, message: Message) -> str | None:
        """Posts `message`, in the thread that it answers if there is one; see `Sender.send`.

        Returns:
            The `ts` of the message; of an answer that of the message that its thread began with, since answers
            cannot be answered themselves.
        """
        told = tell(message)
        text = own_text(self._template, told, MOST_LINES)
        if message.picture and message.spare:
            image = await self._image(message, message.picture, message.spare)
            while image:
                began = time.monotonic()
                try:
                    receipt = await self._deliver(payload(told, text, image), message.answers)
                except PermanentError as error:  # it was not posted
                    message.spare.take(time.monotonic() - began)
                    image = await self._again(image, message.spare, error)
                else:
                    self._told_refused = False
                    return receipt
        return await self._deliver(payload(told, text), message.answers)

    async def _image(self, message: Message, picture: bytes, spare: Spare) -> Json | None:
        """The block with the picture, which is brought to Slack once; None: it did not get there."""
        alt = picture_text(message)
        if self._file[0] != message.id:
            self._file = (message.id, None)
            with spare.spending():
                self._file = (message.id, await self._uploaded(picture, alt, spare.left))
        file = self._file[1]
        return image_block(file, alt) if file else None

    async def _uploaded(self, picture: bytes, alt: str, within: float) -> str | None:
        if within < LEAST:
            return None
        try:
            async with asyncio.timeout(within):
                return await upload(self._http, self._api_url, self._token, picture, alt)
        except PictureError as error:
            self._refused(str(error))
        except TimeoutError:
            self._refused(f"Slack did not take it within {within:.1f} s")
        return None

    async def _again(self, image: Json, spare: Spare, error: PermanentError) -> Json | None:
        """The block once more after a pause; None: the message goes out without."""
        if not isinstance(error, _NotReadyError):
            self._refused(error.reason)
            return None
        if spare.left <= READY_PERIOD:
            self._refused("Slack did not get it ready in time")
            return None
        with spare.spending():
            await asyncio.sleep(READY_PERIOD)
        return image

    async def _deliver(self, content: Json, first: str | None) -> str | None:
        posted: Json = {
            **content,
            "channel": self._channel,
            "unfurl_links": False,
            "unfurl_media": False,
        }
        # A receiver that was of another kind before has other receipts.
        if first is not None and _TS.fullmatch(first):
            try:
                await self._post(posted | {"thread_ts": first, "reply_broadcast": False})
            except _NoThreadError:
                pass  # told without the thread rather than not at all
            else:
                return first
        try:
            return await self._post(posted)
        except _NoThreadError as error:
            raise PermanentError(str(error)) from None

    def _refused(self, reason: str) -> None:
        """Says so once, until a picture gets there again."""
        if not self._told_refused:
            log.warning("notify.picture_refused", channel=self._channel, reason=reason)
        self._told_refused = True

    async def _post(self, posted: Json) -> str | None:
        """The `ts` of what was posted, if Slack says it."""
        response = await post(
            self._http, f"{self._api_url}chat.postMessage", msgspec.json.encode(posted), self._headers
        )
        check(response)
        try:
            answer = msgspec.json.decode(response.content, type=_Answer)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            raise TemporaryError("the answer is none of Slack's") from None
        if not answer.ok:
            _refuse(answer.error, response)
        return answer.ts if _TS.fullmatch(answer.ts) else None


def _refuse(error: str, response: httpx.Response) -> NoReturn:
    word = error if _WORD.fullmatch(error) else "an error without a name"
    advice = f": {_ADVICE[word]}" if word in _ADVICE else ""
    reason = f"Slack says {word}{advice}"
    if word in _PASSING:
        raise TemporaryError(reason, retry_after(response.headers.get("Retry-After", "")))
    if word in _NO_THREAD:
        raise _NoThreadError(reason)
    if word == "invalid_blocks":
        raise _NotReadyError(reason)
    raise PermanentError(reason)
