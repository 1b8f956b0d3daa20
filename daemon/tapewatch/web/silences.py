"""Silences made and lifted by people who look at the page; what the command line takes is taken here."""

import time
from functools import partial

import msgspec
import structlog
from starlette.requests import Request
from starlette.responses import Response

from tapewatch import silencing
from tapewatch.background import in_thread
from tapewatch.notify.silences import Silence, new_id
from tapewatch.values import moment_ns, span_ns
from tapewatch.vitals import Vitals
from tapewatch.web.addresses import peer_of
from tapewatch.web.answers import ApiError, Json, asking_redis, body_of
from tapewatch.web.pulse import Pulse, listed

log = structlog.get_logger(__name__)

BY = "the live page"
"""Who made it: whoever knows the token, or sits at this machine, has no name."""


class Wanted(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A silence as somebody wants it; all patterns that are given must fit."""

    symbol: str | None = None
    rule: str | None = None
    type: str | None = None
    severity: str | None = None
    all: bool = False
    """Every alert, in place of a pattern."""
    for_: str | None = msgspec.field(default=None, name="for")
    """For so long, such as `2h`."""
    until: str | None = None
    """Up to then, an ISO 8601 time; this or `for`."""
    from_: str | None = msgspec.field(default=None, name="from")
    """From then on, an ISO 8601 time; left out: now."""
    why: str = ""


_decode = msgspec.json.Decoder(Wanted).decode


class SilenceAnswers:
    """What is asked about them, and done to them.

    Args:
        vitals: of the process.
        pulse: tells all pages.
    """

    def __init__(self, vitals: Vitals, pulse: Pulse) -> None:
        self._vitals = vitals
        self._pulse = pulse

    async def all(self, _: Request) -> Response:
        """Those that hold, those to come, and those that ended within a day."""
        async with asking_redis():
            return Json(listed(await self._pulse.silences.all()))

    async def add(self, request: Request) -> Response:
        """One more; it holds when this answers."""
        if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
            raise ApiError(415, "send JSON, and say so: Content-Type: application/json")
        try:
            silence = _made(_decode(await body_of(request)), time.time_ns())
            # It looks through all watches, and ticks come meanwhile.
            await in_thread(partial(silencing.check, self._vitals.config, silence))
        except (msgspec.DecodeError, UnicodeDecodeError, ValueError) as error:
            raise ApiError(400, str(error)) from None
        async with asking_redis():
            await self._pulse.silences.add(silence)
            await self._changed()
        what = {
            name: own for name in ("symbol", "rule", "type", "severity") if (own := getattr(silence, name))
        }
        log.info("silence.added", silence=silence.id, peer=peer_of(request.scope), what=what, why=silence.why)
        return Json(silencing.as_json(silence, time.time_ns()), 201)

    async def lift(self, request: Request) -> Response:
        """Takes one back."""
        id_ = request.path_params["id"]
        async with asking_redis():
            lifted = await self._pulse.silences.lift(id_)
            await self._changed()
        if not lifted:
            raise ApiError(404, f"there is no silence {id_[:40]!r}")
        log.info("silence.lifted", silence=id_, peer=peer_of(request.scope))
        return Json({"lifted": id_})

    async def _changed(self) -> None:
        await self._pulse.silences.refresh()
        self._pulse.tell_silences()


def _made(wanted: Wanted, now: int) -> Silence:
    """What was meant.

    Raises:
        ValueError: nothing that makes sense; the message says what would.
    """
    if wanted.all == any((wanted.symbol, wanted.rule, wanted.type, wanted.severity)):
        raise ValueError("say what to silence: symbol, rule, type, severity, or all")
    if (wanted.for_ is None) == (wanted.until is None):
        raise ValueError('say until when: for, such as "2h", or until, such as "2026-01-28T16:00-05:00"')
    since = moment_ns(wanted.from_) if wanted.from_ else now
    until = since + span_ns(wanted.for_) if wanted.for_ else moment_ns(wanted.until or "")
    if until <= max(now, since):
        raise ValueError(
            "it would be over before it begins: its end has to be later than now and its beginning"
        )
    return Silence(
        id=new_id(),
        symbol=wanted.symbol or None,
        rule=wanted.rule or None,
        type=wanted.type or None,
        severity=wanted.severity or None,
        since_ns=since,
        until_ns=until,
        by=BY,
        why=wanted.why,
    )
