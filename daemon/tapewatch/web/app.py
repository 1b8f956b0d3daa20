"""What is served over HTTP: the live page with its API, health, readiness and metrics."""

from contextlib import AbstractAsyncContextManager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from tapewatch.background import background
from tapewatch.web import login
from tapewatch.web.alerts import Alerts
from tapewatch.web.answers import ApiError, Json, refused
from tapewatch.web.charts import ChartAnswers
from tapewatch.web.events import MEDIA_TYPE, Stream
from tapewatch.web.gate import API, Gate
from tapewatch.web.guard import Guard
from tapewatch.web.listeners import MOST, Listeners, TooManyError
from tapewatch.web.live import Live, Parts
from tapewatch.web.login import Login
from tapewatch.web.news import News
from tapewatch.web.now import Now
from tapewatch.web.page import Files
from tapewatch.web.probes import Probes
from tapewatch.web.pulse import Pulse
from tapewatch.web.silences import SilenceAnswers
from tapewatch.web.sources import Sources
from tapewatch.web.watches import WatchAnswers


class App:
    """The application, and what it does meanwhile.

    Args:
        sources: of the process.
        token: what others have to send; None: only programs on this machine may ask.
        files: the page's.
    """

    def __init__(self, sources: Sources, token: str | None, files: Files) -> None:
        vitals, redis, keys = sources.vitals, sources.redis, sources.keys
        url = vitals.config.http.url
        self._guard = Guard(token, vitals.config.name)
        self._listeners = Listeners()
        self._now = Now(vitals, redis, keys)
        self._news = News(vitals, redis, keys, self._listeners)
        self._pulse = Pulse(vitals, redis, keys, self._listeners, login=token is not None)
        self._parts = Parts(vitals, redis, keys, self._now, self._news, self._pulse)
        self._charts = ChartAnswers(vitals, self._now)
        self._probes = Probes(vitals, self._guard)
        self._login = Login(self._guard, files)
        self._sources, self._files = sources, files
        app = Starlette(
            routes=[*self._own_routes(), *self._api()],
            exception_handlers={ApiError: _said, HTTPException: _no_route},
        )
        app.router.redirect_slashes = False  # it would send clients to whatever their Host header names
        self.asgi: ASGIApp = Gate(app, self._guard, url)

    def working(self) -> AbstractAsyncContextManager[None]:
        """Finds out what pages are to be told, beside a block."""
        return background(self._news.run(), self._pulse.run())

    def end_streams(self) -> None:
        """Event streams end, else they would go on until they are cut off."""
        self._listeners.close()

    def _own_routes(self) -> list[Route]:
        return [
            Route("/healthz", self._probes.alive),
            Route("/readyz", self._probes.ready),
            Route("/metrics", self._probes.metrics),
            Route("/", self._files.page),
            Route("/alerts/{id}", self._files.page),
            Route("/static/{name:path}", self._files.file),
            Route(login.PATH, self._login.form),
            Route(login.PATH, self._login.begin, methods=["POST"]),
            Route("/logout", self._login.end, methods=["POST"]),
        ]

    def _api(self) -> list[Route]:
        vitals, redis, keys = self._parts.vitals, self._parts.redis, self._parts.keys
        watches, alerts = WatchAnswers(vitals, self._now), Alerts(vitals, redis, keys)
        silences = SilenceAnswers(vitals, self._pulse)
        return [
            Route(f"{API}watches", watches.search),
            Route(f"{API}chart", self._charts.data),
            Route(f"{API}chart.png", self._charts.picture),
            Route(f"{API}alerts", alerts.newest),
            Route(f"{API}alerts/{{id}}.png", alerts.picture),
            Route(f"{API}alerts/{{id}}", alerts.one),
            Route(f"{API}health", self._health),
            Route(f"{API}silences", silences.all),
            Route(f"{API}silences", silences.add, methods=["POST"]),
            Route(f"{API}silences/{{id}}", silences.lift, methods=["DELETE"]),
            Route(f"{API}events", self._events),
        ]

    async def _health(self, _: Request) -> Response:
        return Json(self._pulse.health())

    async def _events(self, request: Request) -> ASGIApp:
        shown = self._charts.shown(request) if request.query_params.get("symbol") else None
        if request.method == "HEAD":
            return Response(media_type=MEDIA_TYPE)
        try:
            listener = self._listeners.join()  # at once: others ask while this one is being answered
        except TooManyError:
            raise ApiError(503, f"{MOST} pages listen already: close one, or wait") from None
        live = Live(self._parts, listener, shown, request.headers.get("last-event-id"))
        return Stream(live.run, lambda: self._listeners.leave(listener))


async def _said(request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)  # noqa: S101 - it is registered for these
    if request.url.path.startswith(API):
        return refused(error.status, str(error))
    return PlainTextResponse(f"{error}\n", error.status)


async def _no_route(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - it is registered for these
    headers = dict(error.headers or {})
    if request.url.path.startswith(API):
        return refused(error.status_code, error.detail, headers)
    return PlainTextResponse(error.detail, error.status_code, headers)
