"""What the daemon answers, as data."""

from typing import Any

import msgspec

from tapewatch.alerts.alert import Alert
from tapewatch.charts.chart import Chart

_NAN = float("nan")


class Listed(msgspec.Struct, frozen=True):
    """A watch in the list of all."""

    symbol: str
    title: str
    timeframes: list[str]
    price: float | None = None


class Found(msgspec.Struct, frozen=True):
    """The watches that fit what was searched for."""

    instance: str
    total: int
    found: int
    watches: list[Listed]


class Delivery(msgspec.Struct, frozen=True):
    """What became of an alert at one receiver."""

    receiver: str
    outcome: str
    detail: str = ""
    alert: str = ""
    """The alert's id, where it does not stand with it."""


class Entry(msgspec.Struct):
    """An alert, and where it went."""

    alert: Alert
    deliveries: list[Delivery]
    waiting: list[str]
    """Receivers that are still to have it."""


class Check(msgspec.Struct, frozen=True):
    """One thing that must hold for the process to be of use."""

    name: str
    ok: bool
    reason: str


class FeedHealth(msgspec.Struct, frozen=True):
    """One feed."""

    name: str
    vendor: str
    state: str
    stale: bool
    ticks_per_second: float | None = None
    lag_s: float | None = None
    reconnects: int = 0


class RedisHealth(msgspec.Struct, frozen=True):
    """Redis, as the process that leads has it."""

    ok: bool
    away_s: float | None = None


class LeaseHealth(msgspec.Struct, frozen=True):
    """Who leads, of several processes."""

    leader: str | None
    held: bool


class Waiting(msgspec.Struct, frozen=True):
    """How many alerts are on their way to one receiver."""

    name: str
    waiting: int | None
    """None: this process does not lead, and does not know."""


class Health(msgspec.Struct, frozen=True):
    """How the process is."""

    role: str
    ready: bool
    checks: list[Check]
    instance: str
    feeds: list[FeedHealth]
    redis: RedisHealth
    receivers: list[Waiting]
    lease: LeaseHealth | None = None
    member: str | None = None
    symbols: int = 0


class Silence(msgspec.Struct, frozen=True):
    """A silence, as `tapewatch silence list --json` has it."""

    id: str
    until: str
    state: str
    """`to come`, `holds` or `over`."""
    symbol: str | None = None
    rule: str | None = None
    type: str | None = None
    severity: str | None = None
    by: str = ""
    why: str = ""

    @property
    def whole_symbol(self) -> bool:
        """Whether it is the one that the key `s` makes: all of one symbol."""
        return self.symbol is not None and not (self.rule or self.type or self.severity)


class Bar(msgspec.Struct, frozen=True):
    """The newest bar."""

    time: int
    """Its start, s since 1970 UTC."""
    open: float
    high: float
    low: float
    close: float
    volume: float | None
    closed: bool
    values: dict[str, float | None]


def chart(data: str | bytes) -> Chart:
    """A chart out of JSON, whose null is NaN.

    Raises:
        msgspec.DecodeError, msgspec.ValidationError: it is none.
    """
    raw: Any = msgspec.json.decode(data)
    if isinstance(raw, dict):
        for name in ("open", "high", "low", "close", "volume"):
            raw[name] = _numbers(raw.get(name))
        if isinstance(values := raw.get("values"), dict):
            raw["values"] = {name: _numbers(own) for name, own in values.items()}
    return msgspec.convert(raw, Chart)


def _numbers(values: Any) -> Any:
    return [_NAN if own is None else own for own in values] if isinstance(values, list) else values
