"""What programs that watch over processes ask: whether it lives, whether it does its part, and its metrics."""

from dataclasses import asdict

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from tapewatch.ops.metrics import Metrics
from tapewatch.ops.readiness import readiness
from tapewatch.vitals import Vitals
from tapewatch.web.addresses import peer_of
from tapewatch.web.guard import Guard

OPEN = ("/healthz", "/readyz")
"""Answered for everybody who can connect."""


class Probes:
    """What they are answered.

    Args:
        vitals: of the process.
        guard: knows who may have reasons.
    """

    def __init__(self, vitals: Vitals, guard: Guard) -> None:
        self._vitals = vitals
        self._guard = guard
        self._metrics = Metrics(vitals)

    async def alive(self, _: Request) -> Response:
        """The event loop turns."""
        return PlainTextResponse("alive\n")

    async def ready(self, request: Request) -> Response:
        """Whether it does its part."""
        found = readiness(self._vitals)
        status = 200 if found.ready else 503
        if self._guard.refusal(peer_of(request.scope), request.headers) is not None:
            return JSONResponse({"ready": found.ready}, status)
        return JSONResponse(asdict(found), status)

    async def metrics(self, request: Request) -> Response:
        """For Prometheus."""
        body, content_type = self._metrics.exposition(request.headers.get("accept", ""))
        return Response(body, headers={"Content-Type": content_type})
