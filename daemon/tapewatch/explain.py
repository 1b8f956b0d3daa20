"""`tapewatch explain ID`: why an alert fired, from what the stream kept of it, and where its rule stands now."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
from redis.asyncio import Redis

from tapewatch import meaning
from tapewatch.alerts import trace as traces
from tapewatch.alerts.alert import Alert, decode
from tapewatch.alerts.build import iso_ns
from tapewatch.alerts.reasons import why
from tapewatch.alerts.rule_words import rule_words
from tapewatch.alerts.trace import Trace
from tapewatch.config import Config, Watch, state_dir
from tapewatch.notify.entries import Entry, backwards, text, time_ms
from tapewatch.status import now_fields, status_of
from tapewatch.store.commit import ALERTS_KEPT
from tapewatch.store.keys import Keys
from tapewatch.store.server import connect_redis

LEAST_DIGITS = 6
"""So many digits of an id must be given."""
_DIGITS = 32
_ID = re.compile(rf"[0-9a-f]{{{LEAST_DIGITS},{_DIGITS}}}")
_AT_ONCE = 5000


class AlertIdError(ValueError):
    """What was given names no alert, or several; the message says what would."""


class NoAlertError(LookupError):
    """The stream has no such alert."""


@dataclass(frozen=True)
class RuleNow:
    """What the config has of the alert's rule by now."""

    words: str
    unchanged: bool | None
    """None: nobody kept what it was."""


@dataclass(frozen=True)
class Explanation:
    """One alert, and all that is known of it."""

    alert: Alert
    entry: str
    """Its id in the stream."""
    committed: str
    """When it was written there, by the clock of Redis; ISO 8601 UTC."""
    delivered: tuple[str, ...]
    """Receivers that had it from the spool, before it was written."""
    trace: Trace | None
    """None: not kept, as of alerts of versions before this one."""
    rule: RuleNow | None
    """None: the config has no such rule any more; of what is about a feed."""
    now: dict[str, Any] | None
    """The watch as `status` has it, with the rule's own `level`; None: there is no such watch any more."""


async def read(config: Config, wanted: str) -> Explanation:
    """What there is to tell of an alert.

    Args:
        config: of the daemon.
        wanted: the alert's id, or its first digits.

    Raises:
        AlertIdError: `wanted` is no id, or several alerts begin with it.
        NoAlertError: the stream has none.
        RedisUnavailableError: no daemon runs there.
    """
    if not _ID.fullmatch(wanted.lower()):
        raise AlertIdError(
            f"{wanted!r} is no alert's id: give its {_DIGITS} hexadecimal digits, or the first {LEAST_DIGITS} or more"
        )
    keys = Keys(config.name)
    async with connect_redis(config.redis_url(), state_dir(config)) as redis:
        entry, fields = await _find(redis, keys, wanted.lower())
        try:
            alert = decode(fields[b"json"])
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise NoAlertError(f"the alert {text(fields, b'id')} cannot be read: {error}") from None
        watch = next((own for own in config.watch if own.symbol == alert.subject), None)
        now = await now_fields(redis, keys, watch.symbol) if watch else {}
    trace = _decoded(fields.get(b"trace"))
    return Explanation(
        alert=alert,
        entry=entry.decode(),
        committed=iso_ns(time_ms(entry) * 1_000_000),
        delivered=tuple(filter(None, text(fields, b"delivered").split(","))),
        trace=trace,
        rule=_rule(config, watch, alert, trace) if watch else None,
        now=_now(watch, alert, now) if watch else None,
    )


def as_json(own: Explanation) -> dict[str, Any]:
    """The same for programs."""
    return {
        "alert": msgspec.to_builtins(own.alert),
        "entry": own.entry,
        "committed": own.committed,
        "delivered_from_spool": list(own.delivered),
        "why": why(own.alert, own.trace) if own.trace else None,
        "trace": msgspec.to_builtins(own.trace),
        "rule": {"words": own.rule.words, "unchanged": own.rule.unchanged} if own.rule else None,
        "now": own.now,
    }


async def _find(redis: Redis, keys: Keys, wanted: str) -> Entry:
    """The entry of the alert whose id begins so; the newest are looked through first."""
    of_set = redis.sscan_iter(keys.ids, match=f"{wanted}*", count=_AT_ONCE)
    ids = sorted({id_ async for id_ in of_set})
    if len(ids) > 1:
        some = ", ".join(id_.decode() for id_ in ids[:5])
        raise AlertIdError(f"{len(ids)} alerts have an id that begins with {wanted}: {some}")
    if ids:
        async for chunk in backwards(redis, keys.alerts):
            for entry, fields in chunk:
                if fields.get(b"id") == ids[0]:
                    return entry, fields
    raise NoAlertError(
        f"no alert of {keys.instance} has an id that begins with {wanted}; "
        f"the newest {ALERTS_KEPT:,} are kept, and `tapewatch log` lists them"
    )


def _decoded(kept: bytes | None) -> Trace | None:
    """A trace of another version that cannot be read is as good as none."""
    try:
        return traces.decode(kept) if kept else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _rule(config: Config, watch: Watch, alert: Alert, trace: Trace | None) -> RuleNow | None:
    for rule in meaning.engine_watch(config, watch, live=False).rules:
        if rule.name == alert.data.rule:
            words = rule_words(rule)
            return RuleNow(words, words == trace.rule if trace else None)
    return None


def _now(watch: Watch, alert: Alert, fields: dict[str, str]) -> dict[str, Any]:
    status = status_of(watch, fields)
    levels = [own for own in status["levels"] if own["name"] == alert.data.rule]
    kept = ("price", "time", "exchange_time", "feed", "feed_state")
    return {name: status[name] for name in kept} | {"level": levels[0] if levels else None}


def commit_time(own: Explanation) -> str:
    """`2026-01-28 15:12:45.123 UTC`."""
    at = datetime.fromisoformat(own.committed[:23]).replace(tzinfo=UTC)
    return f"{at:%Y-%m-%d %H:%M:%S}.{at.microsecond // 1000:03} UTC"
