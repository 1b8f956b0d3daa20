"""`tapewatch status`: what every watch is at, for people."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tapewatch.alerts.numbers import Named, changes, named, percent, place, points, price, reading
from tapewatch.market.ticks import NS
from tapewatch.market.timeframes import by_length
from tapewatch.notify.render import one_line
from tapewatch.notify.silences import Silence
from tapewatch.status import Overview

_NOT_GOOD = ("connecting", "logging in", "waiting", "refused", "stopped")
"""States of a feed from which no ticks come."""

_LATE = 2.0
"""Seconds from which on ticks that come late are worth a word."""

_ANY_WIDTH = 1000


def show(overview: Overview, console: Console) -> None:
    """The same for people: each watch, and at the end what holds for all of them."""
    for status in overview.watches:
        console.print(_headline(status), _feed(status), *_silenced(status, overview.silences), sep="\n")
        console.print()
        for block in _tables(status, console):
            console.print(block, "", sep="\n")
    if overview.leader is not None:
        console.print(Text.assemble(("leads: ", "dim"), one_line(overview.leader)), soft_wrap=True)


def _headline(status: dict[str, Any]) -> Text:
    """Title, price, changes, exchange time, and how old the price is."""
    own = "no price yet" if status["price"] is None else price(status["price"])
    line = Text.assemble((one_line(status["title"]), "bold"), "  ", (own, "bold cyan"))
    for over, moved in changes(status["indicators"]):
        line.append(f"  {moved} in {over}")
    if status["exchange_time"]:
        line.append(f"  {status['exchange_time']}", "dim")
    if (age := status.get("age_s")) is not None:
        line.append(f"  {ago(age)}", "dim")
    return line


def _feed(status: dict[str, Any]) -> Text:
    """What the feed is at; what is not as it should be is marked, not only coloured."""
    state, lag = status["feed_state"], status.get("lag_s")
    text = one_line(f"feed {status['feed'] or 'not known'}: {state or 'not running'}")
    late = f", its ticks are {lag:.1f} s late" if lag is not None and lag >= _LATE else ""
    if state in _NOT_GOOD or late:
        return Text(f"✗ {text}{late}", "bold red")
    return Text(text, "dim")


def _silenced(status: dict[str, Any], silences: Mapping[str, Silence]) -> list[Text]:
    """A line for each silence that holds for the watch, or for a part of it."""
    lines = []
    for own in (silences[id] for id in status.get("silences", ())):
        parts = [f"{name} {part}" for name in ("rule", "type", "severity") if (part := getattr(own, name))]
        until = datetime.fromtimestamp(own.until_ns // NS).astimezone()
        told = f"silenced{': ' if parts else ''}{', '.join(parts)} until {until:%a %d %b %H:%M %Z}"
        why = f": {own.why}" if own.why else ""
        lines.append(Text.assemble((one_line(told), "yellow"), (f"  {one_line(own.by + why)}", "dim")))
    return lines


def ago(seconds: float) -> str:
    """`12 s ago`, `5 min ago`, `3 h ago`, `2 days ago`."""
    for unit, size, most in (("s", 1, 120), ("min", 60, 7200), ("h", 3600, 172_800)):
        if seconds < most:
            return f"{seconds // size:.0f} {unit} ago"
    return f"{seconds // 86_400:.0f} days ago"


def _tables(status: dict[str, Any], console: Console) -> list[Table]:
    """Ladder and indicators, side by side on a terminal that is wide enough."""
    full = ladder(status, roles=True, percents=True)
    tables = [full if _fits(full, console) else ladder(status, roles=False, percents=True)]
    if status["indicators"]:
        tables += _indicator_tables(status["indicators"], console)
    if console.is_terminal and len(tables) == 2:
        both = Table.grid(padding=(0, 4, 0, 0))
        both.add_row(*tables)
        if _fits(both, console):
            return [both]
    return tables


def _indicator_tables(indicators: dict[str, float], console: Console) -> list[Table]:
    """All timeframes in one table; where they are too many for the terminal, one below the other."""
    own = {name: form.timeframe for name in indicators if (form := named(name))}
    frames = by_length(set(own.values()))
    tables: list[Table] = []
    for count in range(len(frames), 0, -1):
        parts = [frames[i : i + count] for i in range(0, len(frames), count)]
        tables = [
            indicator_table({name: indicators[name] for name, frame in own.items() if frame in part})
            for part in parts
        ]
        if all(_fits(table, console) for table in tables):
            break
    return tables


def _fits(table: Table, console: Console) -> bool:
    """Whether nothing of it would be cut."""
    return console.measure(table, options=console.options.update(width=_ANY_WIDTH)).maximum <= console.width


def ladder(status: dict[str, Any], *, roles: bool, percents: bool) -> Table:
    """Levels and zones from the highest down, the price where it stands among them, and how far it has to go.

    Args:
        status: from `status_of`.
        roles: whether to show what each level is to the market.
        percents: whether to show distances in percent of the price, too.
    """
    own = status["price"]
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, justify="right")
    # What may wrap is made narrower first, so that numbers stay whole; its texts themselves do not wrap.
    table.add_column()
    if roles:
        table.add_column(style="dim")
    table.add_column(no_wrap=True, justify="right")
    if percents:
        table.add_column(no_wrap=True, justify="right")
    levels = sorted(status["levels"], key=lambda level: (-level["high"], -level["low"]))
    upper = [level for level in levels if own is None or _upper(level, own)]
    for level in upper:
        _add_level(table, level, own, roles, percents)
    if own is not None:
        table.add_row(*_price_row(status, roles), style="bold cyan")
    for level in levels[len(upper) :]:
        _add_level(table, level, own, roles, percents)
    return table


def indicator_table(indicators: dict[str, float], timeframes: int | None = None) -> Table:
    """Indicators down, timeframes across; `timeframes`: only so many, the longest."""
    own = {form: value for name, value in indicators.items() if (form := named(name))}
    frames = by_length({form.timeframe for form in own})
    frames = frames[-timeframes:] if timeframes else frames
    table = Table(box=None, header_style="dim", pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    for frame in frames:
        table.add_column(frame, no_wrap=True, justify="right")
    above = None
    for row in dict.fromkeys(form._replace(timeframe="") for form in own):
        values = [own.get(row._replace(timeframe=frame)) for frame in frames]
        cells = ("" if value is None else reading(row.kind, value) for value in values)
        table.add_row(_label(row, row.indicator == above), *cells)
        above = row.indicator
    return table


def _upper(level: dict[str, Any], own: float) -> bool:
    """Whether the level stands above the price's own row; a zone does that holds it."""
    return bool(level["low"] > own or level["low"] < own <= level["high"])


def _add_level(table: Table, level: dict[str, Any], own: float | None, roles: bool, percents: bool) -> None:
    low, high, distance = level["low"], level["high"], level["distance"]
    inside = own is not None and low < high and low <= own <= high
    far = "inside" if inside else "" if distance is None or own is None else _signed(distance, own)
    cells: list[str | Text] = [place(low, high), _cut(level["name"])]
    cells += [_cut(level["role"] or "")] if roles else []
    cells += [far]
    if percents:
        cells.append("" if distance is None or not own else percent(distance / own))
    table.add_row(*cells, style="bold" if inside else None)


def _signed(distance: float, own: float) -> str:
    return f"{'-' if distance < 0 else '+'}{points(abs(distance), own)}"


def _price_row(status: dict[str, Any], roles: bool) -> list[str | Text]:
    return [f"▶ {price(status['price'])}", _cut("price"), *([""] if roles else []), ""]


def _cut(text: str) -> Text:
    """In one line, with an ellipsis where there is no room."""
    return Text(one_line(text), no_wrap=True, overflow="ellipsis")


def _label(row: Named, below_its_own: bool) -> str:
    """`RSI(14)`; what belongs to the indicator above it is indented."""
    output = {"hist": "histogram"}.get(row.output, row.output)
    return f"  {output}" if below_its_own else " ".join(filter(None, (row.indicator.upper(), output)))
