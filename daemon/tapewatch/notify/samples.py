"""Made-up messages of each kind, to try a template on before the first alert comes."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from tapewatch.alerts.alert import Alert, AlertData, Pivot, encode
from tapewatch.alerts.build import iso_ns, local_iso
from tapewatch.alerts.feed_alert import Silent, stale
from tapewatch.market.ticks import NS
from tapewatch.notify.message import Kind, Message

_ZONE = ZoneInfo("America/New_York")
_TIME = int(datetime(2026, 1, 28, 14, 31, 7, tzinfo=UTC).timestamp()) * NS

_LEVEL = Alert(
    id=f"{0:032x}",
    source="/tapewatch/sp500",
    type="tapewatch.level.crossed_up",
    subject="SPX",
    time=iso_ns(_TIME),
    data=AlertData(
        rule="breakout",
        title="S&P 500",
        role="breakout",
        direction="up",
        price=7000.25,
        level=7000.0,
        distance=0.25,
        timeframe=None,
        indicators={"rsi(14)@1d": 59.7, "sma(50)@1d": 6852.1},
        gap=None,
        late=False,
        hours="regular",
        stage=None,
        follows=None,
        warm=True,
        severity="critical",
        next="7,100–7,200",
        note="Opens the way to the next target.",
        text="S&P 500 crossed above 7,000, at 7,000.25",
        exchange_time=local_iso(_TIME, _ZONE),
        zone=str(_ZONE),
        time_ns=str(_TIME),
    ),
)


def sample_messages() -> Iterator[Message]:
    """One of each kind, of everything that an alert may have and may lack."""
    down = _but(
        1,
        type="tapewatch.level.crossed_down",
        direction="down",
        price=6999.5,
        distance=-0.5,
        next=None,
        note=None,
        text="S&P 500 crossed below 7,000, at 6,999.50",
    )
    zone = _but(
        2,
        type="tapewatch.zone.entered_from_below",
        rule="resistance",
        role=None,
        level=msgspec.UNSET,
        low=6950.0,
        high=6970.0,
        severity="warning",
        text="S&P 500 entered 6,950–6,970 from below, at 6,951.00",
    )
    divergence = _but(
        3,
        type="tapewatch.divergence.regular_bearish",
        rule="hourly divergence",
        level=None,
        distance=None,
        timeframe="1h",
        stage="confirmed",
        pivots=(
            Pivot("2026-01-27T15:30:00Z", 6990.1, 72.9),
            Pivot("2026-01-28T14:30:00Z", 7010.25, 68.1),
        ),
        severity="info",
        text="S&P 500: bearish divergence on RSI(14)@1h, price made a higher high (6,990.10 → 7,010.25), "
        "RSI a lower one (72.9 → 68.1)",
    )
    away = stale("sp500", "tape", Silent(("SPX",), ("XNYS",), 30, _TIME, _ZONE))
    for alert in (_LEVEL, down, zone, divergence, away):
        yield _message(alert)
    yield _message(_LEVEL, zone)
    yield _message(_LEVEL, down, _LEVEL, kind=Kind.SUMMARY)
    yield _message(_LEVEL, down, zone, divergence, away, kind=Kind.DIGEST)


def _but(seconds: int, *, type: str, **changes: Any) -> Alert:
    """The sample so many seconds later, with `changes` to its data."""
    time = _TIME + seconds * NS
    data = msgspec.structs.replace(
        _LEVEL.data, **changes, time_ns=str(time), exchange_time=local_iso(time, _ZONE)
    )
    return msgspec.structs.replace(_LEVEL, id=f"{seconds:032x}", type=type, time=iso_ns(time), data=data)


def _message(*alerts: Alert, kind: Kind = Kind.ALERTS) -> Message:
    return Message(alerts, tuple(map(encode, alerts)), kind)
