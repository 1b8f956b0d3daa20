"""Coinbase Advanced Trade: trades of crypto currencies over its public websocket, without a key.

The session: within 5 s of connecting we subscribe to `market_trades` and to `heartbeats`, which keeps the line open
when a product is quiet; Coinbase sends its last trades as a `snapshot`, answers each request with the list of
all `subscriptions`, and updates follow, trades of 250 ms in each. Sources:

- subscribing, 5 s, sequence numbers, messages of other kinds are to be ignored:
  https://docs.cdp.coinbase.com/coinbase-app/advanced-trade-apis/websocket/websocket-overview
- `market_trades`, `heartbeats`, and that USDC products come as those in USD:
  https://docs.cdp.coinbase.com/coinbase-app/advanced-trade-apis/websocket/websocket-channels
- 8 messages a second from one address:
  https://docs.cdp.coinbase.com/coinbase-app/advanced-trade-apis/websocket/websocket-rate-limits
- a snapshot lists the newest of its 100 trades first: https://github.com/ccxt/ccxt/pull/18518; so did updates in
  https://github.com/ccxt/ccxt/issues/27606, while others were seen oldest first. We sort.
- a channel that it does not know, or not without a key, gets `authentication failure`:
  https://github.com/coinbase/coinbase-advanced-py/issues/64
- one sequence number for all channels of a connection, in
  https://github.com/ziyangliu-666/FastMM (recorded in September 2026)

What happens to a product that does not exist is not documented. Seen was a list of subscriptions without it
(https://github.com/ccxt/ccxt/issues/22157); Coinbase's older feed says `... is not a valid product`. We take either.
"""

from collections.abc import Mapping, Sequence
from typing import final

import msgspec
import numpy as np

from tapewatch.feeds.ids import trade_id
from tapewatch.feeds.in_order import Row, ticks_in_order
from tapewatch.feeds.protocol import Credentials, FaultKind, RefusalKind
from tapewatch.feeds.salvage import read_object, sample, the_good
from tapewatch.feeds.session import Session
from tapewatch.feeds.times import iso_ns
from tapewatch.market.ticks import UNKNOWN_SYMBOL

URL = "wss://advanced-trade-ws.coinbase.com"
TRADES = "market_trades"
HEARTBEATS = "heartbeats"
SUBSCRIPTIONS = "subscriptions"


class Trade(msgspec.Struct, gc=False):
    """One trade."""

    trade_id: str
    product_id: str
    price: float
    size: float
    time: str
    """RFC 3339, to the microsecond."""


class Event(msgspec.Struct):
    """What a message tells; of the channels that we ask for, either may be there."""

    trades: list[Trade] | None = None
    subscriptions: dict[str, list[str]] | None = None


@final
class Message(msgspec.Struct):
    """One frame, of whatever channel, or an error (`type`)."""

    channel: str = ""
    sequence_num: int | None = None
    events: list[Event] = []
    type: str = ""
    message: str = ""
    reason: str = ""


_decode = msgspec.json.Decoder(Message, strict=False).decode  # prices and sizes stand in quotes
_encode = msgspec.json.Encoder().encode


def product_id(symbol: str) -> str:
    """Coinbase's id of a product that may be written with a slash: `BTC-USD` for `BTC/USD`."""
    return symbol.replace("/", "-")


def request(action: str, channel: str, products: Sequence[str] = ()) -> str:
    """A message that subscribes to a channel, or unsubscribes from it."""
    which = {"product_ids": list(products)} if products else {}
    return _encode({"type": action, "channel": channel} | which).decode()


class Coinbase(Session):
    """One connection to Coinbase.

    Args:
        credentials: none are needed.
        instruments: the engine's number of each, by Coinbase's name for it or the same with a slash.
    """

    def __init__(self, credentials: Credentials, instruments: Mapping[str, int]) -> None:
        super().__init__(credentials, _numbers(instruments))
        self._names = _recognised(self._instruments)
        self._unanswered = 0
        """Requests without the list of subscriptions that answers each."""
        self._sequence: int | None = None
        """The highest `sequence_num` so far."""

    def open(self) -> list[str]:
        """The subscriptions: Coinbase closes a line without any."""
        self._subscribe()
        self._request("subscribe", HEARTBEATS)
        return self.replies()

    def watch(self, instruments: Mapping[str, int]) -> None:
        """Other instruments from now on, on the same connection."""
        super().watch(_numbers(instruments))
        self._names = _recognised(self._instruments)

    def _ask(self, action: str, symbols: Sequence[str]) -> None:
        self._request(action, TRADES, symbols)

    def _request(self, action: str, channel: str, products: Sequence[str] = ()) -> None:
        self._replies.append(request(action, channel, products))
        self._unanswered += 1

    def receive(self, frame: bytes) -> np.ndarray:
        """Ticks of `frame`, oldest first; other messages change `subscribed`, `refusal` and `faults`."""
        try:
            message = _decode(frame)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            message = self._salvage(frame)
        if message.sequence_num is not None:
            self._count_lost(message.sequence_num)
        match message.channel:
            case "market_trades":
                rows = self._rows(message)
                self.subscribed = self.subscribed or bool(rows)  # the snapshot comes before the confirmation
                return ticks_in_order(rows)
            case "subscriptions":
                self._confirm(message)
            case "" if message.type == "error":
                self._take_error(message)
            case "" if message is not _NOTHING:
                self.faults.add(FaultKind.NOT_OF_PROTOCOL, frame)
        return ticks_in_order([])

    def _rows(self, message: Message) -> list[Row]:
        rows: list[Row] = []
        number_of = self._names.get
        for event in message.events:
            if event.trades is None:
                self.faults.add(FaultKind.WRONG_TYPE, sample(event))
                continue
            for trade in event.trades:
                try:
                    time = iso_ns(trade.time)
                except ValueError:
                    self.faults.add(FaultKind.WRONG_TYPE, sample(trade))
                    continue
                symbol = number_of(trade.product_id, UNKNOWN_SYMBOL)
                rows.append((time, trade_id(trade.trade_id), trade.price, trade.size, symbol))
        return rows

    def _count_lost(self, number: int) -> None:
        """A gap in the numbers is a message that Coinbase dropped, says its overview."""
        last = self._sequence
        if last is not None and number > last + 1:
            gap = f"sequence_num {last + 1} to {number - 1} never came"
            self.faults.add(FaultKind.MESSAGES_LOST, gap.encode())
        self._sequence = number if last is None else max(last, number)

    def _salvage(self, frame: bytes) -> Message:
        """The good trades of a frame that cannot be read as a whole; the others are counted."""
        raw = read_object(frame, self.faults)
        if raw is None:
            return _NOTHING
        events = raw.pop("events", [])
        head = the_good([raw], Message, self.faults, strict=False)
        message = head[0] if head else Message(channel=str(raw.get("channel")))
        if not isinstance(events, list):
            self.faults.add(FaultKind.WRONG_TYPE, frame)
        elif message.channel == TRADES:
            message.events = [self._salvaged_event(event, frame) for event in events]
        elif message.channel == SUBSCRIPTIONS:
            message.events = the_good(events, Event, self.faults)
        return message

    def _salvaged_event(self, event: object, frame: bytes) -> Event:
        trades = event.get("trades") if isinstance(event, dict) else None
        if not isinstance(trades, list):
            self.faults.add(FaultKind.WRONG_TYPE, frame)
            return Event(trades=[])
        return Event(trades=the_good(trades, Trade, self.faults, strict=False))

    def _confirm(self, message: Message) -> None:
        """Each request is answered by all that we have: what is missing from the last answer is refused."""
        self._unanswered -= 1
        confirmed: set[str] = set()
        for event in message.events:
            confirmed.update((event.subscriptions or {}).get(TRADES, ()))
        missing = [each for each in self._instruments if confirmed.isdisjoint((each, _in_dollars(each)))]
        if len(missing) < len(self._instruments):
            self.subscribed = True
        if self._unanswered > 0 or not missing:
            return
        said = f"Coinbase has no trades of {', '.join(missing)}"
        if self.subscribed:
            self.faults.add(FaultKind.VENDOR_ERROR, said.encode(errors="replace"))
        else:
            self._refuse(RefusalKind.NOT_ENTITLED, f"{said}: {_RIGHT_NAME}")

    def _take_error(self, error: Message) -> None:
        text = f"{error.message} {error.reason}".strip()
        said, lower = self.faults.quoted(text), text.lower()
        if "rate limit" in lower or "too many" in lower:
            self._refuse(
                RefusalKind.TOO_MANY_CONNECTIONS,
                f"Coinbase limits connections and requests from one address, and says {said}: stop what else asks it",
            )
        elif "product" in lower:
            self._refuse(RefusalKind.NOT_ENTITLED, f"Coinbase says {said}: {_RIGHT_NAME}")
        elif "authentication" in lower:
            advice = f'leave url out, or set url = "{URL}" for this feed: its trades need no key'
            self._refuse(RefusalKind.NOT_ENTITLED, f"Coinbase says {said}: {advice}")
        else:
            self.faults.add(FaultKind.VENDOR_ERROR, text.encode(errors="replace"))


_NOTHING = Message()
_RIGHT_NAME = 'name one that it trades, such as feed_symbol = "BTC/USD"'


def _numbers(instruments: Mapping[str, int]) -> dict[str, int]:
    return {product_id(symbol): number for symbol, number in instruments.items()}


def _recognised(products: Mapping[str, int]) -> dict[str, int]:
    """The number behind every product id that trades may come under."""
    return {_in_dollars(product): number for product, number in products.items()} | dict(products)


def _in_dollars(product: str) -> str:
    """`BTC-USD` for `BTC-USDC`: trades of the latter come under the former's name."""
    return product.removesuffix("C") if product.endswith("-USDC") else product
