"""What is served over HTTP: whether the process lives, whether it does its part, and its metrics."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict

from starlette.applications import Starlette
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tapewatch.ops.metrics import Metrics
from tapewatch.ops.readiness import readiness
from tapewatch.vitals import Vitals
from tapewatch.web.guard import Guard

PROBES = ("/healthz", "/readyz")
"""Answered for everybody who can connect."""

Endpoint = Callable[[Request], Awaitable[Response]]


def build(vitals: Vitals, token: str | None) -> ASGIApp:
    """The application.

    Args:
        vitals: of the process.
        token: what others have to send; None: only programs on this machine may ask.
    """
    guard = Guard(token)
    routes = [
        Route("/healthz", _health),
        Route("/readyz", _readiness(vitals, guard)),
        Route("/metrics", _metrics(Metrics(vitals))),
    ]
    app = Starlette(routes=routes)
    app.router.redirect_slashes = False  # it would send clients to whatever their Host header names
    return _Guarded(app, guard)


class _Guarded:
    """Lets nobody past the probes who may not ask, and marks every answer as one that is not to be kept.

    It stands around all routes, so that one that is added is closed before somebody thinks of it.
    """

    def __init__(self, app: ASGIApp, guard: Guard) -> None:
        self._app = app
        self._guard = guard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Cache-Control"] = "no-store"
                headers["X-Content-Type-Options"] = "nosniff"
            await send(message)

        refused = None
        if scope["path"] not in PROBES:
            refused = self._guard.refusal(_peer(scope), Headers(scope=scope))
        if refused is not None:
            answer = PlainTextResponse(f"{refused.text}\n", refused.status, refused.headers)
            await answer(scope, receive, marked)
        else:
            await self._app(scope, receive, marked)


def _peer(scope: Scope) -> str | None:
    client = scope.get("client")
    return client[0] if client else None


async def _health(_: Request) -> Response:
    return PlainTextResponse("alive\n")


def _readiness(vitals: Vitals, guard: Guard) -> Endpoint:
    async def answer(request: Request) -> Response:
        found = readiness(vitals)
        status = 200 if found.ready else 503
        if guard.refusal(_peer(request.scope), request.headers) is not None:
            return JSONResponse({"ready": found.ready}, status)
        return JSONResponse(asdict(found), status)

    return answer


def _metrics(metrics: Metrics) -> Endpoint:
    async def answer(request: Request) -> Response:
        body, content_type = metrics.exposition(request.headers.get("accept", ""))
        return Response(body, headers={"Content-Type": content_type})

    return answer
