"""What every vendor's history fulfils: which bars are asked for how, and what the answers mean; no I/O, no clock.

`history.py` drives any of them, as `connection.py` drives their websockets.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol, TypeVar

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

from tapewatch.market.bars import BAR
from tapewatch.market.timeframes import DAY, duration_ns


@dataclass(frozen=True)
class Asked:
    """What bars are wanted: those that begin from `start` on and have begun before `end` (ns)."""

    symbol: str
    """As the vendor calls it on its websocket."""
    interval: str
    start: int
    end: int


@dataclass(frozen=True)
class Request:
    """One GET; `path` follows the vendor's base URL."""

    asked: Asked
    path: str
    params: Mapping[str, str]
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, eq=False)
class Page:
    """What one answer holds."""

    bars: NDArray[np.void]
    """Rows of `BAR`, in any order. A daily bar begins at 00:00 UTC of its date and ends 24 h later."""
    next: Request | None = None
    """Asks for the rest; None: there is none."""


class Why(StrEnum):
    """Why a vendor gives no bars."""

    PASSING = "passing"
    """It may work later: too many requests, the vendor's own trouble."""
    BAD_KEY = "bad key"
    NOT_ENTITLED = "not entitled"
    TOO_RECENT = "too recent"
    """All but the last 15 minutes may be asked for."""
    FAILED = "failed"
    """Asking so will never work: no such symbol."""


@dataclass(frozen=True)
class NoBars:
    """An answer without bars."""

    kind: Why
    text: str
    """What the vendor said, and what would help."""


class BadAnswerError(ValueError):
    """An answer that is not what the vendor documents; the message says where."""


class VendorHistory(Protocol):
    """A vendor's bars over HTTP: requests and what their answers mean; no I/O, no clock."""

    name: str
    """Bars of two of one name may be mixed."""
    url: str
    """Its own, without a path."""
    intervals: tuple[str, ...]
    """Shortest first; `1d` is a day of the exchange, or of UTC."""
    exchange_days: bool
    """Whether its daily bars are those of the exchange's sessions; else of UTC days."""
    reach: int | None
    """How many bars back from now it gives, the forming one included; None: any."""
    per_minute: int
    """Requests that it allows."""

    def request(self, asked: Asked) -> Request:
        """The first request for these bars."""

    def parse(self, body: bytes, request: Request) -> Page:
        """What the answer to `request` holds.

        Raises:
            BadAnswerError: it is none that the vendor documents.
        """

    def no_bars(self, status: int, body: bytes) -> NoBars | None:
        """What an answer means that may be a refusal; None: it is none."""


class Prices(msgspec.Struct, kw_only=True):
    """What US vendors call a bar's prices and volume."""

    o: float
    h: float
    l: float  # noqa: E741 - as on the wire
    c: float
    v: float = 0.0
    """Indices have none."""


def exchange_bars(asked: Asked, starts: Sequence[int], rows: Sequence[Prices]) -> NDArray[np.void]:
    """Rows of `BAR` from a vendor whose days begin at midnight in New York: they become those of UTC.

    Args:
        asked: what they answer.
        starts: ns.
        rows: as many.

    Raises:
        BadAnswerError: a start is out of range.
    """
    length = duration_ns(asked.interval)
    if asked.interval == DAY:
        starts = [start // length * length for start in starts]
    columns = {"open": "o", "high": "h", "low": "l", "close": "c", "volume": "v"}
    prices = {name: [getattr(row, own) for row in rows] for name, own in columns.items()}
    return bar_rows(starts, length, prices)


def bar_rows(starts: ArrayLike, length: int, prices: Mapping[str, ArrayLike]) -> NDArray[np.void]:
    """Rows of `BAR` from a vendor's columns; those whose prices are none are dropped.

    Args:
        starts: ns.
        length: of a bar, ns.
        prices: `open`, `high`, `low`, `close`, `volume`.

    Raises:
        BadAnswerError: a column holds no numbers.
    """
    try:
        bars = np.zeros(np.size(starts), BAR)
        bars["start"] = starts
        for name, column in prices.items():
            bars[name] = np.array(column, np.float64)
    except (ValueError, OverflowError, TypeError) as error:
        raise BadAnswerError(str(error)[:100]) from None
    bars["end"] = bars["start"] + length
    are_prices = np.isfinite(bars["volume"]) & (bars["start"] > 0)
    for name in ("open", "high", "low", "close"):
        are_prices &= np.isfinite(bars[name]) & (bars[name] > 0)
    kept: NDArray[np.void] = bars[are_prices]
    return kept


_T = TypeVar("_T")


def decoded(body: bytes, as_type: type[_T]) -> _T:
    """The JSON of an answer.

    Raises:
        BadAnswerError: it is none, or of another form.
    """
    try:
        return msgspec.json.decode(body, type=as_type)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadAnswerError(str(error)[:200]) from None


def by_status(status: int, said: str) -> NoBars | None:
    """What an answer's status means at any vendor; None: it holds bars.

    Args:
        status: of HTTP.
        said: the vendor's own words.
    """
    if 200 <= status < 300:
        return None
    text = f"HTTP {status}" + (f", {_line(said)}" if said else "")
    if status == 401:
        return NoBars(Why.BAD_KEY, f"{text}: it does not take the key")
    if status == 403:
        return NoBars(Why.NOT_ENTITLED, f"{text}: the key is not entitled to them")
    if status in (408, 425, 429) or status >= 500:
        return NoBars(Why.PASSING, text)
    return NoBars(Why.FAILED, text)


def _line(said: str) -> str:
    return "".join(each if each.isprintable() else " " for each in said[:200])
