"""Slack's Web API as its pages describe it, as far as a bot needs it that posts pictures.

Sources: https://docs.slack.dev/reference/methods/files.getUploadURLExternal,
https://docs.slack.dev/reference/methods/files.completeUploadExternal,
https://docs.slack.dev/reference/methods/chat.postMessage,
https://docs.slack.dev/reference/block-kit/composition-objects/slack-file-object; that a file is not ready at once:
https://github.com/slackapi/python-slack-sdk/issues/1521
"""

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

TOKEN = "xoxb-sesame-0123456789"
CHANNEL = "C0123456789"
BLOCKS = {"header", "section", "context", "image"}


@dataclass
class File:
    length: int
    alt: str
    content: bytes = b""
    complete: bool = False
    asked: int = 0
    """How often a message wanted to show it."""


@dataclass
class SlackServer:
    """Its methods are under `/api/`."""

    scopes: set[str] = field(default_factory=lambda: {"chat:write", "files:write"})
    ready_after: int = 0
    """How often a file is not ready yet when a message is to show it."""
    hangs: set[str] = field(default_factory=set)
    """Methods that never answer."""
    refuses: dict[str, list[Response]] = field(default_factory=dict)
    """By method, answers that are given first."""
    upload_url: str | None = None
    """Where it sends files; left out, to itself."""
    files: dict[str, File] = field(default_factory=dict)
    messages: list[dict[str, Any]] = field(default_factory=list)
    """What was posted, and nothing that was refused."""
    calls: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    """Methods that were called, with the headers."""

    @property
    def called(self) -> list[str]:
        return [method for method, _ in self.calls]

    async def answer(self, request: Request) -> Response:
        method = request.url.path.rpartition("/")[2]
        body = await request.body()
        self.calls.append((method, dict(request.headers)))
        if method in self.hangs:
            await asyncio.Event().wait()
        if refusals := self.refuses.get(method):
            return refusals.pop(0)
        if "/upload/" in request.url.path:
            return self._upload(method, request, body)
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return _error("not_authed")
        match method:
            case "files.getUploadURLExternal":
                return self._place(request, body)
            case "files.completeUploadExternal":
                return self._complete(request, body)
            case "chat.postMessage":
                return self._post(request, body)
        return _error("unknown_method")

    def _place(self, request: Request, body: bytes) -> Response:
        if "files:write" not in self.scopes:
            return _error("missing_scope", needed="files:write", provided=",".join(sorted(self.scopes)))
        assert request.headers["content-type"] == "application/x-www-form-urlencoded"
        form = {key: value[0] for key, value in parse_qs(body.decode(), strict_parsing=True).items()}
        if not form.get("filename") or int(form.get("length", 0)) <= 0:
            return _error("missing_argument")
        if len(form.get("alt_txt", "")) > 1000:
            return _error("alt_txt_too_large")
        assert form.keys() <= {"filename", "length", "alt_txt", "snippet_type"}
        id_ = f"F0{len(self.files):08d}"
        self.files[id_] = File(int(form["length"]), form.get("alt_txt", ""))
        url = self.upload_url or f"{request.url.scheme}://{request.url.netloc}/upload/v1/{id_}"
        return JSONResponse({"ok": True, "upload_url": url, "file_id": id_})

    def _upload(self, id_: str, request: Request, body: bytes) -> Response:
        assert "authorization" not in request.headers, "the token is not for whoever stores the files"
        if len(body) != self.files[id_].length:
            return Response("length", 400)
        self.files[id_].content = body
        return Response(f"OK - {len(body)}")

    def _complete(self, request: Request, body: bytes) -> Response:
        assert request.headers["content-type"] == "application/json; charset=utf-8"
        arguments = json.loads(body)
        for each in arguments["files"]:
            if each["id"] not in self.files or not self.files[each["id"]].content:
                return _error("file_not_found")
            self.files[each["id"]].complete = True
        assert "channel_id" not in arguments, "that would be a message of its own"
        return JSONResponse({"ok": True, "files": arguments["files"]})

    def _post(self, request: Request, body: bytes) -> Response:
        if "chat:write" not in self.scopes:
            return _error("missing_scope")
        message = json.loads(body)
        if message["channel"] != CHANNEL:
            return _error("channel_not_found")
        if "thread_ts" in message and message["thread_ts"] not in [own["ts"] for own in self.messages]:
            return _error("thread_not_found")
        assert len(message["blocks"]) <= 50
        for number, block in enumerate(message["blocks"]):
            assert block["type"] in BLOCKS
            if block["type"] == "image" and not self._shows(block):
                where = f"invalid slack file [json-pointer:/blocks/{number}/slack_file]"
                return _error("invalid_blocks", errors=[where])
        message["ts"] = f"1769610667.{len(self.messages):06d}"
        self.messages.append(message)
        return JSONResponse({"ok": True, "channel": CHANNEL, "ts": message["ts"]})

    def _shows(self, block: dict[str, Any]) -> bool:
        assert block.keys() == {"type", "slack_file", "alt_text"}
        assert 0 < len(block["alt_text"]) <= 2000
        file = self.files.get(block["slack_file"]["id"])
        if file is None or not file.complete:
            return False
        file.asked += 1
        return file.asked > self.ready_after


def _error(word: str, **more: object) -> JSONResponse:
    return JSONResponse({"ok": False, "error": word, **more})
