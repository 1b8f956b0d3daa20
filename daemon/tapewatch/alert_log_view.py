"""`tapewatch log`: alerts of the past, and what became of each at each receiver, for people and programs."""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import msgspec
from rich.console import Console
from rich.text import Text

from tapewatch.alert_log import Past, as_json, read
from tapewatch.alerts.alert import Alert
from tapewatch.config import Config, Match, state_dir
from tapewatch.market.ticks import NS
from tapewatch.notify.deliveries import Delivered
from tapewatch.notify.outcome import Outcome
from tapewatch.notify.render import one_line
from tapewatch.store.server import connect_redis
from tapewatch.tail import alert_line

SHOWN = 8
"""Digits of an alert's id that people see."""

_STYLES: dict[str, str] = {
    Outcome.SENT: "green",
    Outcome.REFUSED: "red",
    Outcome.GAVE_UP: "red",
    Outcome.UNREADABLE: "red",
}

_encode = msgspec.json.Encoder().encode


async def show(config: Config, match: Match, since_ns: int, limit: int, console: Console | None) -> int:
    """Prints alerts of the past, the newest last.

    Args:
        config: names the instance, its Redis and its receivers.
        match: which alerts.
        since_ns: those that were written to Redis since then, ns UTC.
        limit: so many of the newest.
        console: for people; None: JSON, an object a line.

    Returns:
        How many.

    Raises:
        RedisUnavailableError: no daemon runs there.
    """
    count = 0
    async with connect_redis(config.redis_url(), state_dir(config)) as redis:
        async for past in read(config, redis, match, since_ns, limit):
            count += 1
            if console is None:
                sys.stdout.write(_encode(as_json(past)).decode() + "\n")
            else:
                console.print(_text(config, past), soft_wrap=True)
    return count


def _text(config: Config, past: Past) -> Text:
    """The alert, and a line for each receiver below it: those of the config first, in its order."""
    line = Text.assemble((f"{past.alert.id[:SHOWN]}  ", "bold"), alert_line(past.alert))
    last = _last(past.delivered)
    for name in dict.fromkeys([*(own.name for own in config.receiver), *last]):
        if name in past.waiting:
            line.append(f"\n    {name} waiting", "yellow")
        elif own := last.get(name):
            detail = f": {own.detail}" if own.detail else ""
            told = f"{own.receiver} {own.outcome} {_time(own.at_ns, past.alert)}{detail}"
            line.append(f"\n    {one_line(told)}", _STYLES.get(own.outcome, "dim"))
    return line


def _last(delivered: Sequence[Delivered]) -> dict[str, Delivered]:
    """By receiver, what became of it in the end; that it was had already says less than how."""
    last: dict[str, Delivered] = {}
    for own in delivered:
        if own.outcome != Outcome.HAD_ALREADY or own.receiver not in last:
            last[own.receiver] = own
    return last


def _time(at_ns: int, alert: Alert) -> str:
    """A time at the alert's exchange, with its date if that is not the alert's."""
    zone = ZoneInfo(alert.data.zone)
    then, fired = (
        datetime.fromtimestamp(time // NS, UTC).astimezone(zone) for time in (at_ns, int(alert.data.time_ns))
    )
    return f"{then:%H:%M:%S}" if then.date() == fired.date() else f"{then:%Y-%m-%d %H:%M:%S}"
