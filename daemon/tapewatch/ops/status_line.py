"""One line about a process, for people who ask the service manager."""

from collections.abc import Iterator

from tapewatch.feeds.connection import Connection
from tapewatch.ops.readiness import Readiness
from tapewatch.vitals import Role, Vitals


class StatusLine:
    """Says it; between two lines it counts ticks."""

    def __init__(self) -> None:
        self._ticks: dict[str, int] = {}  # by feed, at the last line
        self._at: float | None = None

    def of(self, vitals: Vitals, found: Readiness, now: float) -> str:
        """Such as `leading: 3 symbols on tape (subscribed, 1,234 ticks/s), 69 alerts, Redis reached`.

        Args:
            vitals: of the process.
            found: what is wrong with it.
            now: monotonic clock, s.
        """
        rates = self._rates(vitals, now)
        wrong = "; ".join(
            check.reason if check.name == "role" else f"{check.name}: {check.reason}"
            for check in found.checks
            if not check.ok
        )
        if found.role not in (Role.LEADING, Role.STANDING_BY):
            return wrong or str(found.role)
        line = f"{found.role}: {', '.join(_parts(vitals, rates))}"
        return f"{line}; not ready: {wrong}" if wrong else line

    def _rates(self, vitals: Vitals, now: float) -> dict[str, float]:
        """Ticks a second since the line before, by feed; a connection that is new begins at 0."""
        ticks = {own.feed.name: own.ticks for own in vitals.connections}
        seconds = now - self._at if self._at is not None else 0.0
        before, self._ticks, self._at = self._ticks, ticks, now
        if seconds <= 0:
            return dict.fromkeys(ticks, 0.0)
        return {name: max(0, count - before.get(name, 0)) / seconds for name, count in ticks.items()}


def _parts(vitals: Vitals, rates: dict[str, float]) -> Iterator[str]:
    for feed, connection in zip(vitals.config.feed, vitals.connections, strict=True):
        watches = sum(vitals.config.feed_of(watch) is feed for watch in vitals.config.watch)
        yield f"{_count(watches, 'symbol')} on {feed.name} ({_state(connection, rates[connection.feed.name])})"
    if vitals.leading is None:
        if vitals.lease is not None and vitals.lease.leader:
            yield f"{vitals.lease.leader} leads"
        return
    yield _count(vitals.leading.path.fired.total(), "alert")
    if vitals.leading.redis_away_since is None:
        yield "Redis reached"


def _state(connection: Connection, rate: float) -> str:
    return f"{connection.state}, {rate:,.0f} ticks/s" if connection.connected_since else str(connection.state)


def _count(number: int, one: str) -> str:
    return f"{number:,} {one if number == 1 else one + 's'}"
