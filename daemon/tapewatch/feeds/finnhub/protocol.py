"""Finnhub: trades of stocks, currencies and crypto currencies over its websocket.

The key is part of the address. We subscribe to each symbol; nothing is confirmed, and messages of trades follow.
While there are none, a ping comes about once a minute. Sources:

- address, subscription, trades, pings: https://finnhub.io/docs/api/websocket-trades
- `c`, the conditions: the list that page links to,
  https://docs.google.com/spreadsheets/d/1PUxiSWPHSODbaTaoL2Vef6DgU-yFtlRGZf19oBb9Hp0
- a key that is none is refused in the handshake, HTTP 401: https://github.com/finnhubio/Finnhub-API/issues/465
- one connection a key: https://github.com/finnhubio/Finnhub-API/issues/158
- errors, `{"type": "error", "msg": "Invalid symbol …"}`: https://github.com/finnhubio/Finnhub-API/issues/20. There
  is no list of them; so they are told apart by their words, of which those for a key and for access are the HTTP API's.
"""

import struct
from collections.abc import Mapping, Sequence
from typing import Annotated
from urllib.parse import parse_qsl, quote, urlsplit

import msgspec
import numpy as np

from tapewatch.feeds.protocol import FaultKind, Refusal, RefusalKind
from tapewatch.feeds.salvage import read_object, the_good
from tapewatch.feeds.session import Session
from tapewatch.market.ticks import NO_ID, NOT_LAST, TICK, UNKNOWN_SYMBOL

URL = "wss://ws.finnhub.io/"

NOT_LAST_CONDITIONS = frozenset(
    {"3", "5", "9", "10", "11", "12", "16", "17", "20", "21", "22", "25", "26", "27", "30", "32", "37"}
)
"""Trade conditions that do not update the last price.

Average price (3), cash sale (5), bunched sold (9), price variation (10), CAP election (11), odd lot (12),
official close (16), next day (17), official open (20), prior reference price (21), seller (22), extended hours
sold out of sequence (25), contingent (26), stock option (27), sold out of sequence (30), derivatively priced
(32), qualified contingent (37). Form T (24) is not among them, though the rule names it: it marks every trade
outside regular hours, and those the watch's `hours` judge.

The numbers are those of Finnhub's list, as the client maystocks copied it. Which of them update the last price is taken
from there, too, except for 18, 31, 34, 36 and 38 to 41 (opening, stopped stock, reopening and closing prints, exempt
trades, the corrected close): these count, as they do with Massive, by the rules of the consolidated tape.
"""

_MS = 1_000_000

_Milliseconds = Annotated[int, msgspec.Meta(ge=0, le=np.iinfo(np.int64).max // _MS)]


class Trade(msgspec.Struct, gc=False):
    """A trade; of a market that reports none, a price with volume 0."""

    s: str
    """Symbol."""
    p: float
    t: _Milliseconds
    """ms since 1970 UTC."""
    v: float | None = 0.0
    """Volume."""
    c: list[str] | None = None
    """Conditions."""


class Message(msgspec.Struct, gc=False):
    """Any message: `trade`, `ping` or `error`."""

    type: str
    data: list[Trade] | None = None
    msg: str = ""


_decode = msgspec.json.Decoder(Message).decode
_encode = msgspec.json.Encoder().encode
_pack_tick = struct.Struct("<qddqiiII").pack_into  # TICK, field by field
_no_condition_of_these = NOT_LAST_CONDITIONS.isdisjoint


def with_token(url: str, key: str) -> str:
    """`url` with the key in it, unless it names a token of its own."""
    parts = urlsplit(url)
    if any(name == "token" for name, _ in parse_qsl(parts.query, keep_blank_values=True)):
        return url
    token = f"token={quote(key, safe='')}"
    return parts._replace(path=parts.path or "/", query="&".join(filter(None, (parts.query, token)))).geturl()


class Finnhub(Session):
    """One connection to Finnhub.

    Args:
        credentials: the API key, kept out of what is logged; it is sent in the address.
        instruments: the engine's number of each, by Finnhub's name for it.
    """

    _asked_for_more = False

    def open(self) -> list[str]:
        """A subscription a symbol; Finnhub confirms none."""
        self.subscribed = True
        self._subscribe()
        return self.replies()

    def watch(self, instruments: Mapping[str, int]) -> None:
        """Other instruments from now on, on the same connection."""
        super().watch(instruments)
        self._asked_for_more = self._may_ask

    def _ask(self, action: str, symbols: Sequence[str]) -> None:
        self._replies += [_encode({"type": action, "symbol": symbol}).decode() for symbol in symbols]

    def receive(self, frame: bytes) -> np.ndarray:
        """Ticks of `frame`; an error in it may change `refusal`."""
        try:
            message = _decode(frame)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return self._ticks(self._salvage(frame))
        match message.type:
            case "trade":
                return self._ticks(message.data or [])
            case "error":
                self._take_error(message.msg)
            case "ping":
                pass
            case _:
                self.faults.add(FaultKind.NOT_OF_PROTOCOL, frame)
        return self._ticks([])

    def _ticks(self, trades: list[Trade]) -> np.ndarray:
        size = TICK.itemsize
        buffer = bytearray(size * len(trades))
        number_of = self._instruments.get
        for place, trade in enumerate(trades):
            conditions = trade.c
            _pack_tick(
                buffer,
                place * size,
                trade.t * _MS,
                trade.p,
                trade.v or 0.0,
                NO_ID,
                number_of(trade.s, UNKNOWN_SYMBOL),
                0,
                NOT_LAST if conditions and not _no_condition_of_these(conditions) else 0,
                0,
            )
        return np.frombuffer(buffer, TICK)

    def _salvage(self, frame: bytes) -> list[Trade]:
        """The good trades of a frame that cannot be read as a whole; the others are counted."""
        raw = read_object(frame, self.faults)
        if raw is None:
            return []
        kind, data = raw.get("type"), raw.get("data")
        if kind == "trade" and isinstance(data, list):
            return the_good(data, Trade, self.faults)
        known = kind in ("trade", "ping", "error")
        self.faults.add(FaultKind.WRONG_TYPE if known else FaultKind.NOT_OF_PROTOCOL, frame)
        return []

    def _take_error(self, text: str) -> None:
        said = self.faults.said(text)
        # What was subscribed to before goes on; at the next connection it is too many, and refused.
        harmless = self._asked_for_more and "too many symbols" in said.lower()
        self.refusal = self.refusal or (None if harmless else _refusal(said))
        if self.refusal is None:
            self.faults.add(FaultKind.VENDOR_ERROR, said.encode(errors="replace"))


def _refusal(text: str) -> Refusal | None:
    """What an error means for the connection; None if it goes on, as after a symbol that is none."""
    said, words = ascii(text[:200]), text.lower()

    def has(*any_of: str) -> bool:
        return any(each in words for each in any_of)

    if has("invalid symbol"):  # before the others: a symbol may be called anything
        return None
    if has("too many symbols"):
        return Refusal(
            RefusalKind.NOT_ENTITLED,
            f"Finnhub says {said}: the key's plan has fewer symbols (the free one about 50); watch fewer on this"
            " feed, or take a plan with more",
        )
    if has("too many", "limit reached", "connection"):
        return Refusal(
            RefusalKind.TOO_MANY_CONNECTIONS,
            f"Finnhub allows one connection a key, and says {said}: another program uses this key; stop it, or"
            " give it a key of its own",
        )
    if has("api key", "token", "unauthorized", "authentication"):
        return Refusal(RefusalKind.BAD_KEY, f"Finnhub refused the key: {said}")
    if has("access", "premium", "not authorized", "permission", "subscribe to a plan"):
        return Refusal(
            RefusalKind.NOT_ENTITLED,
            f"the key's plan at Finnhub does not include what this feed asks for: {said}; take a plan that does,"
            " or watch other symbols",
        )
    return None
