"""The simulated tape `sp500-7000`: the S&P 500 up to 7,000, a breakout that fails, and down to 6,735.

The same on every machine to the last bit: prices are whole cents, all arithmetic is on integers, and of
NumPy's random numbers only PCG64's raw stream is used, which (unlike the distributions made from it) never
changes.
Source: https://numpy.org/doc/stable/reference/random/compatibility.html
"""

import csv
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from tapewatch.feeds.files import Tape
from tapewatch.market.bars import BAR
from tapewatch.market.sessions import Sessions
from tapewatch.market.ticks import NS
from tapewatch.market.timeframes import DAY, duration_ns

_SEED = 7186
_MS = NS // 1000
_SHORTEST_MS = 5000  # from one tick to the next; the longest is twice that

_PRICES = ("open", "high", "low", "close")

_STORY = (
    # A rise out of quiet trading.
    ("2026-01-20 09:30", 6896),
    ("2026-01-20 11:00", 6908),
    ("2026-01-20 13:00", 6898),
    ("2026-01-20 15:00", 6919),
    ("2026-01-20 16:00", 6912),
    # Into the zone 6,950–6,970, where it is rejected.
    ("2026-01-21 09:30", 6916),
    ("2026-01-21 10:30", 6933),
    ("2026-01-21 11:30", 6926),
    ("2026-01-21 12:45", 6961),
    ("2026-01-21 13:15", 6956),
    ("2026-01-21 14:00", 6936),
    ("2026-01-21 16:00", 6916),
    # A strong rally through the zone: the high of RSI(14)@1h that the breakout will not reach again.
    ("2026-01-22 09:30", 6920),
    ("2026-01-22 11:30", 6948),
    ("2026-01-22 13:30", 6973),
    ("2026-01-22 15:30", 6990),
    ("2026-01-22 16:00", 6985),
    # A pullback, and a slow climb back.
    ("2026-01-23 09:30", 6980),
    ("2026-01-23 12:30", 6958),
    ("2026-01-23 16:00", 6944),
    ("2026-01-26 09:30", 6948),
    ("2026-01-26 12:30", 6941),
    ("2026-01-26 16:00", 6958),
    ("2026-01-27 09:30", 6955),
    ("2026-01-27 12:30", 6969),
    ("2026-01-27 14:00", 6964),
    ("2026-01-27 16:00", 6979),
    # The breakout, which dances on 7,000 and makes a higher high than the rally with a lower RSI.
    ("2026-01-28 09:30", 6982),
    ("2026-01-28 10:15", 7000),
    ("2026-01-28 10:45", 7001),
    ("2026-01-28 11:15", 7003),
    ("2026-01-28 12:15", 7011),
    ("2026-01-28 13:00", 7001),
    ("2026-01-28 14:00", 6999),
    # The failure back below it.
    ("2026-01-28 16:00", 6983),
    ("2026-01-29 09:30", 6977),
    ("2026-01-29 12:00", 6951),
    ("2026-01-29 16:00", 6926),
    ("2026-01-30 09:30", 6914),
    ("2026-01-30 12:30", 6865),
    ("2026-01-30 16:00", 6822),
    # The loss of 6,790, and down to 6,735.
    ("2026-02-02 09:30", 6816),
    ("2026-02-02 10:45", 6793),
    ("2026-02-02 11:30", 6789),
    ("2026-02-02 12:15", 6785),
    ("2026-02-02 14:30", 6758),
    ("2026-02-02 15:30", 6746),
    ("2026-02-02 16:00", 6733),
)
"""New York time and price of the turns of the story; in between, a random walk."""

_HISTORY = (
    (260, 5990),
    (240, 6040),
    (220, 6130),
    (200, 6120),
    (180, 6240),
    (160, 6290),
    (140, 6400),
    (120, 6480),
    (100, 6610),
    (90, 6590),
    (80, 6680),
    (70, 6740),
    (60, 6790),
    (50, 6830),
    (40, 6860),
    (30, 6880),
    (20, 6850),
    (10, 6870),
    (5, 6884),
    (1, 6893),
)
"""How many sessions before the story, and the price at that session's close."""

_HISTORY_SESSIONS = {DAY: _HISTORY[0][0], "1h": 40, "5m": 5, "1m": 1}
"""How many sessions of bars: at least 250 of each timeframe, so that every indicator is warm."""

_STORY_STEP = 75
_HISTORY_STEP = 80
"""Largest random step from one tick to the next, in cents."""


@dataclass(frozen=True, eq=False)
class Scenario:
    """A simulated tape, with the simulated bars that came before it."""

    name: str
    title: str
    """For people; says that it is simulated."""
    symbol: str
    zone: str
    """The exchange's time zone."""
    time: NDArray[np.int64]
    """Event times, ns since 1970 UTC, in whole milliseconds."""
    price: NDArray[np.float64]
    history: dict[str, np.ndarray]
    """Rows of `BAR` by timeframe, up to the session before the first tick."""

    def tape(self) -> Tape:
        """The ticks, as `read_ticks` gives them for the file that `write` makes."""
        return Tape(
            path=Path(self._tape_name),
            time=self.time,
            price=self.price,
            size=np.zeros(len(self.time)),
            symbols=[self.symbol],
            symbol_codes=np.zeros(len(self.time), np.int32),
            conditions=[],
            condition_codes=np.empty(0, np.int32),
        )

    @property
    def _tape_name(self) -> str:
        return f"{self.name}-simulated.csv"

    def write(self, folder: Path) -> Path:
        """Write the tape and its history to `folder` as CSV; gives the path of the tape.

        The history is in `SPX-1d.csv`, `SPX-1h.csv`, `SPX-5m.csv` and `SPX-1m.csv`.
        """
        path = folder / self._tape_name
        ticks = zip(self.time.tolist(), self.price.tolist(), strict=True)
        rows: list[tuple[object, ...]] = [(time, price, self.symbol) for time, price in ticks]
        _write_csv(path, ("time_ns", "price", "symbol"), rows)
        for timeframe, bars in self.history.items():
            place = "date" if timeframe == DAY else "time"
            starts = [self._start(start, timeframe) for start in bars["start"].tolist()]
            prices = bars[list(_PRICES)].tolist()
            rows = [(start, *ohlc) for start, ohlc in zip(starts, prices, strict=True)]
            _write_csv(folder / f"{self.symbol}-{timeframe}.csv", (place, *_PRICES), rows)
        return path

    def _start(self, start: int, timeframe: str) -> str:
        at = datetime.fromtimestamp(start // NS, ZoneInfo(self.zone))
        return at.date().isoformat() if timeframe == DAY else at.isoformat()


def sp500_7000(sessions: Sessions) -> Scenario:
    """The scenario `sp500-7000`: ten sessions from 20 January 2026 on, and what came before them.

    Args:
        sessions: of New York (`XNYS`).
    """
    first = _session_of(sessions, _STORY[0][0])
    last = _session_of(sessions, _STORY[-1][0])
    raw = np.random.PCG64(_SEED)
    start = first - _HISTORY[0][0]
    time, session = _times(raw, sessions, start, last)
    told = int(np.searchsorted(session, first))  # the first tick of the story
    history_turns = [(int(sessions.closes[first - ago]), price) for ago, price in _HISTORY]
    story_turns = [(_ns(text, sessions.zone), price) for text, price in _STORY]
    cents = np.concatenate(
        [
            _walk(raw, time[:told], [(int(time[0]), _HISTORY[0][1]), *history_turns], _HISTORY_STEP),
            _walk(raw, time[told:], story_turns, _STORY_STEP),
        ]
    )
    price = cents / 100
    history = {}
    for timeframe, count in _HISTORY_SESSIONS.items():
        begin = int(np.searchsorted(session, first - count))
        part = slice(begin, told)
        history[timeframe] = _bars(time[part], price[part], session[part], sessions, timeframe)
    return Scenario(
        name="sp500-7000",
        title="S&P 500 (simulated)",
        symbol="SPX",
        zone=sessions.zone.key,
        time=time[told:],
        price=price[told:],
        history=history,
    )


def _ns(text: str, zone: ZoneInfo) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()) * NS


def _session_of(sessions: Sessions, text: str) -> int:
    return int(np.searchsorted(sessions.closes, _ns(text, sessions.zone)))


def _times(
    raw: np.random.PCG64, sessions: Sessions, first: int, last: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """A time at the open of each session and every 5 to 10 s from then on, and the session of each time."""
    times = []
    for i in range(first, last + 1):
        seconds = int(sessions.closes[i] - sessions.opens[i]) // NS
        steps = (_SHORTEST_MS + _integers(raw, seconds * 1000 // _SHORTEST_MS, _SHORTEST_MS)) * _MS
        at = sessions.opens[i] + np.concatenate([[0], np.cumsum(steps)])
        times.append(at[at < sessions.closes[i]])
    session = np.repeat(np.arange(first, last + 1), [len(part) for part in times])
    return np.concatenate(times), session


def _integers(raw: np.random.PCG64, count: int, highest: int) -> NDArray[np.int64]:
    """`count` random integers from 0 to `highest`."""
    return (raw.random_raw(count) % np.uint64(highest + 1)).astype(np.int64)


def _walk(
    raw: np.random.PCG64, time: NDArray[np.int64], turns: list[tuple[int, int]], step: int
) -> NDArray[np.int64]:
    """Prices (cents) at each time: a random walk that is bent so that it passes through the turns.

    Args:
        raw: where the random numbers come from.
        time: of each tick, ns.
        turns: time (ns) and price (points); the last tick up to that time has that price.
        step: largest random step, cents.
    """
    noise = np.cumsum(_integers(raw, len(time), 2 * step) - step)
    cents = np.empty(len(time), np.int64)
    places = [int(np.searchsorted(time, at, side="right")) - 1 for at, _ in turns]
    prices = [100 * price for _, price in turns]
    for (a, start), (b, end) in pairwise(zip(places, prices, strict=True)):
        drift = end - start - (noise[b] - noise[a])
        cents[a : b + 1] = start + (noise[a : b + 1] - noise[a]) + drift * np.arange(b - a + 1) // (b - a)
    return cents


def _bars(
    time: NDArray[np.int64],
    price: NDArray[np.float64],
    session: NDArray[np.int64],
    sessions: Sessions,
    timeframe: str,
) -> np.ndarray:
    """The closed bars of these ticks, rows of `BAR`."""
    opens = sessions.opens[session]
    length = duration_ns(timeframe)
    starts = opens + (time - opens) // length * length
    begin = np.flatnonzero(np.diff(starts, prepend=-1))
    bars = np.zeros(len(begin), BAR)
    bars["start"] = starts[begin]
    bars["end"] = np.minimum(starts[begin] + length, sessions.closes[session[begin]])
    bars["open"] = price[begin]
    bars["high"] = np.maximum.reduceat(price, begin)
    bars["low"] = np.minimum.reduceat(price, begin)
    bars["close"] = price[np.append(begin[1:], len(price)) - 1]
    return bars


def _write_csv(path: Path, header: tuple[str, ...], rows: list[tuple[object, ...]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
