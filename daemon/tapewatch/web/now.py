"""What watches are at this moment: from the engine of a process that leads, else from what the leader wrote."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from redis.asyncio import Redis

from tapewatch.board import now_fields
from tapewatch.config import Config, Watch
from tapewatch.engine.engine import Engine
from tapewatch.market.sessions import sessions
from tapewatch.status import now_fields as written_fields
from tapewatch.status import status_of
from tapewatch.store.keys import Keys
from tapewatch.vitals import Vitals


class Quote(NamedTuple):
    """The last price of a symbol."""

    price: float | None
    time_ns: str | None


class Now:
    """Of one process.

    Args:
        vitals: of it.
        redis: of its instance.
        keys: the instance's.
    """

    def __init__(self, vitals: Vitals, redis: Redis, keys: Keys) -> None:
        self._vitals = vitals
        self._redis = redis
        self._keys = keys
        self._engine: Engine | None = None
        self._rows: dict[str, int] = {}
        self._known: Config | None = None
        self._watches: dict[str, tuple[Watch, str]] = {}

    def watch(self, symbol: str) -> Watch | None:
        """The watch of a symbol; None: there is none."""
        own = self._all().get(symbol)
        return own[0] if own else None

    def found(self, text: str) -> Iterator[Watch]:
        """The watches in whose symbol or title it stands, upper or lower case, in the config's order."""
        wanted = text.strip().casefold()
        return (watch for watch, words in self._all().values() if wanted in words)

    def status(self, watch: Watch) -> dict[str, Any] | None:
        """As `tapewatch status --json` tells of it, of this instant; None unless this process leads."""
        row = self._row(watch.symbol)
        if row is None or self._engine is None:
            return None
        connection = self._vitals.connections[self._engine.layouts[row].watch.feed]
        fields = now_fields(self._engine, row, connection, str(connection.state))
        return status_of(watch, {name: str(value) for name, value in fields.items()})

    async def written(self, watch: Watch) -> dict[str, Any]:
        """The same, as the leader wrote it to Redis within the last second or so.

        Raises:
            redis.exceptions.RedisError, OSError: Redis is away.
        """
        return status_of(watch, await written_fields(self._redis, self._keys, watch.symbol))

    async def quotes(self, watches: Sequence[Watch]) -> list[Quote]:
        """The last price of each.

        Raises:
            redis.exceptions.RedisError, OSError: Redis is away, and this process does not lead.
        """
        if self._vitals.leading is not None:
            return [self._quote(watch.symbol) for watch in watches]
        if not watches:
            return []
        async with self._redis.pipeline(transaction=False) as pipe:
            for watch in watches:
                pipe.hmget(self._keys.now(watch.symbol), "price", "time_ns")
            answers = await pipe.execute()
        return [
            Quote(float(price), time.decode()) if price and time else Quote(None, None)
            for price, time in answers
        ]

    def _quote(self, symbol: str) -> Quote:
        row = self._row(symbol)
        price, time = self._engine.last(row) if self._engine and row is not None else (0.0, 0)
        return Quote(price, str(time)) if time else Quote(None, None)

    def _row(self, symbol: str) -> int | None:
        """Of the engine that watches now."""
        leading = self._vitals.leading
        engine = leading.path.engine if leading else None
        if engine is not self._engine:
            self._engine = engine
            layouts = engine.layouts if engine else ()
            self._rows = {own.watch.symbol: row for row, own in enumerate(layouts)}
        return self._rows.get(symbol)

    def _all(self) -> dict[str, tuple[Watch, str]]:
        """By symbol, and with what is searched."""
        config = self._vitals.config
        if config is not self._known:
            self._known = config
            self._watches = {own.symbol: (own, _words(own)) for own in config.watch}
        return self._watches


def about(config: Config, watch: Watch, quote: Quote) -> dict[str, Any]:
    """A watch in a list of them."""
    feed = config.feed_of(watch)
    return {
        "symbol": watch.symbol,
        "title": watch.title or watch.symbol,
        "zone": str(sessions(watch.calendar).zone),
        "timeframes": watch.all_timeframes(),
        "feed": feed.name if feed else None,
        "price": quote.price,
        "time_ns": quote.time_ns,
    }


def _words(watch: Watch) -> str:
    return f"{watch.symbol}\n{watch.title or ''}".casefold()
