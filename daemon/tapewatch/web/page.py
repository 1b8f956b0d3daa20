"""The page itself: the files of `static/`, which hold nothing of the config or the market.

Source: RFC 9110, 8.8.3 (ETag) and 13.1.2 (If-None-Match).
"""

import hashlib
from importlib import resources
from importlib.resources.abc import Traversable
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

_TYPES = {
    "css": "text/css",
    "html": "text/html",
    "js": "text/javascript",
    "png": "image/png",
    "svg": "image/svg+xml",
    "woff2": "font/woff2",
}
PAGE = "index.html"
FORM = "login.html"
"""To log in by; `login.py` answers with it."""


class File(NamedTuple):
    """One file."""

    content: bytes
    media_type: str
    tag: str
    """Its strong ETag."""


class Files:
    """What is there of the page, read once: it is small, and a disk may be slow."""

    def __init__(self) -> None:
        self._files = dict(_found(resources.files("tapewatch.web") / "static"))

    def text(self, name: str) -> str:
        """One of them that is text; empty if it is not there."""
        file = self._files.get(name)
        return file.content.decode() if file else ""

    async def page(self, request: Request) -> Response:
        """The page, whatever it is to show."""
        return self._answer(request, PAGE)

    async def file(self, request: Request) -> Response:
        """What the page asks for."""
        name = request.path_params["name"]
        return self._answer(request, name) if not name.endswith(".html") else _missing()

    def _answer(self, request: Request, name: str) -> Response:
        if (file := self._files.get(name)) is None:
            return _missing()
        headers = {"Cache-Control": "no-cache", "ETag": file.tag}
        if file.tag in (own.strip() for own in request.headers.get("if-none-match", "").split(",")):
            return Response(status_code=304, headers=headers)
        return Response(file.content, headers=headers, media_type=file.media_type)


def _found(folder: Traversable, before: str = "") -> list[tuple[str, File]]:
    found: list[tuple[str, File]] = []
    if not folder.is_dir():
        return found
    for own in folder.iterdir():
        name, _, ending = own.name.rpartition(".")
        if own.is_dir():
            found += _found(own, f"{before}{own.name}/")
        elif name and ending in _TYPES:
            content = own.read_bytes()
            tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
            found.append((before + own.name, File(content, _TYPES[ending], tag)))
    return found


def _missing() -> Response:
    return PlainTextResponse("Not Found", 404)
