"""Brings a picture to Slack, so that a message can show it.

Sources: https://docs.slack.dev/reference/methods/files.getUploadURLExternal (arguments, errors; 200 from the URL that
it gives means that the bytes are there), https://docs.slack.dev/reference/methods/files.completeUploadExternal (without
a channel the file is the bot's alone, until a message shows it). Both need the scope files:write.
"""

import re
from typing import NoReturn, TypeVar
from urllib.parse import urlencode, urlsplit

import httpx
import msgspec

from tapewatch.notify.http import check, post
from tapewatch.notify.sender import PermanentError, TemporaryError

ALT_LIMIT = 1000
"""Characters of what stands for the picture where it cannot be seen."""

_OFF = "or set pictures = false for this receiver"
_ADVICE = {
    "file_upload_size_restricted": f"the workspace restricts large files: allow them, {_OFF}",
    "file_uploads_disabled": f"the workspace allows no files: allow them, {_OFF}",
    "missing_scope": f"give the app the scope files:write, and install it anew, {_OFF}",
    "not_allowed_token_type": f"pictures need a bot's token, {_OFF}",
    "storage_limit_reached": f"the workspace is full: delete files, {_OFF}",
}
"""What is to be done about errors that stay."""

_WORD = re.compile(r"[a-z][a-z_]{0,63}")
_ID = re.compile(r"F[A-Z0-9]{1,30}")


class PictureError(Exception):
    """Slack has not got the picture; the message says why, and what to do about it, never a URL or a secret."""


class _Answer(msgspec.Struct):
    ok: bool
    error: str = ""


class _Place(_Answer):
    upload_url: str = ""
    file_id: str = ""


T = TypeVar("T", bound=_Answer)


async def upload(http: httpx.AsyncClient, api_url: str, token: str, picture: bytes, alt: str) -> str:
    """The id of a new file with this PNG, which Slack may take a second to get ready.

    Args:
        http: sends.
        api_url: of Slack's methods, with a slash at its end.
        token: the bot's.
        picture: the PNG.
        alt: what it shows, for who cannot see it.

    Raises:
        PictureError: Slack has not got it.
    """
    name = "chart.png"
    login = {"Authorization": f"Bearer {token}"}
    form = urlencode({"filename": name, "length": len(picture), "alt_txt": alt[:ALT_LIMIT]}).encode()
    try:
        urlencoded = {"Content-Type": "application/x-www-form-urlencoded"}
        place = await _call(http, f"{api_url}files.getUploadURLExternal", form, login | urlencoded, _Place)
        if not _ID.fullmatch(place.file_id) or not _trusted(place.upload_url, api_url):
            raise PictureError("Slack names no file, or no https:// URL to upload it to")
        # The URL alone lets us in: the token stays here.
        check(await post(http, place.upload_url, picture, {"Content-Type": "application/octet-stream"}))
        files = msgspec.json.encode({"files": [{"id": place.file_id, "title": alt[:ALT_LIMIT]}]})
        json = {"Content-Type": "application/json; charset=utf-8"}
        await _call(http, f"{api_url}files.completeUploadExternal", files, login | json, _Answer)
    except (PermanentError, TemporaryError) as error:
        raise PictureError(error.reason) from None
    except (httpx.InvalidURL, UnicodeError):  # the latter of a host that IDNA cannot write
        raise PictureError("Slack names a URL to upload it to that is none") from None
    return place.file_id


def _trusted(url: str, api_url: str) -> bool:
    """Whether the picture may go there: encrypted, or in the clear to a server that Slack's part is played by."""
    try:
        there, api = urlsplit(url), urlsplit(api_url)
    except ValueError:
        return False
    return bool(there.hostname) and (
        there.scheme == "https"
        or (there.scheme == api.scheme == "http" and (there.hostname, there.port) == (api.hostname, api.port))
    )


async def _call(http: httpx.AsyncClient, url: str, body: bytes, headers: dict[str, str], form: type[T]) -> T:
    response = await post(http, url, body, headers)
    check(response)
    try:
        answer = msgspec.json.decode(response.content, type=form)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise PictureError("the answer is none of Slack's") from None
    if not answer.ok:
        _refuse(answer.error)
    return answer


def _refuse(error: str) -> NoReturn:
    word = error if _WORD.fullmatch(error) else "an error without a name"
    advice = f": {_ADVICE[word]}" if word in _ADVICE else ""
    raise PictureError(f"Slack says {word}{advice}")
