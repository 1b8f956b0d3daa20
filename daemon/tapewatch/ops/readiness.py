"""Whether a process does its part, and if not, why: what probes, the service manager and people ask. Only reads."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

from tapewatch.feeds.connection import Connection, State
from tapewatch.vitals import Role, Vitals

_NOT_SUBSCRIBED = {
    State.CONNECTING: "connecting",
    State.LOGGING_IN: "connected, but the vendor has not confirmed the subscription yet",
    State.WAITING: "the connection is lost, or could not be made; it is tried again",
    State.REFUSED: "the vendor refuses us, and is not asked again: feed.refused in the log says why",
}
_NO_ROLE = {
    Role.STARTING: "starting: state is restored, or Redis is opened",
    Role.STOPPING: "stopping",
}


@dataclass(frozen=True)
class Check:
    """One thing that must hold."""

    name: str
    """`role`, `feed NAME`, `Redis` or `lease`."""
    ok: bool
    reason: str = ""
    """Why it does not hold, for people; empty if it does."""


@dataclass(frozen=True)
class Readiness:
    """What was found."""

    ready: bool
    """All of `checks` hold."""
    role: Role
    checks: tuple[Check, ...]
    """Those that are of use in this role."""


def readiness(vitals: Vitals, now: float | None = None) -> Readiness:
    """Whether this process leads, or stands by, as it should.

    Args:
        vitals: of the process.
        now: monotonic clock, s; left out: as it is.
    """
    checks = tuple(_checks(vitals, time.monotonic() if now is None else now))
    return Readiness(all(check.ok for check in checks), vitals.role, checks)


def _checks(vitals: Vitals, now: float) -> Iterator[Check]:
    yield _check("role", _NO_ROLE.get(vitals.role, ""))
    if vitals.role not in (Role.LEADING, Role.STANDING_BY):
        return  # what is not there yet, or is being closed, says nothing
    yield from _feeds(vitals)
    yield _check("Redis", _redis(vitals, now))
    if vitals.lease is not None:
        yield _check("lease", _lease(vitals))


def _check(name: str, reason: str) -> Check:
    return Check(name, not reason, reason)


def _feeds(vitals: Vitals) -> Iterator[Check]:
    if vitals.role is Role.STANDING_BY and vitals.config.ha == "cold":
        return  # it connects once it leads
    for number, connection in enumerate(vitals.connections):
        yield _check(f"feed {connection.feed.name}", _feed(vitals, number, connection))


def _feed(vitals: Vitals, number: int, connection: Connection) -> str:
    if connection.state in _NOT_SUBSCRIBED:
        return _NOT_SUBSCRIBED[connection.state]
    if vitals.leading is not None and vitals.leading.vigil.stale(number):
        return "stale: the market trades, and no tick has come for longer than max_silence"
    return ""


def _redis(vitals: Vitals, now: float) -> str:
    if vitals.leading is None:  # who stands by asks Redis for the lease, and for nothing else
        return "" if _leader_known(vitals) else "it has not said yet who leads, or does not answer"
    since = vitals.leading.redis_away_since
    return "" if since is None else f"away for {now - since:.0f} s: what fires goes to the spool"


def _lease(vitals: Vitals) -> str:
    lease = vitals.lease
    if vitals.role is Role.LEADING and lease is not None and not lease.held():
        return "it ran out, or is another's: nothing is certain before Redis answers"
    return "" if _leader_known(vitals) else "nobody is known to lead"


def _leader_known(vitals: Vitals) -> bool:
    return vitals.lease is not None and vitals.lease.leader is not None
