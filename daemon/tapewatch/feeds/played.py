"""What the simulator plays, and to whose clients: a scenario or the ticks of a file, as a vendor sends them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import TypeAdapter, ValidationError

from tapewatch import instruments
from tapewatch.config import Config, Feed
from tapewatch.feeds.files import Tape, read_ticks
from tapewatch.feeds.scenario import sp500_7000
from tapewatch.feeds.simulator import VendorServer
from tapewatch.feeds.vendors import VENDORS
from tapewatch.market.sessions import sessions

SCENARIOS = {"sp500-7000": sp500_7000}
"""Simulated tapes of the S&P 500, by name."""

SCENARIO_SYMBOL = "I:SPX"
"""What Massive calls the index of the scenarios."""

_ELSEWHERE = "SPX"


class PlayedError(ValueError):
    """What cannot be played; the message says what can."""


@dataclass(frozen=True, eq=False)
class Played:
    """A tape to be played."""

    ticks: np.ndarray
    """Rows of `TICK`; `symbol` is a place in `symbols`."""
    symbols: list[str]
    """The vendor's names."""


class Part:
    """The vendor's part in a simulation.

    Args:
        feed: its table of the config.
        names: the vendor's name for each symbol; left out: it calls them the same.
    """

    def __init__(self, feed: Feed, names: Mapping[str, str] | None = None) -> None:
        self.vendor = feed.vendor
        self.server: Callable[[Sequence[str], bool], VendorServer] = partial(
            VENDORS[feed.vendor].server, feed
        )
        """Makes the vendor's side for a client, as `Simulator` wants it."""
        self._names = names or {}

    def scenario(self, name: str, symbol: str | None = None) -> Played:
        """The scenario `name`; `symbol` is the vendor's name for the index.

        Raises:
            PlayedError: there is no such scenario.
        """
        if name not in SCENARIOS:
            raise PlayedError(f"there is no scenario {name!r}: there is {', '.join(SCENARIOS)}")
        symbol = symbol or self._only_name() or (SCENARIO_SYMBOL if self.vendor == "massive" else _ELSEWHERE)
        tape = SCENARIOS[name](sessions("XNYS")).tape()
        return Played(tape.rows(dict.fromkeys(tape.symbols, 0)), [symbol])

    def file(self, path: Path, symbol: str | None = None) -> Played:
        """The ticks of a file; `symbol` is the vendor's name where the file has no column `symbol`.

        Raises:
            FileError: the file cannot be read, or nobody knows whose ticks these are.
        """
        return from_file(path, symbol or self._only_name(), self._names)

    def _only_name(self) -> str | None:
        names = list(self._names.values())
        return names[0] if len(names) == 1 else None


def part_of_vendor(vendor: str) -> Part:
    """The vendor with every key of its table left out.

    Raises:
        PlayedError: there is no such vendor, or it has to be described.
    """
    if vendor not in VENDORS:
        raise PlayedError(f"there is no vendor {vendor!r}: there is {', '.join(VENDORS)}")
    table: TypeAdapter[Any] = TypeAdapter(Feed)
    try:
        return Part(table.validate_python({"name": "simulated", "vendor": vendor}))
    except ValidationError:
        raise PlayedError(
            f"{vendor} has to be described: name a config and one of its feeds with --config and --feed"
        ) from None


def part_of_feed(config: Config, feed: Feed) -> Part:
    """The vendor of a feed of the config, which calls the symbols as the watches say."""
    return Part(feed, {symbol: name for name, symbol in instruments.asked(config, feed).items()})


def from_file(path: Path, symbol: str | None = None, vendors: Mapping[str, str] | None = None) -> Played:
    """The ticks of a file.

    Args:
        path: the file.
        symbol: the vendor's name where the file has no column `symbol`.
        vendors: the vendor's name for each of the file's symbols that it calls otherwise.

    Raises:
        FileError: the file cannot be read, or nobody knows whose ticks these are.
    """
    tape: Tape = read_ticks(path)
    names = tape.symbols or ([symbol] if symbol else [])
    called = [(vendors or {}).get(name, name) for name in names]
    return Played(tape.rows({name: i for i, name in enumerate(names)}, symbol), called)
