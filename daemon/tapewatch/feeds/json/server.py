"""The other side of a described websocket, for the simulator: made from the same description."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from tapewatch.config import JsonFeed
from tapewatch.config.messages import fill, is_json, places
from tapewatch.feeds.json.paths import path, put
from tapewatch.feeds.json.values import PLACES

_encode = msgspec.json.Encoder().encode

_SYMBOL, _SYMBOLS, _SECRET = "\ue000", "\ue001", "\ue002"
"""Stand for the places of a template while it is made a pattern; of Unicode's private use, so that no text has them."""


class JsonServer:
    """One client's session; see `simulator.VendorServer`.

    Whatever the key, it is let in, and a subscription is not confirmed: the description says nothing of either.

    Args:
        feed: the description.
        symbols: the vendor's names of what is on the tape; `TICK["symbol"]` is the place in it.
        refuse_login: hang up at once.
    """

    def __init__(self, feed: JsonFeed, symbols: Sequence[str], refuse_login: bool) -> None:
        self.wanted = np.full(len(symbols), feed.subscribe is None)
        self.refused = False
        self.binary = False
        self._feed = feed
        self._symbols = list(symbols)
        self._refuse_login = refuse_login
        self._asks = [
            (wanted, _asked(template, self._symbols))
            for wanted, template in ((True, feed.subscribe), (False, feed.unsubscribe))
            if template
        ]
        self._trades = path(feed.trades)
        self._only = [(path(where), wanted) for where, wanted in feed.only.items()]

    def open(self, path: str, headers: Mapping[str, str]) -> list[str | bytes]:
        """Nothing: the client speaks first."""
        self.refused = self._refuse_login
        return []

    def heartbeat(self) -> list[str | bytes]:
        """None is described."""
        return []

    def receive(self, message: str | bytes) -> list[str | bytes]:
        """No answer; a message like `subscribe` or `unsubscribe` is obeyed, any other let pass."""
        said = _compact(message)
        for wanted, asked in self._asks:
            for symbol in asked(said):
                if symbol in self._symbols:
                    self.wanted[self._symbols.index(symbol)] = wanted
        return []

    def frame(self, ticks: np.ndarray, ids: np.ndarray) -> bytes:
        """One frame with `ticks`, rows of `TICK`, and the trades' ids."""
        trades = [
            self._trade(self._symbols[symbol], price, size, time, number)
            for symbol, price, size, time, number in zip(
                ticks["symbol"].tolist(),
                ticks["price"].tolist(),
                ticks["size"].tolist(),
                ticks["time"].tolist(),
                ids.tolist(),
                strict=True,
            )
        ]
        if self._one_a_message():
            messages = [self._message(trade) for trade in trades]
            return _encode(messages if len(messages) > 1 else messages[0])
        return _encode(self._message(trades))

    def _one_a_message(self) -> bool:
        """Whether there is no place for an array of trades: the message, or what `only` looks into, is the trade."""
        return not self._trades or any(where[: len(self._trades)] == self._trades for where, _ in self._only)

    def _trade(self, symbol: str, price: float, size: float, time: int, number: int) -> Any:
        feed = self._feed
        trade = None
        for where, value in (
            (feed.symbol, symbol),
            (feed.price, price),
            (feed.size, size),
            (feed.time, _time(time, feed.time_unit)),
            (feed.id, number),
        ):
            if where:
                trade = put(trade, path(where), value)
        return trade

    def _message(self, trades: Any) -> Any:
        message = put(None, self._trades, trades)
        for where, wanted in self._only:
            message = put(message, where, wanted)
        return message


def _time(time: int, unit: str) -> Any:
    """`time` (ns since 1970 UTC) as a vendor writes it: cut to its unit, but seconds with their decimals."""
    if unit == "iso":
        return f"{np.datetime64(time, 'ns')}Z"
    if unit != "s":
        return time // 10 ** PLACES[unit]
    seconds, rest = divmod(time, 10**9)
    return msgspec.Raw(f"{seconds}.{rest:09d}".encode()) if rest else seconds


def _asked(template: str, symbols: Sequence[str]) -> Callable[[str], Sequence[str]]:
    """What a message in the form of `template` asks for; of one that names no symbol, all of `symbols`."""
    secret = {"key": _SECRET, "secret": _SECRET}
    marked = fill(template.replace("{symbols}", f'"{_SYMBOLS}"'), {**secret, "symbol": _SYMBOL})
    # `json.dumps` in `fill` escapes the marks; `_compact` brings them back.
    escaped = re.escape(_compact(marked))
    pattern = re.compile(
        escaped.replace(_SYMBOL, "(?P<symbol>.+)", 1)
        .replace(_SYMBOL, "(?P=symbol)")
        .replace(f'"{_SYMBOLS}"', r"(?P<symbols>\[.*\])", 1)
        .replace(_SECRET, ".*")
    )
    named = places(template)

    def asked(said: str) -> Sequence[str]:
        form = pattern.fullmatch(said)
        if form is None:
            return ()
        if "symbols" in named:
            return [each for each in json.loads(form["symbols"]) if isinstance(each, str)]
        if "symbol" in named:
            return (json.loads(f'"{form["symbol"]}"') if is_json(template) else form["symbol"],)
        return symbols

    return asked


def _compact(message: str | bytes) -> str:
    """JSON without white space between, and any other text as it is."""
    said = message if isinstance(message, str) else message.decode("utf-8", "replace")
    try:
        return json.dumps(json.loads(said), ensure_ascii=False, separators=(",", ":"))
    except (ValueError, RecursionError):
        return said.strip()
