"""`tapewatch backtest`."""

import sys
from typing import Annotated

import typer

from tapewatch import arguments, runner
from tapewatch.arguments import (
    DEFAULT_CONFIG,
    BarOption,
    ConfigOption,
    TapeArgument,
    TapeSymbolOption,
    WarmUpOption,
)


def backtest(
    files: TapeArgument,
    config: ConfigOption = DEFAULT_CONFIG,
    symbol: TapeSymbolOption = None,
    history: WarmUpOption = None,
    bar: BarOption = None,
    json: Annotated[
        str | None, typer.Option(metavar="PATH|-", help="Where the figures go as JSON; - is stdout.")
    ] = None,
    html: Annotated[
        str | None, typer.Option(metavar="PATH|-", help="Where the report goes, one HTML file; - is stdout.")
    ] = None,
) -> None:
    """Show how often each rule would have fired over past data, and what price did after."""
    own = arguments.load(config)
    arguments.check_paths([config, *files, *(history or [])], json, html)
    with runner.starting():
        runner.announce_compiling()
        from rich.console import Console
        from rich.progress import Progress

        from tapewatch.backtest import figures, report, run, tally, view
        from tapewatch.recorded import RecordedError
        from tapewatch.replay import ReplayError
        from tapewatch.terminal import Terminal
    with runner.wrong(ReplayError, RecordedError, run.NothingToTestError):
        test = run.Backtest(own, files, symbol=symbol, history=history or [], bar=bar)
        on_terminal = Console(stderr=True)
        with Progress(console=on_terminal, transient=True, disable=not sys.stderr.isatty()) as progress:
            task = progress.add_task("playing the tape", total=test.steps)
            past = test.run(lambda: progress.advance(task))
        found = tally.tally(past)
    with arguments.writing(json) as json_out, arguments.writing(html) as html_out:
        if json_out:
            json_out.write(figures.encode(found).decode())
        if html_out:
            html_out.write(report.html(past, found))
    if "-" not in (json, html):
        view.show(found, Terminal())
