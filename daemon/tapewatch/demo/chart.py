"""A price against levels in a terminal's characters."""

from collections.abc import Collection, Iterator, Mapping, Sequence

from rich.text import Text

from tapewatch.alerts.numbers import level as level_text

_EIGHTHS = " ▁▂▃▄▅▆▇█"


def chart(path: Mapping[float, float], levels: Sequence[float], width: int, rows: int) -> Iterator[Text]:
    """Lines, the topmost first: the price as an area, levels as lines with their prices at the right.

    It reaches from the next level below the price's way to the next one above it.

    Args:
        path: price by place, from 0 (left) to 1 (right); places that are missing keep the price before.
        levels: prices.
        width: columns, labels included.
        rows: how many lines, at least two.
    """
    margin = max((len(level_text(own)) for own in levels), default=0) + 1
    columns = _columns(path, width - margin)
    low, high = _range(path.values(), levels)
    step = (high - low) / (rows - 1)
    at_row = {round((high - own) / step): level_text(own) for own in levels if low <= own <= high}
    for row in range(rows):
        bottom = high - step * (row + 0.5)
        line = Text(no_wrap=True)
        for own in columns:
            eighths = 0 if own is None else min(max(round((own - bottom) / step * 8), 0), 8)
            if eighths:
                line.append(_EIGHTHS[eighths], "cyan")
            else:
                line.append("┄" if row in at_row else " ", "dim yellow")
        yield line.append(f" {at_row.get(row, ''):>{margin - 1}}", "yellow")


def _range(prices: Collection[float], levels: Sequence[float]) -> tuple[float, float]:
    least, most = min(prices, default=0.0), max(prices, default=0.0)
    low = max((own for own in levels if own < least), default=least)
    high = min((own for own in levels if own > most), default=most)
    return (low, high) if low < high else (low, low + 1)


def _columns(path: Mapping[float, float], width: int) -> list[float | None]:
    """The last price in each column; None right of the newest."""
    seen = {min(int(place * width), width - 1): path[place] for place in sorted(path)}
    columns: list[float | None] = []
    for i in range(max(seen, default=-1) + 1):
        columns.append(seen.get(i, columns[-1] if columns else path[min(path)]))
    return columns + [None] * (width - len(columns))
