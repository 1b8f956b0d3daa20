"""The alert, and its JSON: a CloudEvents 1.0 envelope.

Source: CloudEvents 1.0, https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md
"""

import hashlib
from typing import Literal

import msgspec

TYPE_PREFIX = "tapewatch."


class Pivot(msgspec.Struct, frozen=True):
    """One of the two pivots of a divergence."""

    time: str
    """Start of the pivot's bar, ISO 8601 UTC."""
    price: float
    """The bar's high (bearish) or low (bullish)."""
    value: float
    """The oscillator at the pivot."""


class AlertData(msgspec.Struct, frozen=True, kw_only=True):
    """What happened, for programs; `text` says it for people."""

    rule: str
    """Name of the level, zone or condition; `feed` of what is about a feed."""
    title: str
    """The symbol's name for people, such as `S&P 500`."""
    role: str | None
    """`support`, `resistance`, `breakout`, `target`, or null."""
    direction: Literal["up", "down"] | None
    """Null where there is neither, as in `macd.hist@1h within 1 of 0`."""
    price: float | None
    """Price of the tick (or the close of the bar) that fired; of `touched` how far it went; null of a feed."""
    level: float | msgspec.UnsetType | None = msgspec.UNSET
    """The level; null where there is none. A zone has `low` and `high` in its place."""
    low: float | msgspec.UnsetType = msgspec.UNSET
    high: float | msgspec.UnsetType = msgspec.UNSET
    distance: float | None
    """Points from the level, or the edge of the zone that was passed, to the price; negative below it."""
    timeframe: str | None
    """Timeframe at whose close it was checked; on ticks that of a divergence, or of what price crossed; else null."""
    indicators: dict[str, float]
    """Every indicator of the watch that has a value, by name and timeframe, such as `rsi(14)@1d`; and `change(30m)`."""
    gap: Literal["session", "outage"] | None
    late: bool
    """Whether it was missed in an outage, and found in history."""
    hours: Literal["regular", "extended"]
    stage: Literal["confirmed", "forming"] | None
    """Of a divergence; `forming` is an early warning, while the bar is not closed. Null otherwise."""
    pivots: tuple[Pivot, Pivot] | msgspec.UnsetType = msgspec.UNSET
    """Of a divergence: the previous pivot and the one that diverges from it."""
    follows: str | None
    """Id of the alert that this one confirms or fails."""
    warm: bool
    """False while a quoted RSI, EMA, MACD or ATR has seen fewer than 250 bars."""
    cold: tuple[str, ...] = ()
    """Timeframes whose indicators are not warm yet."""
    severity: Literal["info", "warning", "critical"]
    next: str | None
    """The next target in the direction of the alert, as the watch has it."""
    note: str | None
    """What the watch says it means."""
    text: str
    exchange_time: str
    """Event time in the exchange's zone, ISO 8601 with offset."""
    zone: str
    """The exchange's time zone, such as `America/New_York`."""
    time_ns: str
    """Event time, ns since 1970 UTC, as digits: JavaScript would round the number."""


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """One alert in its CloudEvents envelope; fields in the order in which they are written."""

    specversion: Literal["1.0"] = "1.0"
    id: str
    source: str
    """`/tapewatch/` and the instance's name."""
    type: str
    subject: str
    """The symbol, or the feed of what is about a feed."""
    time: str
    """Event time, RFC 3339 UTC with nine decimals."""
    datacontenttype: Literal["application/json"] = "application/json"
    data: AlertData


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Alert).decode


def encode(alert: Alert) -> bytes:
    """The alert as one line of JSON."""
    return _encode(alert)


def decode(line: bytes | str) -> Alert:
    """The alert of `encode`.

    Raises:
        msgspec.DecodeError, UnicodeDecodeError: it is not one.
    """
    try:
        return _decode(line)
    except RecursionError:
        raise msgspec.DecodeError("nested too deep") from None


def alert_id(instance: str, symbol: str, rule: str, type_: str, time: int, before: int) -> str:
    """The alert's id: the first 128 bits of SHA-256 in hexadecimal.

    The hash is over the arguments as decimal or UTF-8 text, joined by a line feed. Nothing else of the config
    is in it, so a note or a receiver may change and the alert stays the same alert.

    Args:
        instance: the config's `name`.
        symbol: the watch's symbol.
        rule: name of the level, zone or condition.
        type_: the alert's type, `tapewatch.` included.
        time: event time, ns.
        before: how many such alerts came before at that time.
    """
    what = "\n".join((instance, symbol, rule, type_, str(time), str(before)))
    return hashlib.sha256(what.encode()).hexdigest()[:32]
