"""Deliveries that read like a tape, and the time of day: all on Wednesday 28 January 2026, UTC."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from sample_alerts import alert

from tapewatch.config import Console
from tapewatch.market.ticks import NS
from tapewatch.notify.delivery import Delivery, Now, Outgoing
from tapewatch.notify.stages.queued import Queued

MIDNIGHT_NS = int(datetime(2026, 1, 28, tzinfo=UTC).timestamp()) * NS


def seconds(clock: str) -> float:
    """`"14:31:07.5"` as seconds after midnight."""
    hours, minutes, rest = clock.split(":")
    return 3600 * int(hours) + 60 * int(minutes) + float(rest)


def ns(clock: str) -> int:
    return MIDNIGHT_NS + round(seconds(clock) * NS)


def now(clock: str, *, feed: str | None = None) -> Now:
    """What time it is; the feeds' clocks are right, or stand at `feed`."""
    at = ns(feed or clock)
    return Now(seconds(clock), ns(clock), lambda _: at)


def fired(what: str, *, resent: bool = False, **changes: Any) -> Delivery:
    """`"14:31:07 SPX breakout"`: when, which symbol, which rule; of severity info unless `changes` say otherwise."""
    clock, symbol, rule = what.split()
    changes = {"severity": "info", "time_ns": str(ns(clock)), "subject": symbol, "rule": rule} | changes
    return Delivery(alert(id=what, **changes), what.encode(), resent=resent)


def queued(*deliveries: Delivery) -> list[Queued]:
    """They wait in a stage, in this order."""
    return [Queued(order, delivery) for order, delivery in enumerate(deliveries)]


def names(waited: Iterable[Queued]) -> list[str]:
    """What `fired` was asked for."""
    return [each.delivery.body.decode() for each in waited]


def said(outgoing: Iterable[Outgoing]) -> list[tuple[str, ...]]:
    """Of each message its kind, and what `fired` was asked for."""
    return [(str(kind), *(each.body.decode() for each in deliveries)) for kind, deliveries in outgoing]


def desk(**keys: Any) -> Console:
    """A receiver for people; it waits for nothing but what `keys` say."""
    off = {"group_wait": "0s", "cooldown": "0s", "stale_after": "0s"}
    return Console.model_validate({"name": "desk", "kind": "console"} | off | keys)
