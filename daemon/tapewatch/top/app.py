"""The screen, and its keys. Source: https://textual.textualize.io/guide/."""

import time
from typing import ClassVar

from rich.console import Group, RenderableType
from rich.rule import Rule
from rich.table import Table
from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.events import Resize
from textual.widgets import Static

from tapewatch.notify.render import one_line
from tapewatch.top import views
from tapewatch.top.candles import candles
from tapewatch.top.client import Client, DaemonError
from tapewatch.top.screens import Help, Search
from tapewatch.top.state import State, literally, until
from tapewatch.top.stream import follow
from tapewatch.top.wire import Listed

SILENCED_FOR = "1h"
LOOK_SECONDS = 0.2
"""Between two looks whether anything has changed: what comes faster is drawn once."""
LIST_SECONDS = 5.0
"""Between two readings of the list of watches, where it is shown."""

WIDE, LIST_WIDE = 110, 150
"""Columns from which on levels stand beside the chart, and watches beside it."""
LIST = 28
"""Columns of the watches."""

_KEYS = (
    ("↑↓", "symbol"),
    ("t", "timeframe"),
    ("s", "silence"),
    ("/", "search"),
    ("?", "help"),
    ("q", "quit"),
)


class Top(App[None]):
    """The live page in small.

    Args:
        client: of the daemon.
        state: what it has told already.
    """

    TITLE = "tapewatch top"
    ENABLE_COMMAND_PALETTE = False
    CSS = """
    Static { height: auto; }
    #head { height: 3; }
    #keys { height: 1; }
    #body { height: 1fr; }
    #main { width: 1fr; height: 100%; }
    #upper { height: 1fr; }
    #chart { width: 1fr; height: 100%; }
    #side { display: none; height: 100%; padding: 0 0 0 2; }
    #list { display: none; height: 100%; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", "next symbol"),
        Binding("up,k", "move(-1)", "symbol before"),
        Binding("slash", "search", "search"),
        Binding("t", "next_timeframe", "next timeframe"),
        *(Binding(str(n), f"timeframe({n})", show=False) for n in range(1, 10)),
        Binding("s", "silence", "silence or lift"),
        Binding("question_mark,h", "help", "help"),
        Binding("q,ctrl+c", "quit", "quit", priority=False),
    ]

    def __init__(self, client: Client, state: State) -> None:
        super().__init__()
        self._client = client
        self.state = state
        self._changed = True

    def compose(self) -> ComposeResult:
        """Header, chart, levels, alerts, keys."""
        yield Static(id="head")
        with Horizontal(id="body"):
            yield Static(id="list")
            with Vertical(id="main"):
                with Horizontal(id="upper"):
                    yield Static(id="chart")
                    yield Static(id="side")
                yield Static(id="tables")
                yield Static(id="alerts")
        yield Static(id="keys")

    def on_mount(self) -> None:
        """Begins to listen."""
        self.listen()
        self.set_interval(LOOK_SECONDS, self._look)
        self.set_interval(1.0, self._mark_changed)  # how long until it is tried again
        self.set_interval(LIST_SECONDS, self._renew_list)

    def on_resize(self, event: Resize) -> None:
        """Lays everything out anew."""
        self._show(event.size.width, event.size.height)

    def action_move(self, by: int) -> None:
        """The next symbol of the list, or the one before."""
        watches = self.state.known.watches
        at = next((i for i, own in enumerate(watches) if own.symbol == self.state.symbol), 0)
        self._choose(watches[(at + by) % len(watches)])

    def action_search(self) -> None:
        """Asks for a symbol."""
        self.push_screen(Search(self._client), self._found)

    def action_next_timeframe(self) -> None:
        """The next longer one, and after the longest the shortest."""
        frames = self.state.watch.timeframes
        at = frames.index(self.state.timeframe) if self.state.timeframe in frames else -1
        self._choose(self.state.watch, frames[(at + 1) % len(frames)])

    def action_timeframe(self, number: int) -> None:
        """The one of that number, from the shortest."""
        frames = self.state.watch.timeframes
        if number <= len(frames):
            self._choose(self.state.watch, frames[number - 1])

    def action_silence(self) -> None:
        """Silences the symbol for an hour, or lifts that."""
        self.run_worker(self._silence(), group="silence", exclusive=True)

    def action_help(self) -> None:
        """Shows the keys."""
        self.push_screen(Help(self._client.url))

    def _found(self, watch: Listed | None) -> None:
        if watch is not None:
            if watch.symbol not in {own.symbol for own in self.state.known.watches}:
                self.state.known.watches.append(watch)
            self._choose(watch)

    def _choose(self, watch: Listed, timeframe: str | None = None) -> None:
        self.state.choose(watch, timeframe)
        self.state.said = ""
        self.listen()

    def listen(self) -> None:
        """To what is shown now; the worker of before ends."""
        self._mark_changed()
        self.run_worker(follow(self._client, self.state, self._mark_changed), group="line", exclusive=True)

    async def _silence(self) -> None:
        state, own = self.state, self.state.silence
        try:
            if own is None:
                await self._client.silence(literally(state.symbol), SILENCED_FOR)
                state.said = f"{state.symbol} is silenced for an hour; s lifts it"
            else:
                await self._client.lift(own)
                state.said = f"the silence of {state.symbol} until {until(own):%H:%M %Z} is lifted"
        except DaemonError as error:
            state.said = f"not done: {error}"
        self._mark_changed()

    async def _renew_list(self) -> None:
        """Prices of the watches beside the chart; the event stream has those of one alone."""
        if self.size.width < LIST_WIDE or self.state.trouble or len(self.state.known.watches) < 2:
            return
        try:
            self.state.known = await self._client.watches()
        except DaemonError:
            return  # the line says what is wrong
        self._mark_changed()

    def _mark_changed(self) -> None:
        self._changed = True

    def _look(self) -> None:
        if self._changed:
            self._show(self.size.width, self.size.height)

    def _show(self, width: int, height: int) -> None:
        """All of it, as it fits."""
        self._changed = False
        state = self.state
        with_list = width >= LIST_WIDE and len(state.known.watches) > 1
        main = width - (LIST if with_list else 0)
        body = height - 3 - 1
        self._put("head", self._head(width))
        alerts = max(3, min(body // 3, 12))
        self._put("alerts", self._alerts(main, alerts))
        self.query_one("#alerts", Static).styles.height = alerts + 1
        self._show_prices(main, body, body - alerts - 1)
        listed = self.query_one("#list", Static)
        listed.display, listed.styles.width = with_list, LIST
        if with_list:
            self._put("list", views.cut(views.watch_list(state, body), LIST - 2))
        self._put("keys", self._keys(width))

    def _show_prices(self, width: int, body: int, rows: int) -> None:
        """Chart, levels and indicators: beside each other, or below."""
        wide = width >= WIDE
        side, tables = self.query_one("#side", Static), self.query_one("#tables", Static)
        side.display, tables.display = wide, not wide
        if wide:
            shown = self._side(rows)
            beside = self._measured(shown) + 3
            side.styles.width = beside
            self._put("side", shown)
            self._put("chart", self._chart(width - beside, rows))
            return
        high = max(2, min(body // 3, 9))
        tables.styles.height = high
        self._put("tables", self._below(width, high))
        self._put("chart", self._chart(width, max(rows - high, 0)))

    def _put(self, id: str, what: RenderableType) -> None:
        self.query_one(f"#{id}", Static).update(what, layout=False)  # its size is set where it changes

    def _head(self, width: int) -> Text:
        state = self.state
        second = views.health_line(state, time.monotonic())
        third = views.timeframes(state)
        silenced = views.silence_line(state)
        third.append("   ").append_text(silenced if silenced.plain else Text(state.said, "dim"))
        if silenced.plain and state.said:
            third.append(f"   {state.said}", "dim")
        return views.cut([views.headline(state, width), second, third], width)

    def _chart(self, width: int, rows: int) -> Text:
        if self.state.chart is None or rows < 3:
            return Text("\n" * max(rows // 2 - 1, 0) + views.no_chart(self.state).center(width), "dim")
        return Text("\n").join(candles(self.state.chart, width, rows))

    def _alerts(self, width: int, rows: int) -> Group:
        lines = views.alert_lines(self.state, width, rows)
        title = f"alerts: {len(self.state.entries)}" if self.state.entries else "alerts"
        blank = [Text()] * (rows - len(lines))
        return Group(Rule(title, align="left", style="dim", characters="─"), *lines, *blank)

    def _side(self, rows: int) -> Group:
        table = views.indicators(self.state, 3)
        used = (table.row_count + 2) if isinstance(table, Table) else 0
        return Group(views.levels(self.state, max(rows - used, 6), roles=False), Text(), table)

    def _below(self, width: int, rows: int) -> RenderableType:
        """Levels and indicators side by side, with as many columns as fit."""
        for frames, with_roles in ((None, True), (None, False), (3, False), (2, False), (1, False)):
            both = Table.grid(padding=(0, 2, 0, 0))
            both.add_row(views.levels(self.state, rows, with_roles), views.indicators(self.state, frames))
            if self._measured(both) <= width:
                return both
        return views.levels(self.state, rows, roles=False)

    def _measured(self, what: RenderableType) -> int:
        """Columns that it takes."""
        return self.console.measure(what, options=self.console.options.update(width=1000)).maximum

    def _keys(self, width: int) -> Text:
        keys = [Text.assemble((f" {key} ", "reverse"), (f" {what}  ", "dim")) for key, what in _KEYS]
        while sum(key.cell_len for key in keys) > width and len(keys) > 1:
            keys.pop(0)
        text = Text(no_wrap=True).join(keys)
        known = self.state.known
        where = one_line(f"{known.instance} · {self.state.symbol} · {known.total:,} watched")
        if text.cell_len + len(where) <= width:
            text.append(" " * (width - text.cell_len - len(where))).append(where, "dim")
        return text
