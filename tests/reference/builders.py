"""Tapes and watches in a few words, for tests."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from reference.replay import Alert, reference_replay
from reference.ticks import NS, Bar, Tick
from tapewatch.config import Watch


def at(clock: str, day: str = "2026-01-28") -> int:
    """ns of a time of day in New York."""
    whole, _, fraction = clock.partition(".")
    moment = datetime.fromisoformat(f"{day}T{whole}").replace(tzinfo=ZoneInfo("America/New_York"))
    return int(moment.timestamp()) * NS + int(fraction.ljust(9, "0"))


def tape(text: str, day: str = "2026-01-28") -> list[Tick]:
    """`"6949 09:31:00=6951"`: one tick a second from 09:30:00 on, or at the time of day named."""
    ticks: list[Tick] = []
    for word in text.split():
        clock, _, price = word.rpartition("=")
        time = at(clock, day) if clock else ticks[-1].time + NS if ticks else at("09:30:00", day)
        ticks.append(Tick(time, float(price), 1.0))
    return ticks


def watch(**parts: Any) -> Watch:
    plain = {"symbol": "SPX", "timeframes": ["1m"], "indicators": [], "rearm": 0.0}
    return Watch.model_validate(plain | parts)


def breakout(price: float = 7000, **parts: Any) -> dict[str, Any]:
    return {"name": "breakout", "price": price} | parts


RESISTANCE = {"name": "resistance", "low": 6950, "high": 6970}


def said(alerts: list[Alert]) -> list[str]:
    return [f"{alert['type'].split('.', 1)[1]} {alert['price']:g}" for alert in alerts]


def alerts_of(ticks: list[Tick], history: list[Bar] | None = None, **parts: Any) -> list[Alert]:
    return reference_replay(ticks, watch(**parts), history or [])[0]
