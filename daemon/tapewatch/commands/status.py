"""`tapewatch status`."""

import json as json_module
from typing import Annotated

import typer

from tapewatch import completions, runner
from tapewatch.arguments import DEFAULT_CONFIG, ConfigOption, JsonOption, load
from tapewatch.runner import WrongCommandError


def status(
    symbol: Annotated[
        str | None,
        typer.Option(help="Of this symbol; it may hold * and ?.", autocompletion=completions.symbols),
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> None:
    """Show every watch: last price and its age, distance to each level, indicators, its feed, what is silenced."""
    from tapewatch.status import read
    from tapewatch.status_view import show
    from tapewatch.terminal import Terminal

    own = load(config)
    found = runner.run(read(own, symbol))
    if not found.watches:
        names = ", ".join(watch.symbol for watch in own.watch[:8])
        raise WrongCommandError(f"no watch has the symbol {symbol!r}: there is {names}")
    if json:
        print(json_module.dumps(found.watches))
    else:
        show(found, Terminal())
