"""To log in and out: a form takes the token, and gives the cookie.

The cookie is SameSite=Strict: a browser that follows a link in Slack or in a mail to us does not send it, though it
has it. So such a visitor is first sent to the same place once more, from here, with the cookie then.

Source: https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis (SameSite),
https://html.spec.whatwg.org/multipage/document-lifecycle.html#shared-declarative-refresh-steps
"""

import re
from urllib.parse import parse_qs, urlencode

import structlog
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from tapewatch.web.addresses import peer_of
from tapewatch.web.answers import body_of
from tapewatch.web.guard import TOO_MANY, Guard, Refusal
from tapewatch.web.page import FORM, Files

log = structlog.get_logger(__name__)

PATH = "/login"

_HERE = re.compile(r"/(?![/\\])[!-\[\]-~]*", re.ASCII)
"""A place on this server: no browser reads another host out of it."""

_SAID = "<!-- what was wrong -->"
_WRONG = '<p class="wrong" role="alert">That is not the token.</p>'
_WAIT = '<p class="wrong" role="alert">Too many wrong tokens came from there. Wait a few seconds.</p>'

_FORM = {"Referrer-Policy": "same-origin"}
"""With `no-referrer`, which all other answers have, a browser would send the form with `Origin: null`."""


def to(request: Request) -> Response:
    """Who has not logged in is sent to do so, and then back."""
    place = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return RedirectResponse(f"{PATH}?{urlencode({'next': place})}", 303)


class Login:
    """The form, and what it sends.

    Args:
        guard: knows the token.
        files: have the form.
    """

    def __init__(self, guard: Guard, files: Files) -> None:
        self._guard = guard
        self._page = files.text(FORM)

    async def form(self, request: Request) -> Response:
        """The form; who has logged in already is sent on."""
        peer, headers = peer_of(request.scope), request.headers
        if self._guard.sessions is None or self._guard.refusal(peer, headers) is None:
            return RedirectResponse(_next(request), 303)
        from_here = headers.get("sec-fetch-site", "cross-site") != "cross-site"
        if from_here or "again" in request.query_params:
            return self._form("", 200)
        again = urlencode({"next": _next(request), "again": "1"})
        return HTMLResponse("", headers={"Refresh": f"0;url={PATH}?{again}"})

    async def begin(self, request: Request) -> Response:
        """Whoever knows the token gets the cookie."""
        sessions, peer = self._guard.sessions, peer_of(request.scope)
        if sessions is None:
            return RedirectResponse(_next(request), 303)
        fields = parse_qs((await body_of(request)).decode("latin-1"))
        refusal = self._guard.wrong_login(peer, fields.get("token", [""])[0].strip())
        if refusal is not None:
            if refusal is not TOO_MANY:  # so that no stranger fills the log: it is one a second, at most
                log.warning("http.login_refused", peer=peer, status=refusal.status)
            return self._refused(refusal)
        secure = request.headers.get("origin", "").startswith("https:")
        return RedirectResponse(_next(request), 303, {"Set-Cookie": sessions.begin(secure=secure)})

    async def end(self, _: Request) -> Response:
        """The cookie goes."""
        sessions = self._guard.sessions
        return Response(status_code=204, headers={"Set-Cookie": sessions.end()} if sessions else None)

    def _refused(self, refusal: Refusal) -> Response:
        return self._form(_WAIT if refusal is TOO_MANY else _WRONG, refusal.status, refusal.headers)

    def _form(self, said: str, status: int, headers: dict[str, str] | None = None) -> Response:
        return HTMLResponse(self._page.replace(_SAID, said), status, _FORM | (headers or {}))


def _next(request: Request) -> str:
    """Where to go then: a place on this server."""
    wanted = request.query_params.get("next", "/")
    return wanted if _HERE.fullmatch(wanted) else "/"
