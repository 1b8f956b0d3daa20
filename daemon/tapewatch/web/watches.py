"""Which symbols there are: a search, since there may be ten thousand."""

from itertools import islice

from starlette.requests import Request
from starlette.responses import Response

from tapewatch.vitals import Vitals
from tapewatch.web.answers import Json, asking_redis, number
from tapewatch.web.now import Now, about

SHOWN, MOST = 50, 500
"""So many are listed, and may be."""


class WatchAnswers:
    """What is asked about them.

    Args:
        vitals: of the process.
        now: knows the watches.
    """

    def __init__(self, vitals: Vitals, now: Now) -> None:
        self._vitals = vitals
        self._now = now

    async def search(self, request: Request) -> Response:
        """The first of those that fit, and how many there are."""
        limit = number(request, "limit", SHOWN, MOST)
        config = self._vitals.config
        found = list(self._now.found(request.query_params.get("q", "")))
        shown = list(islice(found, limit))
        async with asking_redis():
            quotes = await self._now.quotes(shown)
        answer = {
            "instance": config.name,
            "total": len(config.watch),
            "found": len(found),
            "watches": [about(config, watch, quote) for watch, quote in zip(shown, quotes, strict=True)],
        }
        return Json(answer)
