"""`tapewatch top`."""

from typing import Annotated

import typer

from tapewatch import arguments, completions, runner
from tapewatch.arguments import DEFAULT_CONFIG, ConfigOption


def top(
    config: ConfigOption = DEFAULT_CONFIG,
    symbol: Annotated[
        str | None,
        typer.Option(help="Which watch at first; left out: the first.", autocompletion=completions.symbols),
    ] = None,
    timeframe: Annotated[
        str | None,
        typer.Option(help="Which timeframe; left out: the shortest.", autocompletion=completions.timeframes),
    ] = None,
    url: Annotated[
        str | None,
        typer.Option(help="Another daemon's http://HOST:PORT; its token stands in TAPEWATCH_HTTP_TOKEN."),
    ] = None,
) -> None:
    """Show a running daemon live: chart, levels, alerts, health; ? in it shows the keys."""
    from tapewatch.top.address import NoAddressError, of_config, of_url
    from tapewatch.top.run import check_terminal, run

    check_terminal()
    with runner.wrong(NoAddressError):
        address = of_url(url) if url is not None else of_config(arguments.load(config))
    runner.run_until_stopped(lambda stop: run(address, symbol, timeframe, stop))
