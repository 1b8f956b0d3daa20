"""Alerts about a feed: its ticks stay away while the market trades, and they are back."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from zoneinfo import ZoneInfo

from tapewatch.alerts.alert import TYPE_PREFIX, Alert, AlertData, alert_id
from tapewatch.alerts.build import iso_ns, local_iso

STALE_TYPE = f"{TYPE_PREFIX}feed.stale"
BACK_TYPE = f"{TYPE_PREFIX}feed.back"

RULE = "feed"
"""What stands in the place of a rule's name."""

_SYMBOLS_TOLD = 5


@dataclass(frozen=True)
class Silent:
    """What does not tick though it should."""

    symbols: tuple[str, ...]
    calendars: tuple[str, ...]
    """Exchange calendars of the symbols: these markets trade."""
    seconds: float
    """Since the last tick, or since the market opened."""
    time: int
    """Market time now, ns UTC."""
    zone: ZoneInfo
    """The exchange's."""

    def __str__(self) -> str:
        """`no tick of SPX, SPY for 30 s while XNYS trades`."""
        trade = "trades" if len(self.calendars) == 1 else "trade"
        markets = " and ".join(self.calendars)
        return f"no tick of {_listed(self.symbols)} for {spoken(self.seconds)} while {markets} {trade}"


@dataclass(frozen=True)
class Back:
    """Ticks come again."""

    missing: tuple[str, ...]
    """Symbols of the feed that still do not tick."""
    seconds: float
    """How long there were none."""
    time: int
    """Market time now, ns UTC."""
    zone: ZoneInfo
    """The exchange's."""


def stale(instance: str, feed: str, silent: Silent, *, refused: bool = False) -> Alert:
    """That the feed is stale.

    Args:
        instance: the config's `name`.
        feed: the feed's name.
        silent: what is missing.
        refused: its vendor refuses it, so that nothing is tried again.
    """
    doing = "the vendor refuses it, and the log says why" if refused else "connecting anew"
    text = f"{_title(feed)}: {silent}; {doing}"
    return _alert(instance, feed, STALE_TYPE, "critical", text, silent.time, silent.zone)


def back(instance: str, feed: str, returned: Back) -> Alert:
    """That the feed is back."""
    but = f", but for {_listed(returned.missing)}" if returned.missing else ""
    text = f"{_title(feed)} is back after {spoken(returned.seconds)}{but}"
    return _alert(instance, feed, BACK_TYPE, "info", text, returned.time, returned.zone)


def spoken(seconds: float) -> str:
    """A length of time in its two longest units: `30 s`, `2 min 5 s`, `17 h 30 min`."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [(hours, "h"), (minutes, "min"), (0 if hours else rest, "s")]
    return " ".join(f"{number} {unit}" for number, unit in parts if number) or "0 s"


def _alert(
    instance: str,
    feed: str,
    type_: str,
    severity: Literal["info", "critical"],
    text: str,
    time: int,
    zone: ZoneInfo,
) -> Alert:
    return Alert(
        id=alert_id(instance, feed, RULE, type_, time, 0),
        source=f"/tapewatch/{instance}",
        type=type_,
        subject=feed,
        time=iso_ns(time),
        data=AlertData(
            rule=RULE,
            title=_title(feed),
            role=None,
            direction=None,
            price=None,
            level=None,
            distance=None,
            timeframe=None,
            indicators={},
            gap=None,
            late=False,
            hours="regular",
            stage=None,
            follows=None,
            warm=True,
            severity=severity,
            next=None,
            note=None,
            text=text,
            exchange_time=local_iso(time, zone),
            zone=str(zone),
            time_ns=str(time),
        ),
    )


def _title(feed: str) -> str:
    return f"Feed {feed}"


def _listed(symbols: Sequence[str]) -> str:
    """`SPX, SPY`; of many the first few, and how many more."""
    told = ", ".join(symbols[:_SYMBOLS_TOLD])
    more = len(symbols) - _SYMBOLS_TOLD
    return f"{told} and {more} more" if more > 0 else told
