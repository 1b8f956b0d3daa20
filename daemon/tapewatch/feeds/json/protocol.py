"""Any websocket whose messages are JSON (RFC 8259), as a `[[feed]]` with `vendor = "json"` describes them.

We send `hello`, then what `subscribe` makes of the symbols. Nobody can say how such a vendor confirms or refuses: the
subscription counts as confirmed once it is asked for, and nothing is a refusal.
"""

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import quote

import msgspec
import numpy as np

from tapewatch.config import JsonFeed
from tapewatch.config.messages import fill, places
from tapewatch.feeds.json.paths import Path, elements, find, path
from tapewatch.feeds.json.values import identity, instant, number, text
from tapewatch.feeds.protocol import Credentials, FaultKind
from tapewatch.feeds.salvage import MOST_BAD, read
from tapewatch.feeds.session import Session
from tapewatch.market.ticks import NO_ID, TICK, UNKNOWN_SYMBOL

# A float's digits are kept: as a double, a time in seconds would lose its last nanoseconds.
_decode = msgspec.json.Decoder(float_hook=str).decode

_NO_SUCH = (LookupError, ValueError, ArithmeticError)
"""What the readers raise: the value is not there, or is none of its kind."""

T = TypeVar("T")

_Tick = tuple[int, float, float, int, int, int, int, int]
"""A row of `TICK`, field by field."""


def with_credentials(url: str, credentials: Credentials) -> str:
    """`url` with key and secret in the places that it has for them."""
    return fill(url, {"key": quote(credentials.key, safe=""), "secret": quote(credentials.secret, safe="")})


def needs(feed: JsonFeed) -> tuple[str, ...]:
    """Which of "key" and "secret" the URLs and messages have a place for."""
    messages = (*feed.hello, feed.subscribe or "", feed.unsubscribe or "", feed.url, feed.fallback_url or "")
    used = {name for message in messages for name in places(message)}
    return tuple(name for name in ("key", "secret") if name in used)


class JsonProtocol(Session):
    """One connection to a websocket of the config.

    Args:
        feed: the description.
        credentials: what `{key}` and `{secret}` stand for.
        instruments: the engine's number of each, by the vendor's name for it.
    """

    def __init__(self, feed: JsonFeed, credentials: Credentials, instruments: Mapping[str, int]) -> None:
        super().__init__(credentials, instruments)
        self._feed = feed
        self._secrets = {"key": credentials.key, "secret": credentials.secret}
        self._trades = path(feed.trades)
        self._only = [(path(where), wanted) for where, wanted in feed.only.items()]
        self._symbol, self._price, self._time = map(path, (feed.symbol, feed.price, feed.time))
        self._size = path(feed.size) if feed.size else None
        self._id = path(feed.id) if feed.id else None
        self._bad = 0

    def open(self) -> list[str]:
        """`hello`, and the subscription."""
        self.subscribed = True
        self._replies = [fill(message, self._secrets) for message in self._feed.hello]
        self._subscribe()
        return self.replies()

    def _subscribe(self) -> None:
        super()._subscribe()
        if self._feed.subscribe and not _names_symbols(self._feed.subscribe):
            self._replies.append(fill(self._feed.subscribe, self._secrets))

    def _ask(self, action: str, symbols: Sequence[str]) -> None:
        """What the template of `action` makes of `symbols`: nothing if it names none."""
        template = (self._feed.subscribe if action == "subscribe" else self._feed.unsubscribe) or ""
        if "symbols" in places(template):
            self._replies.append(fill(template, {**self._secrets, "symbols": symbols}))
        elif "symbol" in places(template):
            self._replies += [fill(template, {**self._secrets, "symbol": symbol}) for symbol in symbols]

    def receive(self, frame: bytes) -> np.ndarray:
        """Ticks of `frame`."""
        self._bad = 0
        ticks = [tick for pair in self._trades_in(frame) if (tick := self._tick(*pair)) is not None]
        return np.array(ticks, TICK)

    def _trades_in(self, frame: bytes) -> Iterator[tuple[Any, Any]]:
        """Each trade with its message; the rest is passed over once very many were bad."""
        for message in self._messages(frame):
            for trade in self._trades_of(message):
                yield trade, message
                if self._bad >= MOST_BAD:
                    break
            if self._bad >= MOST_BAD:
                return

    def _messages(self, frame: bytes) -> list[Any]:
        try:
            whole = _decode(frame)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            try:
                whole = read(frame, digits=True)
            except ValueError:
                self.faults.add(FaultKind.NOT_JSON, frame)
                return []
        return elements(whole)

    def _trades_of(self, message: Any) -> list[Any]:
        if not isinstance(message, dict | list):
            self._count(FaultKind.NOT_OF_PROTOCOL, message)
            return []
        if not all(_says(message, where, wanted) for where, wanted in self._only):
            return []
        try:
            trades = find(message, self._trades)
        except LookupError:
            trades = None
        if not isinstance(trades, dict | list):
            self._count(FaultKind.NOT_OF_PROTOCOL, message)
            return []
        return elements(trades) if self._trades else [trades]

    def _tick(self, trade: Any, message: Any) -> _Tick | None:
        try:
            symbol = text(_either(trade, message, self._symbol))
            time = instant(_either(trade, message, self._time), self._feed.time_unit)
            price = number(find(trade, self._price))
        except _NO_SUCH:
            self._count(FaultKind.WRONG_TYPE, trade)
            return None
        size = self._optional(trade, self._size, _size, 0.0)
        own_id = self._optional(trade, self._id, identity, NO_ID)
        return time, price, size, own_id, self._instruments.get(symbol, UNKNOWN_SYMBOL), 0, 0, 0

    def _optional(self, trade: Any, where: Path | None, read: Callable[[Any], T], without: T) -> T:
        """What a price is no worse without: one that is missing is a fault, but the trade still counts."""
        if where is None:
            return without
        try:
            value = find(trade, where)
            return without if value is None else read(value)
        except _NO_SUCH:
            self._count(FaultKind.WRONG_TYPE, trade)
            return without

    def _count(self, kind: FaultKind, what: Any) -> None:
        self._bad += 1
        try:
            sample = json.dumps(what).encode()
        except RecursionError:
            sample = b"nested too deep to be shown"
        self.faults.add(kind, sample)


def _names_symbols(template: str) -> bool:
    return not {"symbol", "symbols"}.isdisjoint(places(template))


def _says(message: Any, where: Path, wanted: str) -> bool:
    """Whether text, a number, true or false stands there, spelled as `wanted`."""
    try:
        value = find(message, where)
    except LookupError:
        return False
    if isinstance(value, bool):
        return wanted == ("true" if value else "false")
    return isinstance(value, str | int) and str(value) == wanted


def _either(trade: Any, message: Any, where: Path) -> Any:
    """What stands at `where` in the trade or, for all trades of the message, in the message."""
    try:
        return find(trade, where)
    except LookupError:
        return find(message, where)


def _size(value: Any) -> float:
    """A size; some vendors write those of sales below 0."""
    size = abs(number(value))
    if not math.isfinite(size):
        raise ValueError("no size")
    return size
