"""How a process is, for the page."""

import time
from collections.abc import Sequence
from typing import Any

from tapewatch.feeds.connection import Connection
from tapewatch.ops.readiness import readiness
from tapewatch.vitals import Vitals


class Rates:
    """Ticks a second of each feed; `look` is to be called about once a second."""

    def __init__(self) -> None:
        self._seen: dict[Connection, tuple[float, int]] = {}
        self._rates: dict[Connection, float] = {}

    def look(self, connections: Sequence[Connection], now: float) -> None:
        """Counts what came since it was last called.

        Args:
            connections: those there are; others are forgotten.
            now: monotonic clock, s.
        """
        seen = {own: (now, own.ticks) for own in connections}
        self._rates = {
            own: (own.ticks - before[1]) / (now - before[0])
            for own in connections
            if (before := self._seen.get(own)) and now > before[0]
        }
        self._seen = seen

    def of(self, connection: Connection) -> float | None:
        """Ticks a second; None: nobody has looked twice."""
        rate = self._rates.get(connection)
        return None if rate is None else round(rate, 1)


def health(vitals: Vitals, rates: Rates, *, login: bool) -> dict[str, Any]:
    """All of it, for programs.

    Args:
        vitals: of the process.
        rates: of its feeds.
        login: whether there is a token to log in with.
    """
    found = readiness(vitals)
    checks = {check.name: check.ok for check in found.checks}
    leading, lease = vitals.leading, vitals.lease
    away = leading.redis_away_since if leading else None
    workers = leading.workers if leading else {}
    return {
        "role": found.role,
        "ready": found.ready,
        "checks": [{"name": own.name, "ok": own.ok, "reason": own.reason} for own in found.checks],
        "instance": vitals.config.name,
        "member": lease.member if lease else None,
        "feeds": [_feed(vitals, number, own, rates) for number, own in enumerate(vitals.connections)],
        "redis": {
            "ok": checks.get("Redis", away is None),
            "away_s": None if away is None else round(time.monotonic() - away),
        },
        "lease": {"leader": lease.leader, "held": lease.held()} if lease else None,
        "receivers": [
            {"name": own.name, "waiting": workers[own.name].waiting if own.name in workers else None}
            for own in vitals.config.receiver
        ],
        "symbols": len(vitals.config.watch),
        "login": login,
    }


def _feed(vitals: Vitals, number: int, connection: Connection, rates: Rates) -> dict[str, Any]:
    leading = vitals.leading
    return {
        "name": connection.feed.name,
        "vendor": connection.feed.vendor,
        "state": connection.state,
        "stale": leading.vigil.stale(number) if leading else False,
        "ticks_per_second": rates.of(connection),
        "lag_s": round(connection.lag.seconds, 3) if connection.lag else None,
        "reconnects": connection.reconnects,
    }
