"""What the screen shows: put together from what the daemon sends. No I/O, no terminal."""

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from tapewatch.alerts.alert import Alert
from tapewatch.charts.chart import Chart, Place
from tapewatch.top import wire
from tapewatch.top.sse import Event
from tapewatch.top.wire import Delivery, Entry, Found, Health, Listed, Silence

BARS = 300
"""How many a chart keeps."""

ENTRIES = 200
"""How many alerts are kept."""

_NAN = float("nan")


@dataclass(frozen=True)
class Trouble:
    """Why nothing new comes."""

    why: str
    again_at: float
    """When it is tried again (monotonic clock, s)."""

    def text(self, now: float) -> str:
        """For people; `now` is on the monotonic clock (s)."""
        wait = self.again_at - now
        return f"{self.why}; " + (f"tried again in {wait:.0f} s" if wait > 0.5 else "trying again")


@dataclass
class State:
    """One terminal's view."""

    known: Found
    """The watches that may be chosen."""
    symbol: str
    timeframe: str
    chart: Chart | None = None
    status: dict[str, Any] | None = None
    """As `tapewatch.status.status_of` has it."""
    health: Health | None = None
    silences: Sequence[Silence] = ()
    entries: dict[str, Entry] = field(default_factory=dict)
    """Alerts of all symbols by id, the oldest first."""
    last_id: str = ""
    """Of the event stream, for going on where it broke."""
    trouble: Trouble | None = None
    """None while the line holds."""
    said: str = ""
    """What the last key came to."""

    @property
    def watch(self) -> Listed:
        """The one that is shown."""
        own = next((each for each in self.known.watches if each.symbol == self.symbol), None)
        return own or Listed(self.symbol, self.symbol, [self.timeframe])

    @property
    def silence(self) -> Silence | None:
        """The one that holds for all of this symbol."""
        held = (own for own in self.silences if own.state == "holds" and own.whole_symbol)
        return next((own for own in held if own.symbol in (self.symbol, literally(self.symbol))), None)

    def choose(self, watch: Listed, timeframe: str | None = None) -> None:
        """Shows another chart; a timeframe that the watch does not have is its shortest."""
        wanted = timeframe or self.timeframe
        if watch.symbol != self.symbol:
            self.status = None
        self.symbol, self.chart = watch.symbol, None
        self.timeframe = wanted if wanted in watch.timeframes else watch.timeframes[0]

    def take(self, event: Event) -> None:
        """Takes an event; names that a later version may send say nothing.

        Raises:
            msgspec.DecodeError, msgspec.ValidationError: it is not what the daemon of this version sends.
        """
        match event.name:
            case "chart":
                self._take_chart(wire.chart(event.data))
            case "bar":
                self._take_bar(msgspec.json.decode(event.data, type=wire.Bar))
            case "watch":
                self._take_status(msgspec.json.decode(event.data, type=dict[str, Any]))
            case "alert":
                self.take_entry(msgspec.json.decode(event.data, type=Entry))
            case "delivery":
                self._take_delivery(msgspec.json.decode(event.data, type=Delivery))
            case "health":
                self.health = msgspec.json.decode(event.data, type=Health)
            case "silences":
                self.silences = msgspec.json.decode(event.data, type=list[Silence])
        if event.id:
            self.last_id = event.id

    def take_entry(self, entry: Entry) -> None:
        """An alert, as it stands now; an older one goes where it belongs."""
        self.entries[entry.alert.id] = entry
        newest = list(self.entries.values())[-2:]
        if len(newest) == 2 and _time_ns(newest[1].alert) < _time_ns(newest[0].alert):
            self.entries = dict(sorted(self.entries.items(), key=lambda own: _time_ns(own[1].alert)))
        while len(self.entries) > ENTRIES:
            self.entries.pop(next(iter(self.entries)))

    def _take_chart(self, chart: Chart) -> None:
        if (chart.symbol, chart.timeframe) == (self.symbol, self.timeframe):
            self.chart = chart

    def _take_bar(self, bar: wire.Bar) -> None:
        """The newest bar goes on, or is followed by a new one."""
        own = self.chart
        if own is None or (own.time and bar.time < own.time[-1]):
            return
        keep = slice(0, -1) if own.time and own.time[-1] == bar.time else slice(1 - BARS, None)
        self.chart = msgspec.structs.replace(
            own,
            time=[*own.time[keep], bar.time],
            open=[*own.open[keep], bar.open],
            high=[*own.high[keep], bar.high],
            low=[*own.low[keep], bar.low],
            close=[*own.close[keep], bar.close],
            volume=[*own.volume[keep], _NAN if bar.volume is None else bar.volume],
            values={
                name: [*values[keep], _NAN if (new := bar.values.get(name)) is None else new]
                for name, values in own.values.items()
            },
            forming=not bar.closed,
        )

    def _take_status(self, status: dict[str, Any]) -> None:
        if status.get("symbol") != self.symbol:
            return
        self.status = status
        if self.chart is not None:  # levels that are indicators move
            places = [
                Place(name=own["name"], role=own["role"], low=own["low"], high=own["high"])
                for own in status["levels"]
            ]
            self.chart = msgspec.structs.replace(self.chart, places=sorted(places, key=_height, reverse=True))

    def _take_delivery(self, delivery: Delivery) -> None:
        entry = self.entries.get(delivery.alert)
        if entry is not None:
            entry.deliveries.append(delivery)
            entry.waiting = [name for name in entry.waiting if name != delivery.receiver]

    def fail(self, why: str, wait: float) -> None:
        """Nothing comes; it is tried again in so many seconds."""
        self.trouble = Trouble(why, time.monotonic() + wait)


def literally(symbol: str) -> str:
    """The symbol as a pattern that fits nothing else."""
    return re.sub(r"([*?[])", r"[\1]", symbol)


def until(silence: Silence) -> datetime:
    """When it is over, on this machine's clock."""
    return datetime.fromisoformat(silence.until).astimezone()


def _time_ns(alert: Alert) -> int:
    return int(alert.data.time_ns)


def _height(place: Place) -> tuple[float, float]:
    return place.high, place.low
