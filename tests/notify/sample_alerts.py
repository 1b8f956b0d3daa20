"""Alerts that read like the market."""

from typing import Any

import msgspec

from tapewatch.alerts.alert import Alert, AlertData, encode
from tapewatch.alerts.build import iso_ns
from tapewatch.notify.message import Kind, Message
from tapewatch.notify.telling import Told, tell

_BREAKOUT = Alert(
    id="9f0c2a51d7b84e6f8d1c3b5a79e0f246",
    source="/tapewatch/sp500",
    type="tapewatch.level.crossed_up",
    subject="SPX",
    time="2026-01-28T14:31:07.123456789Z",
    data=AlertData(
        rule="breakout",
        title="S&P 500",
        role="breakout",
        direction="up",
        price=7000.25,
        level=7000.0,
        distance=0.25,
        timeframe=None,
        indicators={
            "rsi(14)@1m": 71.2,
            "sma(50)@1m": 6994.5,
            "rsi(14)@1d": 59.7,
            "macd(12,26,9)@1d": 24.1,
            "macd(12,26,9).signal@1d": 22.0,
            "macd(12,26,9).hist@1d": 2.1,
            "sma(50)@1d": 6852.1,
            "ema(20)@1h": 6970.0,
        },
        gap=None,
        late=False,
        hours="regular",
        stage=None,
        follows=None,
        warm=False,
        cold=("1h",),
        severity="critical",
        next="7,100–7,200",
        note="Opens the way to the next target.",
        text="S&P 500 crossed above 7,000, at 7,000.25",
        exchange_time="2026-01-28T09:31:07.123456789-05:00",
        zone="America/New_York",
        time_ns="1769610667123456789",
    ),
)


def alert(**changes: Any) -> Alert:
    """The breakout of design §6; `changes` go to the envelope or, if it has no such field, to the data."""
    envelope = {key: changes.pop(key) for key in ("id", "type", "subject", "source") if key in changes}
    return msgspec.structs.replace(
        _BREAKOUT, **envelope, data=msgspec.structs.replace(_BREAKOUT.data, **changes)
    )


def later(seconds: float, **changes: Any) -> Alert:
    """`alert(**changes)`, fired so many seconds later, under an id of its own."""
    time = int(_BREAKOUT.data.time_ns) + round(seconds * 1e9)
    own = alert(**{"id": f"{time:032x}", "time_ns": str(time)} | changes)
    return msgspec.structs.replace(own, time=iso_ns(time))


def message(*alerts: Alert, kind: Kind = Kind.ALERTS, answers: str | None = None) -> Message:
    """Some alerts, or the breakout, on their way to a receiver."""
    own = alerts or (alert(),)
    return Message(own, tuple(map(encode, own)), kind, answers)


def told(*alerts: Alert, kind: Kind = Kind.ALERTS) -> Told:
    return tell(message(*alerts, kind=kind))


HOSTILE = alert(
    note="<script>alert(1)</script>\r\nBcc: all@example.com *bold* <!channel> <https://evil.example|here>\x1b[2J",
    next="<@U123> & \u202e*more*",
    rule="break\r\nout",
    text="S&P 500 <b>crossed</b>\r\nX-Injected: yes <!here>",
)
"""Free text that tries to become something else in every medium."""
