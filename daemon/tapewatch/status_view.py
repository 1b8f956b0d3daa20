"""`tapewatch status`: what every watch is at, for people."""

from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tapewatch.alerts.numbers import Named, changes, named, percent, place, points, price, reading
from tapewatch.market.timeframes import by_length
from tapewatch.notify.render import one_line


def show(statuses: list[dict[str, Any]], console: Console) -> None:
    """The same for people."""
    for status in statuses:
        own = "no price yet" if status["price"] is None else price(status["price"])
        headline = Text.assemble((status["title"], "bold"), "  ", (own, "bold cyan"))
        for over, moved in changes(status["indicators"]):
            headline.append(f"  {moved} in {over}")
        if status["exchange_time"]:
            headline.append(f"  {status['exchange_time']}", "dim")
        feed = one_line(f"feed {status['feed'] or 'not known'}: {status['feed_state'] or 'not running'}")
        tables = [ladder(status, roles=True, percents=True)]
        if status["indicators"]:
            tables.append(indicator_table(status["indicators"]))
        console.print(headline, Text(feed, "dim"), "", sep="\n")
        for table in tables:
            console.print(table, "", sep="\n")


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
    table.add_column(no_wrap=True)
    if roles:
        table.add_column(no_wrap=True, style="dim")
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
    cells: list[str | Text] = [place(low, high), Text(level["name"])]
    cells += [level["role"] or ""] if roles else []
    cells += [far]
    if percents:
        cells.append("" if distance is None or not own else percent(distance / own))
    table.add_row(*cells, style="bold" if inside else None)


def _signed(distance: float, own: float) -> str:
    return f"{'-' if distance < 0 else '+'}{points(abs(distance), own)}"


def _price_row(status: dict[str, Any], roles: bool) -> list[str]:
    return [f"▶ {price(status['price'])}", "price", *([""] if roles else []), ""]


def _label(row: Named, below_its_own: bool) -> str:
    """`RSI(14)`; what belongs to the indicator above it is indented."""
    output = {"hist": "histogram"}.get(row.output, row.output)
    return f"  {output}" if below_its_own else " ".join(filter(None, (row.indicator.upper(), output)))
