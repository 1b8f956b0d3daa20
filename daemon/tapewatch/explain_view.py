"""What `tapewatch explain` shows to people."""

from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tapewatch.alerts.build import local_iso
from tapewatch.alerts.numbers import amount, place, points, price
from tapewatch.alerts.reasons import why
from tapewatch.alerts.trace import Trace, TraceTick
from tapewatch.explain import Explanation, commit_time
from tapewatch.notify.render import Wording, exchange_time, one_line, render

NOT_KEPT = "not kept: it was written by a version that kept no trace, or is about a feed"

_BY = {
    "tick": "a tick",
    "close": "the close of a bar",
    "time": "the clock: what had to last had lasted",
    "history": "history, after an outage",
}


def show(own: Explanation, console: Console) -> None:
    """All of it, the most important first."""
    wording = render(own.alert)
    console.print(Text(f"{wording.arrow} {wording.headline}", "bold"), soft_wrap=True)
    console.print(Text(wording.origin, "dim"), soft_wrap=True)
    console.print()
    _print_pairs(_facts(own, wording), console)
    console.print()
    console.print(Text("Why", "bold"))
    for sentence in why(own.alert, own.trace) if own.trace else [NOT_KEPT]:
        console.print(Text(f"  {one_line(sentence)}"), soft_wrap=True)
    if own.trace:
        for table in (_ticks(own, own.trace), _bars(own, own.trace)):
            if table.row_count:
                console.print()
                console.print(table)
    if wording.indicators:
        console.print()
        _print_pairs(_indicators(own, wording), console)
    console.print()
    console.print(Text("tapewatch log shows what became of it at each receiver.", "dim"))


def _facts(own: Explanation, wording: Wording) -> Iterator[tuple[str, str]]:
    yield "When", exchange_time(own.alert.data)
    yield "Committed", commit_time(own)
    if own.trace:
        closed = f" of {own.trace.closed}" if own.trace.closed and own.trace.by == "close" else ""
        yield "Fired by", f"{_BY[own.trace.by]}{closed}"
        yield "Rule", own.trace.rule
    yield from _config(own)
    for label, value in (fact for fact in wording.all_facts if fact not in wording.indicators):
        if label != "Exchange time":
            yield label, value
    if own.alert.data.cold:
        yield "Not warm", f"{', '.join(own.alert.data.cold)}: fewer than 250 bars"
    if own.delivered:
        yield "From the spool", f"sent to {', '.join(own.delivered)} while Redis was away"
    yield from _now(own)


def _config(own: Explanation) -> Iterator[tuple[str, str]]:
    """Whether the config still has the rule."""
    if own.alert.data.price is None:  # it is about a feed
        return
    if own.rule is None:
        yield "Config", "has no such rule any more"
    elif own.rule.unchanged is None:
        yield "Config", own.rule.words
    else:
        yield "Config", "unchanged since" if own.rule.unchanged else f"changed since: {own.rule.words}"


def _now(own: Explanation) -> Iterator[tuple[str, str]]:
    if own.now is None or own.now["price"] is None:
        return
    told = f"{price(own.now['price'])} at {own.now['exchange_time']}"
    if (level := own.now["level"]) is not None:
        distance, where = level["distance"], place(level["low"], level["high"])
        inside = not distance and level["low"] < level["high"]
        side = "above" if distance <= 0 else "below"
        far = f"inside {where}" if inside else f"{points(abs(distance), own.now['price'])} {side} {where}"
        told = f"{told}, {far}"
    yield "Now", told


def _print_pairs(pairs: Iterator[tuple[str, str]], console: Console) -> None:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True, style="dim")
    grid.add_column(overflow="fold")
    for label, value in pairs:
        grid.add_row(Text(one_line(label)), Text("\n".join(map(one_line, value.split("\n")))))
    console.print(grid)


def _ticks(own: Explanation, trace: Trace) -> Table:
    """The tick that fired is marked; those that came with it, after it, are dim."""
    table = _table("", "tick", "price", "size", "of" if any(tick.leg for tick in trace.ticks) else "")
    zone = ZoneInfo(own.alert.data.zone)
    level = own.alert.data.level if isinstance(own.alert.data.level, float) else None
    last = trace.ticks[-1] if trace.ticks else None
    fired = last if trace.by == "tick" and last and last.time_ns == own.alert.data.time_ns else None

    def add(tick: TraceTick, style: str | None) -> None:
        at = datetime.fromisoformat(local_iso(int(tick.time_ns), zone))
        cells = [f"{at:%H:%M:%S}.{at.microsecond // 1000:03}", price(tick.price, level), amount(tick.size)]
        table.add_row("▶" if tick is fired else "", *cells, Text(one_line(tick.leg)), style=style)

    for tick in trace.ticks:
        add(tick, "bold" if tick is fired else None)
    for tick in trace.after:
        add(tick, "dim")
    return table


def _bars(own: Explanation, trace: Trace) -> Table:
    table = _table("bar", "began", "open", "high", "low", "close", "volume", "")
    zone = ZoneInfo(own.alert.data.zone)
    for bar in trace.bars:
        began = datetime.fromisoformat(bar.start[:19] + "+00:00").astimezone(zone)
        prices = (price(value) for value in (bar.open, bar.high, bar.low, bar.close))
        state = "forming" if bar.forming else "closed"
        table.add_row(
            Text(one_line(bar.timeframe)), f"{began:%d %b %H:%M}", *prices, amount(bar.volume), state
        )
    return table


def _indicators(own: Explanation, wording: Wording) -> Iterator[tuple[str, str]]:
    """By timeframe, and whether its bar was closed."""
    states = {}
    for bar in own.trace.bars if own.trace else ():
        states[bar.timeframe] = ", provisional" if bar.forming else ", confirmed"
    for label, values in wording.indicators:
        yield f"{label}{states.get(label.partition(' ')[0], '')}", values


def _table(*names: str) -> Table:
    table = Table(box=None, header_style="dim", pad_edge=False, padding=(0, 2, 0, 0))
    for name in names:
        table.add_column(
            name, no_wrap=True, justify="left" if name in ("", "bar", "began", "of") else "right"
        )
    return table
