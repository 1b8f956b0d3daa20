"""What lies over the screen for a moment: the search for a symbol, and the keys."""

from typing import ClassVar

from rich.table import Table
from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from tapewatch.alerts.numbers import price as price_text
from tapewatch.notify.render import one_line
from tapewatch.top.client import Client, DaemonError
from tapewatch.top.wire import Listed

_KEYS = (
    ("↑ ↓, k j", "the symbol before, the next one"),
    ("/", "search symbols and titles"),
    ("1 to 9", "a timeframe, from the shortest"),
    ("t", "the next timeframe"),
    ("s", "silence the symbol for an hour, or lift that"),
    ("?", "these keys"),
    ("Esc", "close what lies above"),
    ("q, Ctrl-C", "quit"),
)
_SIGNS = (
    ("┃ blue", "a bar that closed at or above its open"),
    ("█ orange", "a bar that closed below it"),
    ("▲ ▼ ●", "an alert, at its bar"),
    ("!", "an alert that is critical"),
    ("✓ ✗ … –", "sent, given up, on its way, silenced or muted"),
)


class Search(ModalScreen[Listed | None]):
    """A symbol by a part of its name.

    Args:
        client: knows them all.
    """

    CSS = """
    Search { align: center middle; }
    #box { width: 60; max-width: 95%; height: auto; max-height: 80%; border: round $primary; padding: 0 1; }
    OptionList { height: auto; max-height: 14; border: none; text-wrap: nowrap; text-overflow: ellipsis; }
    Input { border: none; height: 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "close"),
        Binding("down", "move(1)", priority=True),
        Binding("up", "move(-1)", priority=True),
    ]

    def __init__(self, client: Client) -> None:
        super().__init__()
        self._client = client
        self._watches: list[Listed] = []

    def compose(self) -> ComposeResult:
        """What is typed, what fits, how many there are."""
        with Vertical(id="box"):
            yield Input(placeholder="symbol or title; Enter shows it")
            options = OptionList()
            options.can_focus = False
            yield options
            yield Static(id="told")

    def on_mount(self) -> None:
        """All of them, before anything is typed."""
        self._ask("")

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        self._ask(event.value)

    @on(Input.Submitted)
    def _chosen(self) -> None:
        at = self.query_one(OptionList).highlighted
        if at is not None and at < len(self._watches):
            self.dismiss(self._watches[at])

    def action_move(self, by: int) -> None:
        """The next of those that fit, or the one before."""
        options = self.query_one(OptionList)
        if by > 0:
            options.action_cursor_down()
        else:
            options.action_cursor_up()

    def _ask(self, text: str) -> None:
        """Only the last answer counts."""
        self.run_worker(self._fill(text), group="search", exclusive=True)

    async def _fill(self, text: str) -> None:
        options, told = self.query_one(OptionList), self.query_one("#told", Static)
        try:
            found = await self._client.watches(text.strip())
        except DaemonError as error:
            told.update(Text(str(error), "bold"))
            return
        self._watches = found.watches
        options.clear_options()
        options.add_options([Option(_row(own)) for own in found.watches])
        options.highlighted = 0 if found.watches else None
        told.update(Text(f"{found.found:,} of {found.total:,}", "dim"))


class Help(ModalScreen[None]):
    """The keys.

    Args:
        url: whom we ask.
    """

    CSS = """
    Help { align: center middle; }
    #box { width: 70; max-width: 100%; height: auto; max-height: 100%; border: round $primary; padding: 0 2; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,q,h,enter,space", "dismiss", "close")
    ]

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url

    def compose(self) -> ComposeResult:
        """Keys, signs, and where all of it comes from."""
        table = Table.grid(padding=(0, 3, 0, 0))
        for key, what in _KEYS:
            table.add_row(Text(key, "bold"), what)
        table.add_row()
        for sign, what in _SIGNS:
            table.add_row(Text(sign), what)
        table.add_row()
        table.add_row(Text("from", "dim"), Text(self._url, "dim"))
        with Vertical(id="box"):
            yield Static(table)


def _row(own: Listed) -> Text:
    cost = "" if own.price is None else price_text(own.price)
    title = "" if own.title == own.symbol else own.title
    return Text.assemble(
        (f"{one_line(own.symbol):<12}", "bold"), (f" {cost:>12}  ", ""), (one_line(title), "dim")
    )
