"""Recordings replayed: each line drives the engine as it drove the daemon when it came."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tapewatch import instruments
from tapewatch.config import Config, Feed
from tapewatch.engine.engine import Engine
from tapewatch.engine.events import Events
from tapewatch.feeds.protocol import Credentials, FaultKind, VendorProtocol
from tapewatch.feeds.recording import (
    About,
    Binary,
    Connected,
    Frame,
    Line,
    Recording,
    Time,
    is_recording,
    open_recording,
)
from tapewatch.feeds.vendors import VENDORS
from tapewatch.market.ticks import NS

See = Callable[[int, NDArray[np.void]], None]
"""Is shown the ticks (rows of `TICK`) of a feed before the engine takes them."""


def nobody(feed: int, ticks: NDArray[np.void]) -> None:
    """Looks at no ticks."""


class RecordedError(ValueError):
    """Recordings that cannot be replayed together, or under this config; the message says why."""


class Recorded:
    """One file of a recording, made ready for a replay; made by `recordings`."""

    def __init__(self, recording: Recording, feed: "RecordedFeed") -> None:
        self.count = 0
        """Ticks offered so far."""
        self.faults: Counter[FaultKind] = Counter()
        """What the vendor's protocol could not read, by kind."""
        self.path = recording.path
        self.feed = feed
        self._recording = recording

    def first(self) -> int | None:
        """Event time (ns) of the first tick; None if there is none."""
        protocol = self.feed.protocol(dict.fromkeys(self.feed.asked, 0))
        for line in self._recording.lines():
            if isinstance(line, Frame | Binary) and len(ticks := protocol.receive(line.data)):
                return int(ticks["time"][0])
        return None

    def drive(self, engine: Engine, speed: float | None = None, see: See = nobody) -> Iterator[Events]:
        """Does to the engine what `TickPath` did: clock and ticks in the order in which they came.

        Args:
            engine: with a clock for each feed, as `tape_clocks` has them.
            speed: how many recorded seconds a second; None: as fast as it goes.
            see: is shown each frame's ticks first.

        Raises:
            FileError: a line is none of a recording.
        """
        lines = self._recording.lines()
        for line in lines if speed is None else _paced(lines, speed):
            match line:
                case Connected():
                    self.feed.connect(engine)
                case Time():
                    yield from self.feed.tell(engine, line.time)
                case Frame() | Binary():
                    ticks = self.feed.receive(engine, line.data, self.faults)
                    if len(ticks):
                        self.count += len(ticks)
                        see(self.feed.number, ticks)
                        yield from self.feed.offer(engine, ticks, line.time)

    def lacking(self) -> list[str]:
        """What the config watches on this feed and the recording was not asked for."""
        return [name for name in self.feed.asked if name not in self._recording.about.symbols]

    def remarks(self) -> list[str]:
        """What was wrong with it, once it was read."""
        path, torn = self.path, self._recording.torn_after
        found = [] if torn is None else [f"{path}: its end is torn off; it was read up to line {torn:,}"]
        if self.faults:
            kinds = ", ".join(f"{count:,} {kind}" for kind, count in self.faults.items())
            found.append(f"{path}: not everything in it could be read: {kinds}")
        return found


class RecordedFeed:
    """A feed of the config whose recording is replayed: its connection goes on from file to file."""

    def __init__(self, config: Config, feed: Feed, about: About) -> None:
        self.feed = feed
        self.number = config.feed.index(feed)
        self.by_tape = about.clock == "tape"
        self.asked = instruments.asked(config, feed)
        self._protocol: VendorProtocol | None = None
        self._subscribed = False

    def protocol(self, numbers: dict[str, int]) -> VendorProtocol:
        """One connection's; a recording holds no secret, and decoding needs none."""
        protocol = VENDORS[self.feed.vendor].protocol(self.feed, Credentials(), numbers)
        protocol.open()
        return protocol

    def connect(self, engine: Engine) -> VendorProtocol:
        """What follows came over a new connection."""
        numbers = {name: engine.instruments[symbol] for name, symbol in self.asked.items()}
        protocol = self._protocol = self.protocol(numbers)
        self._subscribed = False
        self._note_subscription(engine, protocol.subscribed)
        return protocol

    def receive(self, engine: Engine, frame: bytes, faults: Counter[FaultKind]) -> NDArray[np.void]:
        """The ticks of a frame; what was wrong with it is added to `faults`."""
        protocol = self._protocol or self.connect(engine)  # a file may begin in mid-connection
        ticks = protocol.receive(frame)
        self._note_subscription(engine, protocol.subscribed or len(ticks) > 0)
        protocol.replies()
        if protocol.faults.counts:
            faults.update(protocol.faults.counts)
            protocol.faults.clear()
        return ticks

    def _note_subscription(self, engine: Engine, subscribed: bool) -> None:
        """At each subscription the daemon asks whether ticks were missed (`Connection`, `Outages`); so here."""
        if subscribed and not self._subscribed:
            self._subscribed = True
            engine.missed(self.number)

    def tell(self, engine: Engine, now: int) -> Iterator[Events]:
        """The time, to a feed that lives by the wall clock."""
        if not self.by_tape:
            yield engine.advance(now, self.number)

    def offer(self, engine: Engine, ticks: NDArray[np.void], now: int) -> Iterator[Events]:
        """The ticks of a frame that came at `now`."""
        yield engine.step(ticks, self.number, 0 if self.by_tape else now)
        yield engine.advance(engine.clock(self.number), self.number)


def recordings(config: Config, paths: Sequence[Path]) -> list[Recorded]:
    """The recordings at `paths`, in that order; none if these are files of ticks or bars.

    Raises:
        FileError: a file cannot be read; the message names it.
        RecordedError: they are some of both, or the config has not the feed of one.
    """
    known = [path for path in paths if is_recording(path)]
    if not known:
        return []
    if others := [path for path in paths if path not in known]:
        raise RecordedError(
            f"{known[0]} is a recording and {others[0]} a file of ticks or bars: replay one after the other"
        )
    feeds: dict[str, RecordedFeed] = {}
    found = []
    for path in paths:
        recording = open_recording(path)
        own = _feed_of(config, recording)
        feed = feeds.setdefault(own.name, RecordedFeed(config, own, recording.about))
        _check(recording, feed)
        found.append(Recorded(recording, feed))
    return found


def tape_clocks(config: Config, recorded: Iterable[Recorded]) -> list[bool]:
    """Per feed of the config, whether its clock is the tape's: as recorded, else as the config says."""
    clocks = [feed.clock == "tape" for feed in config.feed]
    for own in recorded:
        clocks[own.feed.number] = own.feed.by_tape
    return clocks


def _feed_of(config: Config, recording: Recording) -> Feed:
    """The feed of that name and vendor, or the only one of that vendor."""
    about = recording.about
    of_vendor = [feed for feed in config.feed if feed.vendor == about.vendor]
    named = [feed for feed in of_vendor if feed.name == about.feed]
    if len(found := named or of_vendor) == 1:
        return found[0]
    has = f"several of {about.vendor}" if found else f"none of {about.vendor}"
    raise RecordedError(
        f"{recording.path}: it is of the feed {about.feed!r} of {about.vendor}, and the config has {has}: "
        "replay it with the config that it was recorded with"
    )


def _check(recording: Recording, feed: RecordedFeed) -> None:
    """Whether the recording goes with the others of its feed, and with the watches."""
    about = recording.about
    if (about.clock == "tape") != feed.by_tape:
        raise RecordedError(
            f"{recording.path}: its clock is {about.clock!r}, that of the files before it not"
        )
    if not feed.asked.keys() & set(about.symbols):
        raise RecordedError(
            f"{recording.path}: it has {', '.join(about.symbols)}; the config watches "
            f"{', '.join(feed.asked) or 'nothing'} on the feed {feed.feed.name!r}"
        )


def _paced(lines: Iterator[Line], speed: float) -> Iterator[Line]:
    """The lines as their times come round, `speed` recorded seconds a second."""
    began, first = time.monotonic(), None
    for line in lines:
        first = line.time if first is None else first
        early = (line.time - first) / NS / speed - (time.monotonic() - began)
        if early > 0:
            time.sleep(early)
        yield line
