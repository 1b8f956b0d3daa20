"""What a watch means: its calendar, timeframes, indicators, history, levels, zones and conditions."""

import os
from collections.abc import Callable, Hashable, Iterable, Iterator
from pathlib import Path

from tapewatch.check.conditions import check_conditions
from tapewatch.check.lines import Spot
from tapewatch.check.tables import Finding, Written
from tapewatch.check.timeframes import check_timeframes
from tapewatch.engine.indicators import parse_indicator
from tapewatch.market.timeframes import duration_ns
from tapewatch.problems import did_you_mean
from tapewatch.values import legs_of, percent, price_name


def check_watches(config: Written, folder: Path) -> Iterator[Finding]:
    """All that is wrong with the watches.

    Args:
        config: the whole config.
        folder: where relative paths start.
    """
    yield from repeated(config.tables("watch"), "symbol", "{} is watched already")
    for watch in config.tables("watch"):
        yield from _symbol(watch)
        yield from _calendar(watch)
        yield from _arrays(watch)
        yield from check_timeframes(watch)
        yield from _history(watch, folder)
        yield from _rule_names(watch)
        yield from _levels(watch)
        yield from _zones(watch)
        yield from check_conditions(watch)


def repeated(tables: Iterable[Written], key: str, message: str) -> Iterator[Finding]:
    """Each table whose text at `key` an earlier one has already; `{}` in the message is that text."""
    seen: dict[str, Spot] = {}
    for table in tables:
        if not (value := table.text(key)):
            continue
        if value in seen:
            yield table.error(key, message.format(f'"{value}"'), seen[value])
        seen.setdefault(value, (*table.spot, key))


def _symbol(watch: Written) -> Iterator[Finding]:
    """A slash divides two symbols, unless the feed has a name of its own for the whole."""
    symbol = watch.text("symbol") or ""
    if symbol.endswith("/bars"):
        yield watch.error(
            "symbol", f"the snapshot keeps the bars of {symbol[:-5]} under {symbol}: call it otherwise"
        )
        return
    if "/" not in symbol or "feed_symbol" in watch.data:
        return
    legs = legs_of(symbol)
    if legs is None or not all(legs):
        right = (
            "two symbols divided by a slash, such as XLC/SPY; if the feed calls it so, write feed_symbol, too"
        )
        yield watch.error("symbol", f"a composite is {right}")
    elif legs[0] == legs[1]:
        yield watch.error("symbol", f"{legs[0]} divided by itself is always 1")


def _calendar(watch: Written) -> Iterator[Finding]:
    # They import pandas, a third of a second: not before they are needed.
    from exchange_calendars import resolve_alias

    from tapewatch.market.sessions import EXTENDED_CALENDARS, calendar_names, why_not

    calendar = watch.text("calendar") or "XNYS"
    if calendar not in calendar_names():
        right = did_you_mean(calendar, calendar_names(), 'write an exchange\'s MIC such as "XNYS", or "24/7"')
        yield watch.error("calendar", f'no exchange calendar is called "{calendar}": {right}')
        return
    if reason := why_not(calendar):
        yield watch.error("calendar", reason)
    if watch.text("hours") == "extended" and resolve_alias(calendar) not in EXTENDED_CALENDARS:
        known = " and ".join(sorted(EXTENDED_CALENDARS))
        yield watch.error("hours", f'{calendar} has no extended hours, only {known} have: write "regular"')


def _arrays(watch: Written) -> Iterator[Finding]:
    yield from _repeated_element(watch, "timeframes", duration_ns)
    yield from _repeated_element(watch, "indicators", parse_indicator)


def _repeated_element(watch: Written, key: str, read: Callable[[str], Hashable]) -> Iterator[Finding]:
    seen: dict[Hashable, str] = {}
    for text, spot in watch.texts(key):
        try:
            value = read(text)
        except ValueError:
            continue  # a mistake of form, which is found there
        if value in seen:
            same = "stands here twice" if seen[value] == text else f"is the same as {seen[value]}"
            yield Finding(spot, f"{text} {same}: leave one out")
        seen.setdefault(value, text)


def _history(watch: Written, folder: Path) -> Iterator[Finding]:
    for name, spot in watch.texts("history"):
        if not os.path.isfile(folder / name):
            yield Finding(spot, f"there is no file {folder / name}")


def _rule_names(watch: Written) -> Iterator[Finding]:
    """Alerts tell rules by name, so a name means one level, zone or condition."""
    seen: dict[str, tuple[Spot, bool]] = {}
    for rule in (*watch.tables("level"), *watch.tables("zone"), *watch.tables("condition")):
        given = rule.text("name")
        if not (name := rule_name(rule)):
            continue
        first, first_was_given = seen.setdefault(name, (rule.spot, bool(given)))
        if first != rule.spot and (given or first_was_given):  # else the prices are the same: found there
            yield rule.error("name", f'another rule of this watch is called "{name}" already', first)


def rule_name(rule: Written) -> str | None:
    """What alerts call a level, zone or condition; None if too much of it is missing."""
    if name := rule.text("name"):
        return name
    if (price := rule.number("price")) is not None:
        return price_name(price)
    edges = rule.numbers("low", "high")
    return "-".join(map(price_name, edges)) if edges else None


def _levels(watch: Written) -> Iterator[Finding]:
    seen: dict[float, Spot] = {}
    for level in watch.tables("level"):
        if (price := level.number("price")) is None:
            continue
        if price in seen:
            yield level.error("price", f"there is a level at {price_name(price)} already", seen[price])
        seen.setdefault(price, (*level.spot, "price"))


def _zones(watch: Written) -> Iterator[Finding]:
    seen: dict[tuple[float, ...], Spot] = {}
    for zone in watch.tables("zone"):
        if (edges := zone.numbers("low", "high")) is None:
            continue
        low, high = edges
        if low == high:
            yield zone.error(
                "high", "the zone is flat: high must be more than low; one price is a [[watch.level]]"
            )
        elif low > high:
            right = f"write low = {price_name(high)} and high = {price_name(low)}"
            yield zone.error("low", f"the zone is upside down: {right}")
        elif edges in seen:
            yield zone.error("low", "there is such a zone already", seen[edges])
        else:
            yield from _zone_band(zone, low, high)
        seen.setdefault(edges, zone.spot)


def _zone_band(zone: Written, low: float, high: float) -> Iterator[Finding]:
    fraction = percent(zone.text("rearm") or "")
    band = zone.number("rearm") if fraction is None else fraction * high
    half = (high - low) / 2
    if band is not None and band > half:
        yield zone.warning(
            "rearm",
            f"a band is at most half the zone's width: {half:.6g} points are used in place of {band:.6g}",
        )
