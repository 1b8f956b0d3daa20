"""`tapewatch log`."""

import time
from typing import Annotated

import typer

from tapewatch import arguments, completions, runner
from tapewatch.arguments import DEFAULT_CONFIG, ConfigOption, JsonOption


def log(
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
        str | None, typer.Option(help="Reported since then: 2h for so long ago, or an ISO 8601 time.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="So many of the newest.")] = 50,
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> None:
    """Show the alerts of the past, and what became of each at each receiver."""
    since_ns = arguments.ago_ns(since, time.time_ns()) if since else 0
    own = arguments.load(config)
    from tapewatch import alert_log_view
    from tapewatch.config import Match
    from tapewatch.terminal import Terminal

    if json:
        runner.write_utf8()
    match = Match(symbol=symbol, rule=rule, type=type_)
    if not runner.run(alert_log_view.show(own, match, since_ns, limit, None if json else Terminal())):
        runner.say("no such alert")
