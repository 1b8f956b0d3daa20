"""Knows when a feed has been silent for too long: by ticks alone, and by the hours of what is watched.

No I/O and no clock: `now` is always the monotonic clock in seconds, the market's time comes in as ns UTC.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from tapewatch.alerts.feed_alert import Back, Silent
from tapewatch.config import Watch
from tapewatch.market.sessions import Sessions, sessions
from tapewatch.market.ticks import NS
from tapewatch.values import span_ns

MAX_SILENCE = 30.0
"""Seconds, for watches that say nothing else."""

LONGEST_SILENCE = 600.0
"""Seconds to which a limit doubles at most; one that the config sets higher stays where it is."""

FLAPPING = 3600.0
"""Seconds: what was stale so short a time ago has to be silent for twice as long to be stale again."""


@dataclass(frozen=True)
class Listened:
    """A watch, as far as its silence goes."""

    symbol: str
    instruments: tuple[int, ...]
    """The engine's numbers of what its ticks are of: itself, or the two legs of a composite."""
    sessions: Sessions
    extended: bool
    """Its hours are the extended ones."""
    max_silence: float | None
    """Seconds, judged by its own ticks; None: 30 s, and any tick of the feed will do."""


class Look(NamedTuple):
    """What is new; `back` came before `stale`."""

    mute: Silent | None
    """The connection is open and worth nothing: replace it. Said once a connection."""
    back: Back | None
    stale: Silent | None


@dataclass
class _Part:
    """Watches that fall silent together: one with a limit of its own, or all in the same hours that have none."""

    symbols: tuple[str, ...]
    instruments: tuple[int, ...]
    """Empty: any tick of the feed will do."""
    sessions: Sessions
    extended: bool
    limit: float
    began: float
    """When listening began."""
    ticked: float = float("-inf")
    """The last tick."""
    fruitless: int = 0
    """Connections in a row that were replaced without a tick."""
    stale_since: float | None = None
    """Since when it has been silent, while it is stale."""
    relapses: int = 0
    """Times in a row that it was stale soon after it was."""
    stale_until: float = float("-inf")
    """When it was no longer stale."""

    @property
    def hours(self) -> tuple[Sessions, bool]:
        """The exchange, and whether its extended hours count."""
        return self.sessions, self.extended

    @property
    def key(self) -> tuple[object, ...]:
        """What makes it the same part under a changed config."""
        return self.symbols if self.instruments else None, self.hours

    @property
    def last(self) -> float:
        """From when on silence counts."""
        return max(self.began, self.ticked)

    @property
    def patience(self) -> float:
        """The limit for this connection: a halted market should not be a storm of connections."""
        return self._doubled(self.fruitless)

    @property
    def stale_after(self) -> float:
        """The limit for this silence: a quiet symbol should not be a storm of alerts."""
        return self._doubled(self.relapses)

    def _doubled(self, times: int) -> float:
        return max(self.limit, min(self.limit * 2.0 ** min(times, 32), LONGEST_SILENCE))


class Silence:
    """Listens to one feed.

    Whether a connection is *mute* counts from its subscription; whether the feed is *stale* does not, so that a
    line that comes and goes without a tick is not taken for a good one.

    Args:
        watches: of the feed; those with `max_silence = "off"` are left out.
        now: when listening begins.
        by_tape: the feed's clock is the tape's, which stands still in silence.
    """

    def __init__(self, watches: Iterable[Listened], now: float, *, by_tape: bool = False) -> None:
        self._by_tape = by_tape
        self._began = now
        self._last = float("-inf")  # tick of whatever
        self._subscribed: float | None = None
        self._away_since: float | None = None  # while people believe that the feed is stale
        self._told = now  # when they last heard so
        self._parts: list[_Part] = []
        self._arrived: list[float] = []  # by instrument; the last place is that of what nobody watches
        self._by_instrument = False
        self.watch(watches, now)

    @property
    def stale(self) -> bool:
        """Some watch is in need of ticks."""
        return self._away_since is not None

    def watch(self, watches: Iterable[Listened], now: float) -> None:
        """Other watches from `now` on; what goes on as it was keeps what is known of it."""
        before = {part.key: part for part in self._parts}
        for part in self._parts:
            part.ticked = max(part.ticked, self._heard(part))
        self._parts = _parts(list(watches), now)
        for part in self._parts:
            if (known := before.get(part.key)) is not None:
                part.began, part.ticked = known.began, known.ticked
                part.fruitless, part.stale_since = known.fruitless, known.stale_since
                part.relapses, part.stale_until = known.relapses, known.stale_until
        own = [number for part in self._parts for number in part.instruments]
        self._arrived = [float("-inf")] * (max(own, default=-1) + 2)
        self._by_instrument = bool(own)

    def ticks(self, ticks: np.ndarray, now: float) -> None:
        """Rows of `TICK` have come, whether admission takes them or not."""
        self._last = now
        if self._by_instrument:
            # A list, since most frames have one tick: numpy would take six times as long.
            arrived, beyond = self._arrived, len(self._arrived) - 1
            for number in ticks["symbol"].tolist():
                arrived[number if number < beyond else beyond] = now

    def subscribed(self, now: float) -> None:
        """The vendor confirmed."""
        self._subscribed = now

    def lost(self) -> None:
        """The connection is gone."""
        self._subscribed = None

    def look(self, now: float, clock: int) -> Look:
        """What is new at `now`; a few times a second will do.

        Args:
            now: monotonic clock, s.
            clock: the feed's clock, ns UTC; 0 if nothing has told it the time.
        """
        time = clock + int((now - max(self._last, self._began)) * NS) if self._by_tape else clock
        was_stale = any(part.stale_since is not None for part in self._parts)
        back = self._returned(now, time)
        silent = self._silent(now, time)
        return Look(self._mute(silent, now, time), back, self._stale(silent, was_stale, now, time))

    def _silent(self, now: float, time: int) -> list[tuple[_Part, float]]:
        """What is in its hours, and when it last ticked or they began (monotonic clock, s)."""
        opened = {hours: _opened(*hours, time) for hours in {part.hours for part in self._parts}}
        return [
            (part, max(part.last, now - (time - since) / NS))
            for part in self._parts
            if (since := opened[part.hours]) is not None
        ]

    def _heard(self, part: _Part) -> float:
        if not part.instruments:
            return self._last
        return max(self._arrived[number] for number in part.instruments)

    def _returned(self, now: float, time: int) -> Back | None:
        """Notes what has ticked; something to tell if that is the feed as a whole, or the last that was missing."""
        returned: list[tuple[_Part, float]] = []
        for part in self._parts:
            if (heard := self._heard(part)) > part.ticked:
                part.ticked, part.fruitless = heard, 0
                if part.stale_since is not None:
                    returned.append((part, part.stale_since))
                    part.stale_since, part.stale_until = None, now
                    part.relapses += 1
                elif now - part.stale_until >= FLAPPING:
                    part.relapses = 0
        missing = [part for part in self._parts if part.stale_since is not None]
        whole = any(not part.instruments for part, _ in returned)
        if self._away_since is None or (missing and not whole):
            return None
        since = min((since for _, since in returned), default=self._away_since)
        parts = [part for part, _ in returned] or self._parts
        if not missing:
            self._away_since = None
        return Back(_symbols(missing), now - since, time, parts[0].sessions.zone) if parts else None

    def _stale(
        self, silent: Sequence[tuple[_Part, float]], was_stale: bool, now: float, time: int
    ) -> Silent | None:
        """Notes what is silent for longer than it may; to be told, unless nothing has ticked since it last was."""
        joined = [
            (part, since)
            for part, since in silent
            if part.stale_since is None and now - since >= part.stale_after
        ]
        for part, since in joined:
            part.stale_since = since
        if not joined or (was_stale and self._last <= self._told):
            return None
        self._told = now
        if self._away_since is None:
            self._away_since = min(since for _, since in joined)
        return _told(joined, now, time)

    def _mute(self, silent: Sequence[tuple[_Part, float]], now: float, time: int) -> Silent | None:
        if (subscribed := self._subscribed) is None:
            return None
        mute = [(part, since) for part, since in silent if now - max(since, subscribed) >= part.patience]
        if not mute:
            return None
        for part, _ in mute:
            if part.ticked <= subscribed:
                part.fruitless += 1
        self._subscribed = None
        return _told(mute, now, time)


def listened(watch: Watch, instruments: Iterable[int]) -> Listened | None:
    """A watch of the config with the engine's numbers of what its ticks are of; None: its silence is of no matter."""
    if watch.max_silence == "off":
        return None
    own = None if watch.max_silence is None else span_ns(watch.max_silence) / NS
    extended = watch.hours == "extended"
    return Listened(watch.symbol, tuple(instruments), sessions(watch.calendar), extended, own)


def _parts(watches: Sequence[Listened], now: float) -> list[_Part]:
    together: dict[tuple[Sessions, bool], list[str]] = {}
    alone = []
    for own in watches:
        if own.max_silence is None:
            together.setdefault((own.sessions, own.extended), []).append(own.symbol)
        else:
            alone.append(
                _Part((own.symbol,), own.instruments, own.sessions, own.extended, own.max_silence, now)
            )
    return [
        *(_Part(tuple(own), (), *hours, MAX_SILENCE, now) for hours, own in together.items()),
        *alone,
    ]


def _opened(known: Sessions, extended: bool, time: int) -> int | None:
    """Since when trade has gone on at `time`, ns UTC; None outside the hours."""
    opens = known.extended_opens if extended else known.opens
    closes = known.extended_closes if extended else known.closes
    i = int(np.searchsorted(closes, time, side="right"))
    if i == len(opens) or opens[i] > time:
        return None
    if i and closes[i - 1] == opens[i]:  # trade goes on through midnight; one session back is far enough
        i -= 1
    return int(opens[i])


def _told(parts: Sequence[tuple[_Part, float]], now: float, time: int) -> Silent:
    """What is true of all of them: for so long none has ticked."""
    owners = [part for part, _ in parts]
    calendars = tuple(dict.fromkeys(part.sessions.calendar for part in owners))
    seconds = now - max(since for _, since in parts)
    return Silent(_symbols(owners), calendars, seconds, time, owners[0].sessions.zone)


def _symbols(parts: Sequence[_Part]) -> tuple[str, ...]:
    return tuple(symbol for part in parts for symbol in part.symbols)
