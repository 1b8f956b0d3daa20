"""`tapewatch tail`."""

import time
from typing import Annotated

import typer

from tapewatch import arguments, completions, runner
from tapewatch.arguments import DEFAULT_CONFIG, ConfigOption, JsonOption


def tail(
    symbol: Annotated[
        str | None,
        typer.Option(help="Of this symbol; it may hold * and ?.", autocompletion=completions.symbols),
    ] = None,
    rule: Annotated[
        str | None, typer.Option(help="Of this level, zone or condition.", autocompletion=completions.rules)
    ] = None,
    type_: Annotated[
        str | None,
        typer.Option("--type", help="Of this type, such as level.*", autocompletion=completions.types),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(help="First those reported since then: 2h for so long ago, or an ISO 8601 time."),
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> None:
    """Print alerts as they come, until Ctrl-C; a daemon that restarts is waited for."""
    runner.stoppable()
    since_ns = arguments.ago_ns(since, time.time_ns()) if since else None
    from tapewatch.config import Match
    from tapewatch.tail import follow

    own = arguments.load(config)
    if json:
        runner.write_utf8()
    match = Match(symbol=symbol, rule=rule, type=type_)
    runner.run_until_stopped(lambda stop: follow(own, stop, match, since_ns, as_json=json))
