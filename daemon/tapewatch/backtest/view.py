"""`tapewatch backtest` on a terminal: two tables a watch where there is room, else a paragraph a rule."""

from collections.abc import Iterator, Mapping, Sequence

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from tapewatch.backtest import words
from tapewatch.backtest.figures import After, AnyBar, Figures, RuleFigures, TypeFigures, WatchFigures
from tapewatch.backtest.outcomes import LONGEST

_WIDE = 92
"""Columns of the terminal that the two tables need."""
_FIGURES = 70
"""Columns of the terminal that the figures of the first table need."""
_MOST_NAME = 48
_BLOCKS = "▁▂▃▄▅▆▇█"
_MOST_BLOCKS = 16
"""More half hours than these are shown by the hour."""


def show(figures: Figures, console: Console) -> None:
    """The figures for people."""
    for note in figures.notes:
        console.print(Text(f"note: {note}", "yellow"), soft_wrap=True)
    for own in figures.watches:
        _show_watch(own, figures.few, console)
    for line in words.METHOD:
        console.print(Text(line.format(few=figures.few), "dim"))


def _show_watch(own: WatchFigures, few: int, console: Console) -> None:
    title = own.title if own.title == own.symbol else f"{own.title} ({own.symbol})"
    console.print(Text(title, "bold"))
    console.print(Text(words.span(own), "dim"))
    console.print(Text(words.frequency(own)))
    console.print()
    fired = [rule for rule in own.rules if rule.alerts]
    if fired and console.width >= _WIDE:
        console.print(_how_often(fired, console.width), "", _afterwards(own, fired, few), "", sep="\n")
    elif fired:
        for rule in fired:
            _show_rule(rule, few, console)
        _show_any_bar(own, console)
    for line in words.warnings(own):
        console.print(Text(line, "yellow"))
    _show_silent([rule for rule in own.rules if not rule.alerts], own.zone, console)


def _how_often(fired: Sequence[RuleFigures], width: int) -> Table:
    table = _table("How often", "alerts", "a session", "most", name_width=min(width - _FIGURES, _MOST_NAME))
    hours = words.half_hours(words.all_hours(fired))
    table.add_column(_range(hours), no_wrap=True)
    for head in ("confirmed", "failed", "saved"):
        table.add_column(head, no_wrap=True, justify="right")
    for rule in fired:
        saved = "" if rule.rearm is None else f"{rule.rearm.saved:,}"
        table.add_row(Text(rule.rule, "bold"), *_counts(rule, hours), "", "", saved, style="bold")
        table.add_row(Text(f"  {rule.what}", "dim"))
        for each in rule.types:
            if len(rule.types) == 1 and each.followed is None:
                break  # the line above says it
            ends = ("", "") if each.followed is None else (each.followed.confirmed, each.followed.failed)
            table.add_row(f"  {words.type_name(each)}", *_counts(each, hours), *map(str, ends), "")
    return table


def _afterwards(own: WatchFigures, fired: Sequence[RuleFigures], few: int) -> Table:
    table = _table("What price did", "after", "n", "apart", "mean", "median", "in favour", "best", "worst")
    for rule in fired:
        table.add_row(Text(rule.rule, "bold"))
        for each in rule.types:
            name = f"  {words.type_name(each)}"
            for after in words.told(each):
                furthest = _furthest(each) if after.bars == LONGEST else ()
                table.add_row(name, *_change(after, rule.timeframe, few), *furthest)
                name = ""
    name = "any bar, whatever fired"
    for timeframe, any_bar in own.any_bar.items():
        for each_bar in any_bar:
            table.add_row(name, *_any(each_bar, timeframe), style="dim")
            name = ""
    return table


def _show_rule(rule: RuleFigures, few: int, console: Console) -> None:
    console.print(Text.assemble((rule.rule, "bold"), (f"  {rule.what}", "dim")))
    console.print(f"  {words.frequency(rule)}", markup=False)
    if rule.rearm:
        console.print(f"  the band of {rule.rearm.band} saved {rule.rearm.saved:,}", markup=False)
    console.print(f"  measured in {words.measured_in(rule)}", markup=False)
    for own in rule.types:
        often = f", mostly from {words.busiest(own.hours)} on" if own.alerts > 1 else ""
        ends = f"; {told}" if (told := words.followed(own)) else ""
        console.print(Text.assemble("\n  ", (words.type_name(own), "bold"), f": {own.alerts:,}{often}{ends}"))
        table = _table(None, "after", "n", "apart", "mean", "median", "favour")
        for after in words.told(own):
            table.add_row(*_change(after, rule.timeframe, few))
        console.print(Padding(table, (0, 0, 0, 2), expand=False))
        if own.excursions:
            best, worst = _furthest(own)
            console.print(f"  best {best}, worst {worst}")
    console.print()


def _show_any_bar(own: WatchFigures, console: Console) -> None:
    console.print("any bar, whatever fired")
    table = _table(None, "after", "n", "", "mean", "median", "rose")
    for timeframe, any_bar in own.any_bar.items():
        for each in any_bar:
            table.add_row(*_any(each, timeframe))
    console.print(Padding(table, (0, 0, 1, 2), expand=False))


def _show_silent(silent: Sequence[RuleFigures], zone: str, console: Console) -> None:
    if not silent:
        return
    console.print(Text("Never fired", "bold"))
    for rule in silent:
        console.print(Text.assemble(f"  {rule.rule}", (f"  {rule.what}", "dim")))
        for near in rule.nearest:
            told = Text(words.part(near, rule) + words.came_near(near, zone), "dim")
            console.print(Padding(told, (0, 0, 0, 4), expand=False))
    console.print()


def _counts(own: RuleFigures | TypeFigures, hours: Sequence[str]) -> tuple[str, str, str, str]:
    often = own.per_session
    return f"{own.alerts:,}", words.mean(often.mean), f"{often.most:,}", _blocks(own.hours, hours)


def _range(hours: Sequence[str]) -> str:
    """The head of the column of hours: `09:30–16:00`."""
    return f"{hours[0]}–{hours[-1]}" if hours else "hours"


def _blocks(own: Mapping[str, int], hours: Sequence[str]) -> str:
    """A bar for each half hour, or hour; a dot where there was none."""
    counts = [own.get(hour, 0) for hour in hours]
    if len(counts) > _MOST_BLOCKS:
        by_hour: dict[str, int] = {}
        for hour, count in zip(hours, counts, strict=True):
            by_hour[hour[:2]] = by_hour.get(hour[:2], 0) + count
        counts = list(by_hour.values())
    most = max(counts, default=0)
    return "".join(_BLOCKS[(count * len(_BLOCKS) - 1) // most] if count else "·" for count in counts)


def _change(after: After, timeframe: str | None, few: int) -> Iterator[str]:
    yield f"{after.bars} × {timeframe}"
    yield f"{after.n:,}"
    yield words.apart(after, few).ljust(len(f"{after.apart:,}") + 1)
    yield words.change(after.mean)
    yield words.change(after.median)
    yield words.share(after.in_favour)


def _any(own: AnyBar, timeframe: str) -> Iterator[str]:
    yield f"{own.bars} × {timeframe}"
    yield f"{own.n:,}"
    yield ""
    yield words.change(own.mean)
    yield words.change(own.median)
    yield words.share(own.rose)


def _furthest(own: TypeFigures) -> tuple[str, str]:
    if own.excursions is None:
        return words.NONE, words.NONE
    return words.change(own.excursions.favourable_median), words.change(own.excursions.adverse_median)


def _table(name: str | None, *heads: str, name_width: int = 30) -> Table:
    """Of figures, after names if `name` is the head of a column of them."""
    table = Table(box=None, header_style="dim", pad_edge=False, padding=(0, 2, 0, 0))
    if name is not None:
        table.add_column(name, no_wrap=True, overflow="ellipsis", max_width=name_width)
    for head in heads:
        table.add_column(head, no_wrap=True, justify="right")
    return table
