"""Lines for people out of the state: header, health, alerts, silences, the list of watches. No terminal."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from rich.cells import cell_len, set_cell_size
from rich.table import Table
from rich.text import Text

from tapewatch.alerts.alert import Alert
from tapewatch.alerts.numbers import changes, percent
from tapewatch.alerts.numbers import price as price_text
from tapewatch.notify.outcome import Outcome
from tapewatch.notify.render import local_time, one_line, render
from tapewatch.status_view import indicator_table, ladder
from tapewatch.top.candles import DOWN, UP
from tapewatch.top.state import State, until
from tapewatch.top.wire import Entry, FeedHealth, Health

BAD, GOOD = "bold #e69f00", "#56b4e9"
_TOLD = {Outcome.SENT: "✓", Outcome.REFUSED: "✗", Outcome.GAVE_UP: "✗", Outcome.UNREADABLE: "✗"}
_KEPT = {Outcome.SILENCED: "silenced", Outcome.MUTED: "muted"}
_UP_STATES = ("subscribed", "idle")
LEAST_FOR_DELIVERY, WITH_SECONDS = 60, 100
"""Columns from which on there is room for what became of an alert, and for seconds and the next target."""
MOST_OF_SUBJECT = 12
"""Columns of a symbol in the log of alerts."""
_SINCE_CLOSE = "since the close of "
_LAG = 2.0
"""Seconds from which on a feed's lag is worth a warning."""


def headline(state: State, width: int) -> Text:
    """Title, price, change, exchange time; what does not fit is left out, the least important first."""
    title = Text(one_line(state.watch.title), "bold")
    status = state.status
    if not status or status.get("price") is None:
        return Text.assemble(title, ("  no price yet", "dim"))
    price = Text(f"  {price_text(status['price'])}", f"bold {UP}")
    moved, since = _moved(state)
    spans = Text("".join(f"  {by} in {over}" for over, by in changes(status["indicators"])))
    when = Text(f"  {one_line(status['exchange_time'])}", "dim")
    # A change from anything but the close of the day before would be taken for the day's.
    least = moved if _SINCE_CLOSE in since.plain else Text.assemble(moved, since)
    for parts in ((moved, since, spans, when), (moved, since, when), (least, when), (least,), ()):
        line = Text.assemble(title, price, *parts)
        if line.cell_len <= width:
            break
    return line


def _moved(state: State) -> tuple[Text, Text]:
    """By how much, and since when; both may be empty."""
    found = change(state)
    if found is None:
        return Text(), Text()
    share, since = found
    arrow = "▲" if share > 0 else "▼" if share < 0 else "●"
    return Text(f"  {arrow} {percent(share)}", UP if share >= 0 else DOWN), Text(f" {since}", "dim")


def change(state: State) -> tuple[float, str] | None:
    """By which share price stands above the close of the day before, or the first price of the chart; and which."""
    chart, status = state.chart, state.status
    if chart is None or not chart.time or not status or status.get("price") is None:
        return None
    zone = ZoneInfo(chart.zone)
    days = [datetime.fromtimestamp(own, zone).date() for own in chart.time]
    before = next((i for i in range(len(days) - 1, -1, -1) if days[i] != days[-1]), None)
    if before is not None:
        then, since = chart.close[before], f"{_SINCE_CLOSE}{days[before]:%d %b}"
    else:
        then, since = chart.open[0], f"since {datetime.fromtimestamp(chart.time[0], zone):%H:%M}"
    return (status["price"] / then - 1, since) if then > 0 else None


def health_line(state: State, now: float) -> Text:
    """What does not hold first, then feeds, Redis, lease and receivers; `now` is on the monotonic clock (s)."""
    if state.trouble is not None:
        return Text(f"✗ {one_line(state.trouble.text(now))}", BAD)
    health = state.health
    if health is None:
        return Text("connecting …", "dim")
    text = Text.assemble(("✓ ready", GOOD) if health.ready else ("✗ not ready", BAD))
    for part, good in sorted(_parts(health), key=lambda own: own[1]):
        text.append("  ").append(one_line(part), "" if good else BAD)
    return text


def _parts(health: Health) -> Iterator[tuple[str, bool]]:
    if health.role != "leading":
        yield f"this process is {health.role}", False
    for feed in health.feeds:
        yield _feed(feed)
    away = "" if health.redis.away_s is None else f" for {health.redis.away_s:.0f} s"
    yield ("Redis ok", True) if health.redis.ok else (f"✗ Redis away{away}", False)
    if health.lease is not None:
        leader = health.lease.leader
        yield (f"lead: {leader}", True) if leader else ("✗ nobody leads", False)
    for receiver in health.receivers:
        if receiver.waiting:
            yield f"{receiver.name}: {receiver.waiting} waiting", False


def _feed(feed: FeedHealth) -> tuple[str, bool]:
    good = feed.state in _UP_STATES and not feed.stale and (feed.lag_s or 0) < _LAG
    text = f"{'' if good else '✗ '}{feed.name} {feed.state}"
    text += " but stale" if feed.stale else ""
    if feed.ticks_per_second is not None:
        text += f" {feed.ticks_per_second:,.0f}/s"
    return text + (f" {feed.lag_s:.1f} s late" if feed.lag_s is not None and feed.lag_s >= _LAG else ""), good


def silence_line(state: State) -> Text:
    """What is silenced now; the shown symbol first."""
    held = [own for own in state.silences if own.state == "holds"]
    text = Text()
    for own in sorted(held, key=lambda each: each is not state.silence):
        what = ", ".join(filter(None, (own.symbol, own.rule, own.type, own.severity))) or "every alert"
        text.append(", " if text else "silenced: ").append(one_line(f"{what} until {until(own):%H:%M %Z}"))
    text.stylize(BAD)
    return text


def alert_lines(state: State, width: int, rows: int) -> list[Text]:
    """The newest that fit, the newest last; each with what became of it at the right, where there is room."""
    newest = list(state.entries.values())[-rows:] if rows > 0 else []
    if not newest:
        return [Text("no alerts yet", "dim")] if rows > 0 else []
    subjects = min(max(cell_len(one_line(own.alert.subject)) for own in newest), MOST_OF_SUBJECT)
    zones = _zones(state, newest)
    return [_entry_line(own, width, subjects, zones) for own in newest]


def _zones(state: State, entries: Sequence[Entry]) -> int:
    """How wide the names of time zones are; 0 where all times are those of the exchange that is shown."""
    there = [local_time(own.alert.data) for own in entries]
    names = {f"{own:%Z}" for own in there}
    if state.chart:
        names |= {f"{own.astimezone(ZoneInfo(state.chart.zone)):%Z}" for own in there}
    return max(map(len, names)) if len(names) > 1 else 0


def _entry_line(entry: Entry, width: int, subjects: int, zones: int) -> Text:
    line, told = _alert_text(entry.alert, width, subjects, zones), delivery(entry)
    if told and width >= LEAST_FOR_DELIVERY:
        room = max(width - told.cell_len - 2, width // 2)
        line.truncate(room, overflow="ellipsis", pad=True)
        line.append("  ").append_text(told)
    line.truncate(width, overflow="ellipsis")
    return line


def _alert_text(alert: Alert, width: int, subjects: int, zones: int) -> Text:
    """`28 Jan 10:12  SPX !▲ crossed above 7,000, at 7,000.25`; ! is critical. With `zones`, `28 Jan 10:12 EST`."""
    wording, there = render(alert), local_time(alert.data)
    headline = wording.headline
    if alert.data.price is not None:  # of a feed it says what it is about
        headline = headline.removeprefix(one_line(alert.data.title)).lstrip(": ")
    critical = alert.data.severity == "critical"
    colour = {"up": UP, "down": DOWN, None: ""}[alert.data.direction]
    when = f"{there:%d %b %H:%M:%S}" if width >= WITH_SECONDS else f"{there:%d %b %H:%M}"
    text = Text.assemble(
        (f"{when} {f'{there:%Z}':<{zones}}" if zones else when, "dim"),
        (f"  {set_cell_size(one_line(alert.subject), subjects)} ", "bold"),
        ("!" if critical else " ", "bold"),
        (f"{wording.arrow} ", colour),
        (headline, "bold" if critical else ""),
    )
    if wording.next and width >= WITH_SECONDS:
        text.append(f"  next {wording.next}", "dim")
    return text


def delivery(entry: Entry) -> Text:
    """`✓ desk  ✗ mail: HTTP 500  … hook`: what became of it in the end at each receiver."""
    last = {own.receiver: own for own in entry.deliveries if own.outcome != Outcome.HAD_ALREADY}
    text = Text()
    for own in last.values():
        if own.receiver in entry.waiting:
            continue
        if mark := _TOLD.get(own.outcome):  # type: ignore[call-overload]
            why = f": {own.detail}" if mark == "✗" and own.detail else ""
            _put(text, f"{mark} {own.receiver}{why}", GOOD if mark == "✓" else BAD)
        elif kept := _KEPT.get(own.outcome):  # type: ignore[call-overload]
            _put(text, f"– {own.receiver} {kept}", "dim")
    for name in entry.waiting:
        _put(text, f"… {name}", "")
    return text


def _put(text: Text, what: str, style: str) -> None:
    text.append("  " if text else "").append(one_line(what)[:60], style)


def levels(state: State, rows: int, roles: bool) -> Table | Text:
    """The ladder: the levels nearest to the price, as many as there is room for."""
    status = state.status
    if status is None:
        return Text("waiting for the daemon", "dim")
    near = sorted(status["levels"], key=lambda own: abs(own["distance"] or 0))
    shown = near[: max(rows - 1, 1)] if status["price"] is not None else status["levels"][:rows]
    return ladder({**status, "levels": shown}, roles=roles, percents=True)


def indicators(state: State, timeframes: int | None) -> Table | Text:
    """The indicator table; `timeframes`: only so many, the longest."""
    values = state.status["indicators"] if state.status else {}
    return indicator_table(values, timeframes) if values else Text()


def no_chart(state: State) -> str:
    """Why there is no chart."""
    health = state.health
    if health is None or health.role == "leading":
        return "waiting for the chart …"
    leader = health.lease.leader if health.lease else None
    return f"this process does not lead: {one_line(leader)} has the chart" if leader else "nobody leads yet"


def watch_list(state: State, rows: int) -> list[Text]:
    """Symbols around the one that is shown."""
    watches = state.known.watches
    at = next((i for i, own in enumerate(watches) if own.symbol == state.symbol), 0)
    first = max(0, min(at - rows // 2, len(watches) - rows))
    lines = []
    for own in watches[first : first + rows]:
        shown = own.symbol == state.symbol
        cost = "" if own.price is None else price_text(own.price)
        lines.append(
            Text(
                f"{'▸' if shown else ' '} {one_line(own.symbol):<10} {cost:>12}",
                "bold" if shown else "",
                no_wrap=True,
            )
        )
    return lines


def timeframes(state: State) -> Text:
    """`1m 5m [1h] 1d`, numbered by the keys that choose them."""
    text = Text(no_wrap=True)
    for number, own in enumerate(state.watch.timeframes, 1):
        name, shown = one_line(own), own == state.timeframe
        text.append(f" {number}", "dim")
        text.append(f"[{name}]" if shown else f" {name} ", "bold" if shown else "")
    return text


def cut(lines: Sequence[Text], width: int) -> Text:
    """Lines as one text, none wider than `width`."""
    for line in lines:
        line.truncate(width, overflow="ellipsis")
    return Text("\n", no_wrap=True).join(lines)
