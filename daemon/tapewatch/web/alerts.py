"""Alerts of the past, and their pictures."""

import asyncio
import re
from typing import Any

from redis.asyncio import Redis
from starlette.requests import Request
from starlette.responses import Response

from tapewatch import alert_log
from tapewatch.alert_log import Past
from tapewatch.alerts.alert import Alert
from tapewatch.config import Match
from tapewatch.store.keys import Keys
from tapewatch.vitals import Vitals
from tapewatch.web.answers import ApiError, Json, asking_redis, number

AMONG = 5000
"""So many of the newest are looked through for those of one symbol."""

SHOWN, MOST = 50, 500
"""So many are listed, and may be."""

AT_ONCE = 2
"""Pictures that are drawn for pages."""

ID = r"[0-9a-f]{32}"
_ID = re.compile(ID)


def entry_json(past: Past) -> dict[str, Any]:
    """One alert: as `tapewatch log --json` has it, with its place in the stream."""
    return alert_log.as_json(past) | {"entry": past.entry}


class Alerts:
    """What is asked about them.

    Args:
        vitals: of the process.
        redis: of its instance.
        keys: the instance's.
    """

    def __init__(self, vitals: Vitals, redis: Redis, keys: Keys) -> None:
        self._vitals = vitals
        self._redis = redis
        self._keys = keys
        self._searching = asyncio.Lock()  # the stream may be long
        self._drawing = 0

    async def newest(self, request: Request) -> Response:
        """The newest, the newest last."""
        limit = number(request, "limit", SHOWN, MOST)
        symbol = request.query_params.get("symbol") or None
        match = Match.model_construct(symbol=_literally(symbol))
        async with asking_redis(), self._searching:
            found = [
                entry_json(past)
                async for past in alert_log.read(self._vitals.config, self._redis, match, 0, limit, AMONG)
            ]
        return Json(found)

    async def one(self, request: Request) -> Response:
        """One of them."""
        past = await self._past(request.path_params["id"])
        return Json(entry_json(past))

    async def picture(self, request: Request) -> Response:
        """Its picture, as it went out with it."""
        leading = self._vitals.leading
        if leading is None:
            raise ApiError(503, "this process does not lead: who does has the pictures")
        id_ = request.path_params["id"]
        if self._drawing >= AT_ONCE:
            raise ApiError(503, "others have pictures drawn: ask again")
        self._drawing += 1  # those of messages that go out wait in the same line
        try:
            alert: Alert | None = await leading.charts.alert(id_)
            picture = await leading.charts.picture(alert or (await self._past(id_)).alert)
        finally:
            self._drawing -= 1
        if picture is None:
            raise ApiError(503, "there is no picture of it, or it could not be drawn in time")
        return Response(picture, media_type="image/png")

    async def _past(self, id_: str) -> Past:
        if _ID.fullmatch(id_):
            async with asking_redis(), self._searching:
                places = await alert_log.find(self._redis, self._keys, id_)
                async for past in alert_log.pasts(self._vitals.config, self._redis, places):
                    return past
        raise ApiError(404, f"there is no alert {id_[:40]}, or not any more")


def _literally(symbol: str | None) -> str | None:
    """As a pattern that fits nothing else."""
    return symbol and re.sub(r"([*?[])", r"[\1]", symbol)
