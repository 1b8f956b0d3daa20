"""Stands around all routes, so that one that is added is closed before somebody thinks of it."""

import re

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from tapewatch.web import login, probes
from tapewatch.web.addresses import peer_of
from tapewatch.web.alerts import ID
from tapewatch.web.answers import refused
from tapewatch.web.guard import Guard, Refusal
from tapewatch.web.headers import marked
from tapewatch.web.origin import READING, foreign

API = "/api/"

_TO_LOG_IN = (login.PATH, "/static/login.css")
"""Answered for those who have not logged in yet."""

_PAGES = re.compile(rf"/(?:alerts/{ID})?")
"""What people open in a browser."""


class Gate:
    """Lets nobody past the probes who may not ask, and nothing be changed from elsewhere than our own page.

    Args:
        app: all routes.
        guard: knows who may ask.
        url: where people reach the page, if the config says so.
    """

    def __init__(self, app: ASGIApp, guard: Guard, url: str | None) -> None:
        self._app = app
        self._guard = guard
        self._url = url

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        refusal = None if scope["path"] in probes.OPEN else self._refusal(scope)
        answer: ASGIApp = self._app if refusal is None else _told(Request(scope), refusal)
        await answer(scope, receive, marked(send))

    def _refusal(self, scope: Scope) -> Refusal | None:
        headers = Headers(scope=scope)
        refusal = self._guard.refusal(peer_of(scope), headers)
        if refusal is not None and refusal.status in (401, 429) and scope["path"] in _TO_LOG_IN:
            refusal = None
        if refusal is None and scope["method"] not in READING:
            refusal = foreign(self._guard, headers, self._url)
        return refusal


def _told(request: Request, refusal: Refusal) -> Response:
    """What somebody hears who may not ask."""
    path = request.url.path
    of_a_browser = request.method == "GET" and "text/html" in request.headers.get("accept", "")
    if refusal.status == 401 and of_a_browser and _PAGES.fullmatch(path):
        return login.to(request)
    if path.startswith(API):
        return refused(refusal.status, refusal.text, refusal.headers)
    return PlainTextResponse(f"{refusal.text}\n", refusal.status, refusal.headers)
