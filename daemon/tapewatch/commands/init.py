"""`tapewatch init`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from tapewatch import completions, runner

DEFAULT_FILE = Path("tapewatch.toml")


def init(
    file: Annotated[Path, typer.Argument(help="The config to be.")] = DEFAULT_FILE,
    symbol: Annotated[
        str | None,
        typer.Option(
            help="What to watch: SPX, SPY, BTC/USD, XLC/SPY.", autocompletion=completions.init_symbols
        ),
    ] = None,
    vendor: Annotated[
        str | None,
        typer.Option(
            help="Where ticks come from: kraken, alpaca and so on, or simulator.",
            autocompletion=completions.init_vendors,
        ),
    ] = None,
    history: Annotated[
        str | None, typer.Option(metavar="vendor|FILE,…|none", help="Where bars of the past are.")
    ] = None,
    levels: Annotated[
        str | None,
        typer.Option(metavar="all|none|1,3-5,@7000", help="Which proposals, and prices of your own."),
    ] = None,
    receiver: Annotated[
        str | None,
        typer.Option(
            metavar="NAME,…",
            help="Who gets alerts: terminal, slack, email and so on.",
            autocompletion=completions.init_receivers,
        ),
    ] = None,
    channel: Annotated[str | None, typer.Option(help="For slack-bot: the channel's id.")] = None,
    to: Annotated[str | None, typer.Option(help="For email: the address.")] = None,
    smtp: Annotated[str | None, typer.Option(help="For email: the mail server, or SERVER:465.")] = None,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Ask nothing: take what would be proposed.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it is there.")] = False,
) -> None:
    """Write a watch: five questions, levels proposed from history, checked and ready to run."""
    with runner.starting():
        from tapewatch.init import place
        from tapewatch.init.dialogue import Dialogue
        from tapewatch.init.questions import Given, Questions
        from tapewatch.init.summary import show
        from tapewatch.ops import logs
        from tapewatch.terminal import Terminal
    logs.configure(level="error")
    given = Given(symbol, vendor, history, levels, receiver, channel, to, smtp)
    terminal = Terminal()
    asks = sys.stdin.isatty() and sys.stdout.isatty()
    with runner.wrong(place.TakenError):
        place.refuse_if_taken(file, force)
    try:
        answers = Questions(Dialogue(terminal, asks=asks, takes_defaults=yes), given, file.parent).answers()
        with runner.wrong(place.TakenError):
            written = place.put(answers, file, force=force)
    except (SystemExit, typer.Abort, EOFError):  # Ctrl-C, Ctrl-D
        runner.say("\nnothing was written")
        raise SystemExit(runner.FAILED) from None
    for problem in written.problems:
        runner.say(str(problem))
    show(answers, written, file, terminal)
